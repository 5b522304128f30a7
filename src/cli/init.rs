//! `slipway init`: a vendor's new project.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::project::Surroundings;
use crate::starter::{self, Start};

use super::terminal;

/// Arguments of `slipway init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's folder: a new one, or an empty one
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Include an example: a site with a database, and an application of your own
    #[arg(long)]
    example: bool,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let start = if args.example { Start::Example } else { Start::Small };
    let folder = surroundings.absolute(&args.folder)?;
    refuse_this_one(&folder, surroundings.here.as_deref())?;
    let files = starter::files(start)?;
    starter::write(&folder, &files)?;
    let name = surroundings.shown(&folder);
    terminal::print(format!("{}: a project of {} files", name.display(), files.len()))?;
    let (site, customer) = (start.site(), start.customer());
    terminal::advise(&format!(
        "its README.md says what is where. These commands lead to a machine that is READY:

    cd {}
    slipway key new vendor --trust --no-passphrase
    slipway bundle build sites/{site} --publish \"file://$PWD/out/store\" --channel stable
    slipway build {customer}
    slipway smoke {customer}
",
        quoted(&name)
    ));
    Ok(0)
}

/// The folder gets its name when it is whole; who stands in the empty one of that name would stand nowhere.
fn refuse_this_one(folder: &Path, here: Option<&Path>) -> Result<()> {
    match folder.canonicalize() {
        Ok(folder) if here.is_some_and(|here| here.starts_with(&folder)) => {
            Err(Error::new(Kind::Refused, "cannot create a project in the folder that you are in")
                .at(folder)
                .remedy("name a new folder, as in `slipway init appliances`"))
        }
        _ => Ok(()),
    }
}

/// As a shell reads it back.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
