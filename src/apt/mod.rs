//! apt with its own state: neither the builder's sources nor its release matter, and nothing on the
//! builder changes. apt itself fetches and verifies the indexes.

mod names;
pub mod version;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

pub use names::Names;

use crate::command::{self, Sees};
use crate::error::{Context, Error, Kind, Result};
use crate::lock;

/// apt's state for one list of sources. No other process changes it meanwhile.
pub(crate) struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Prepares the state in `folder`, and waits while another process uses it. Nothing is fetched
    /// yet.
    pub(crate) fn open(folder: PathBuf, sources: &str) -> Result<Self> {
        // apt's own lock gives up when somebody holds it
        let lock = lock::wait(&folder.with_extension("lock"))?;
        for part in ["lists/partial", "archives/partial", "empty"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).at("cannot create the folder", &part)?;
        }
        for (name, text) in [("sources.list", sources), ("status", "")] {
            let path = folder.join(name);
            fs::write(&path, text).at("cannot write", &path)?;
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Fetches the sources' indexes, or finds that they have not changed; apt verifies them.
    pub(crate) fn update(&self) -> Result<()> {
        command::output(self.run("apt-get").args(["--error-on=any", "update"]), "apt").map(drop)
    }

    /// One of apt's programs, working on this state.
    pub(crate) fn run(&self, program: &str) -> Command {
        let mut command = command::seeing(program, Sees::Network(&[]));
        let at = |name: &str| self.folder.join(name).display().to_string();
        command.env("LC_ALL", "C.UTF-8").arg("-q").args([
            // the builder's configuration is not read: neither its sources nor its hooks
            format!("-oDir::Etc::main={}", at("none")),
            format!("-oDir::Etc::parts={}", at("empty")),
            format!("-oDir::Etc::sourcelist={}", at("sources.list")),
            format!("-oDir::Etc::sourceparts={}", at("empty")),
            format!("-oDir::Etc::preferencesparts={}", at("empty")),
            format!("-oDir::State={}", at("")),
            format!("-oDir::State::lists={}", at("lists")),
            format!("-oDir::State::status={}", at("status")),
            format!("-oDir::Cache={}", at("")),
            "-oAPT::Architecture=amd64".to_owned(),
            "-oAPT::Architectures::=amd64".to_owned(),
            "-oAcquire::Languages=none".to_owned(),
            "-oAcquire::Retries=3".to_owned(),
            // apt's own user may not write below a private cache
            "-oAPT::Sandbox::User=root".to_owned(),
        ]);
        command
    }
}

/// Words go into apt's source line and arguments: nothing in them may end the word or look like an
/// option.
pub(crate) fn check_word(word: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"./:=+~-_".contains(&b);
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("{word:?} is refused as a word for apt")))
}
