//! What the archives of a base have for it since it was made, and how it is made anew.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::cache::Taken;
use super::{Cache, Definition, DefinitionKind, Root, mirror, mmdebstrap};
use crate::apt::{State, version};
use crate::command;
use crate::error::{Error, Kind, Result};
use crate::manifest::Package;
use crate::progress::Progress;
use crate::whole::Work;

/// The end of the names of suites with security updates, Debian's as well as Ubuntu's.
const SECURITY: &str = "-security";

/// A newer version of a package that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The package.
    pub name: String,
    /// The version in the base.
    pub from: String,
    /// The version in the archive.
    pub to: String,
}

impl Definition {
    /// Whether the archives' content never changes for it: it is a file of somebody's, or names a date.
    pub fn is_pinned(&self) -> bool {
        self.kind == DefinitionKind::Tarball || self.snapshot.is_some()
    }
}

impl Cache {
    /// The base, made now unless somebody did since that time.
    pub fn renew(
        &self,
        definition: &Definition,
        since: SystemTime,
        progress: &dyn Progress,
    ) -> Result<Root> {
        self.base(definition, &[], Taken::MadeSince(since), progress)
    }

    /// What the archives' security suites have that is newer than these packages, by name.
    ///
    /// # Errors
    /// [`Kind::Network`] when no mirror answers, [`Kind::Tool`] when apt fails.
    pub fn security_updates(
        &self,
        definition: &Definition,
        installed: &[Package],
        progress: &dyn Progress,
    ) -> Result<Vec<Update>> {
        progress.step("asking the archives for security updates", None);
        let work = Work::new_in(&self.part("tmp"))?;
        let (chosen, _) = mirror::choose(definition, 0, work.path(), progress)?;
        let sources = mmdebstrap::sources(definition, &chosen)?;
        let state = State::open(work.path().join("apt"), &sources)?;
        state.update()?;
        let suites: Vec<&str> = definition
            .archives
            .iter()
            .flat_map(|archive| &archive.suites)
            .map(String::as_str)
            .filter(|suite| suite.ends_with(SECURITY))
            .collect();
        let mut newest = BTreeMap::new();
        for suite in suites {
            read(&index(&state, suite)?, &mut newest);
        }
        Ok(updates(&newest, installed))
    }
}

/// The packages of a suite, as apt keeps its index.
fn index(state: &State, suite: &str) -> Result<String> {
    let mut ask = state.run("apt-get");
    ask.args(["indextargets", "--format", "$(FILENAME)", "Identifier: Packages"]);
    ask.arg(format!("Release: {suite}"));
    let files = command::output(&mut ask, "apt")?;
    let files = String::from_utf8_lossy(&files).into_owned();
    let mut cat = state.run("/usr/lib/apt/apt-helper");
    cat.arg("cat-file").args(files.lines());
    if files.trim().is_empty() {
        return Err(Error::new(Kind::Tool, format!("apt has no index of {suite}")));
    }
    Ok(String::from_utf8_lossy(&command::output(&mut cat, "apt")?).into_owned())
}

/// Adds the packages of an index, each with its newest version (Debian Policy 5.1: a field a line, an empty line between
/// paragraphs).
fn read(index: &str, newest: &mut BTreeMap<String, String>) {
    for paragraph in index.split("\n\n") {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let (Some(name), Some(found)) = (field("Package"), field("Version")) else { continue };
        let known = newest.entry(name.to_owned()).or_insert_with(|| found.to_owned());
        if version::compare(found, known).is_gt() {
            *known = found.to_owned();
        }
    }
}

fn updates(newest: &BTreeMap<String, String>, installed: &[Package]) -> Vec<Update> {
    let newer = installed.iter().filter_map(|package| {
        let to = newest.get(&package.name)?;
        version::compare(to, &package.version).is_gt().then(|| Update {
            name: package.name.clone(),
            from: package.version.clone(),
            to: to.clone(),
        })
    });
    newer.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_of_what_is_installed_is_an_update_and_nothing_else_is() {
        let index = "Package: openssl\nVersion: 3.0.9-1\n\nPackage: openssl\nVersion: 3.0.11-1~deb12u2\nDescription: x\n\n\
                     Package: curl\nVersion: 7.88.1-10\n\nPackage: vim\nVersion: 9\n";
        let mut newest = BTreeMap::new();
        read(index, &mut newest);
        let package = |name: &str, version: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "amd64".to_owned(),
        };
        let installed = [
            package("curl", "7.88.1-10"),
            package("openssl", "3.0.11-1~deb12u1"),
            package("zsh", "1"),
        ];
        let update = Update {
            name: "openssl".to_owned(),
            from: "3.0.11-1~deb12u1".to_owned(),
            to: "3.0.11-1~deb12u2".to_owned(),
        };
        assert_eq!(updates(&newest, &installed), [update]);
    }
}
