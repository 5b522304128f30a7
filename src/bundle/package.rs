//! The distribution's packages, fetched and verified by apt in a state of its own: neither the builder's
//! sources nor its release matter, and nothing on the builder changes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::site::Archive;
use crate::command::{self, Sees};
use crate::error::{Context, Error, Kind, Result};
use crate::lock;
use crate::units::Digest;

/// apt's state for one archive, in the cache; no other process changes it meanwhile.
pub(crate) struct Apt {
    folder: PathBuf,
    _lock: File,
}

/// A package on this machine.
pub(crate) struct Deb {
    /// `name=version`.
    pub id: String,
    /// The unpacked files.
    pub root: PathBuf,
}

impl Apt {
    /// Prepares the state and fetches the archive's index; apt verifies it with the keyring.
    pub(crate) fn open(archive: &Archive, cache: &Path) -> Result<Self> {
        let Archive { mirror, suite, components, keyring } = archive;
        for word in [mirror, suite, keyring].into_iter().chain(components) {
            check_word(word)?;
        }
        let there =
            Path::new(keyring).try_exists().at("cannot look at the archive's keyring", keyring)?;
        if !there {
            return Err(Error::new(Kind::NotFound, "the archive's keyring is not there")
                .at(keyring)
                .remedy("install debian-archive-keyring or ubuntu-keyring"));
        }
        let components = components.join(" ");
        let source = format!("deb [signed-by={keyring}] {mirror} {suite} {components}\n");
        let home = cache.join("apt");
        fs::create_dir_all(&home).at("cannot create the cache", &home)?;
        let folder = home.join(Digest::of(&source).short());
        // apt has a lock of its own, and gives up where somebody holds it
        let lock = lock::wait(&folder.with_extension("lock"))?;
        for part in ["lists/partial", "archives/partial", "empty"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).at("cannot create the folder", &part)?;
        }
        for (name, text) in [("sources.list", source.as_str()), ("status", "")] {
            let path = folder.join(name);
            fs::write(&path, text).at("cannot write", &path)?;
        }
        let apt = Self { folder, _lock: lock };
        apt.run("apt-get").args(&["--error-on=any", "update"]).finish()?;
        Ok(apt)
    }

    /// Downloads packages, all in one run because each reads the whole index, and unpacks them below
    /// `work`. Gives them by name; `wanted` has the exact version where one is asked for.
    pub(crate) fn fetch(
        &self,
        wanted: &BTreeMap<&str, Option<&str>>,
        work: &Path,
    ) -> Result<BTreeMap<String, Deb>> {
        let words: Vec<String> = wanted
            .iter()
            .map(|(name, version)| match version {
                Some(version) => format!("{name}={version}"),
                None => (*name).to_owned(),
            })
            .collect();
        words.iter().try_for_each(|word| check_word(word))?;
        let folder = work.join("debs");
        fs::create_dir_all(&folder).at("cannot create the folder", &folder)?;
        self.run("apt-get").args(&["download"]).args(&words).current_dir(&folder).finish()?;
        let mut debs = BTreeMap::new();
        for entry in fs::read_dir(&folder).at("cannot list", &folder)? {
            let file = entry.at("cannot list", &folder)?.path();
            if file.extension().is_some_and(|e| e == "deb") {
                let deb = unpack(&file)?;
                debs.insert(deb.id.split('=').next().unwrap_or_default().to_owned(), deb);
            }
        }
        Ok(debs)
    }

    fn run(&self, program: &str) -> Run {
        let mut command = command::seeing(program, Sees::Network(&[]));
        let at = |name: &str| self.folder.join(name).display().to_string();
        command.env("LC_ALL", "C.UTF-8").args(["-q", "-y"]).args([
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
        Run(command)
    }
}

struct Run(Command);

impl Run {
    fn args(mut self, args: &[impl AsRef<OsStr>]) -> Self {
        self.0.args(args);
        self
    }

    fn current_dir(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    fn finish(mut self) -> Result<()> {
        command::output(&mut self.0, "apt").map(drop)
    }
}

/// Words go into apt's source line and arguments: nothing in them may end the word or look like an option.
fn check_word(word: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"./:=+~-_".contains(&b);
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("{word:?} is refused as a word for apt")))
}

/// Unpacks a package beside its file, without running anything of it.
fn unpack(file: &Path) -> Result<Deb> {
    let root = file.with_extension("root");
    fs::create_dir_all(&root).at("cannot create the folder", &root)?;
    command::output(
        command::seeing("dpkg-deb", Sees::Plain).arg("-x").arg(file).arg(&root),
        "dpkg",
    )?;
    let mut ask = command::seeing("dpkg-deb", Sees::Plain);
    let ask = ask.args(["--show", "--showformat=${Package}=${Version}"]).arg(file);
    let id = command::output(ask, "dpkg")?;
    Ok(Deb { id: String::from_utf8_lossy(&id).into_owned(), root })
}
