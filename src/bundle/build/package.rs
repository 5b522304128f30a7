//! The distribution's packages, fetched and verified by apt in a state of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::site::Archive;
use crate::apt::{State, check_word};
use crate::command::{self, Sees};
use crate::error::{Context, Error, Kind, Result};
use crate::units::Digest;

/// apt's state for one archive, in the cache.
pub(crate) struct Apt(State);

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
        let state = State::open(home.join(Digest::of(&source).short()), &source)?;
        state.update()?;
        Ok(Self(state))
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
        let mut get = self.0.run("apt-get");
        command::output(get.arg("download").args(&words).current_dir(&folder), "apt")?;
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
