//! Which project a verb works on, and how its paths and errors are shown.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::profile::{Diagnostics, Style};
use crate::project::{Project, Surroundings};

use super::terminal;

/// Which project; every verb that reads profiles flattens this into its arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The project: the folder with profiles/ [default: $SLIPWAY_PROJECT, else the nearest one from here
    /// upward]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// The folder of profiles [default: profiles/ of the project]
    #[arg(long = "profiles", value_name = "DIR")]
    profiles_folder: Option<PathBuf>,
}

impl Options {
    /// What was given here counts more than what the environment says.
    pub fn within(&self, surroundings: &Surroundings) -> Surroundings {
        let mut surroundings = surroundings.clone();
        surroundings.project = self.project.clone().or(surroundings.project);
        surroundings.profiles.clone_from(&self.profiles_folder);
        surroundings
    }

    /// Finds the project.
    pub fn open(&self, surroundings: &Surroundings) -> Result<Project> {
        Project::open(&self.within(surroundings))
    }

    /// Finds the project; none where nobody names one and there is none.
    pub fn open_if_any(&self, surroundings: &Surroundings) -> Result<Option<Project>> {
        Project::open_if_any(&self.within(surroundings))
    }
}

/// What this process was started with. Read once: whatever a verb does later sees the same.
pub(super) fn surroundings() -> Surroundings {
    let surroundings = Surroundings::new(std::env::current_dir().ok(), std::env::vars_os());
    let host = rustix::system::uname().nodename().to_str().ok().map(str::to_owned);
    Surroundings { host, threads: std::thread::available_parallelism().ok(), ..surroundings }
}

/// Shows every error of a profile on stderr.
pub(super) fn show(diagnostics: &Diagnostics) {
    terminal::complain(&format!("{}\n", diagnostics.render(&style())));
}

/// How errors are shown here: colours are taken away later where they are not wanted.
fn style() -> Style {
    Style { color: true, width: terminal::width(), here: std::env::current_dir().ok() }
}

/// A path as the user would write it.
pub(super) fn shown(path: &Path) -> PathBuf {
    match std::env::current_dir() {
        Ok(here) => path.strip_prefix(&here).unwrap_or(path).to_owned(),
        Err(_) => path.to_owned(),
    }
}

/// "1 error", "2 errors".
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
