//! package-lock.json: what npm will install, and what it did install. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::package;
use crate::error::{Error, Kind, Result};

/// The names of lock files, relative to the app's folder. npm uses the first that exists.
pub(super) const LOCKS: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];
/// npm's note of what it installed: a lock file without the root, of the newest form.
pub(super) const INSTALLED: &str = "node_modules/.package-lock.json";
/// The folder that packages are installed in, with a trailing slash.
const MODULES: &str = "node_modules/";

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    packages: BTreeMap<String, Locked>,
    /// What lock files of npm before version 7 have instead.
    #[serde(default)]
    dependencies: BTreeMap<String, OldLocked>,
}

#[derive(Deserialize)]
struct OldLocked {
    #[serde(default)]
    version: String,
    #[serde(default)]
    dev: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locked {
    version: Option<String>,
    resolved: Option<String>,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    has_install_script: bool,
}

fn parse(json: &[u8], name: &str) -> Result<Lock> {
    package::read(json)
        .map_err(|e| Error::new(Kind::Input, format!("{name} is not valid")).because(e))
}

/// Refuses what npm would silently leave out of a package (npm/cli#3466): links to folders, which
/// workspace packages and `file:` dependencies are installed as.
pub(crate) fn check(json: &[u8]) -> Result<()> {
    let lock = parse(json, "the lock file")?;
    let Some((name, folder)) = linked(&lock) else { return Ok(()) };
    let message = format!("the dependency {name} is a workspace package or folder ({folder})");
    Err(Error::new(Kind::Input, message).remedy(
        "npm does not bundle links: publish it to a registry, or depend on its packed .tgz",
    ))
}

fn linked(lock: &Lock) -> Option<(&str, &str)> {
    if let Some((path, locked)) = lock.packages.iter().find(|(_, l)| l.link && !l.dev) {
        let name = path.rsplit_once(MODULES).map_or(path.as_str(), |(_, name)| name);
        return Some((name, locked.resolved.as_deref().unwrap_or("a folder")));
    }
    // a lock file of version 2 has both lists; the other one is for older npm versions
    if !lock.packages.is_empty() {
        return None;
    }
    lock.dependencies.iter().filter(|(_, old)| !old.dev).find_map(|(name, old)| {
        let place = old.version.strip_prefix("file:")?;
        let packed = [".tgz", ".tar.gz", ".tar"].iter().any(|end| place.ends_with(end));
        (!packed).then_some((name.as_str(), place))
    })
}

/// The packages that were installed for production.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    /// Folders relative to the app's, as in `node_modules/a/node_modules/b`.
    pub folders: BTreeSet<String>,
    /// The packages directly in the app's node_modules: name and version.
    pub top: BTreeMap<String, String>,
    /// The folders of packages that have an install script.
    pub scripted: Vec<String>,
}

/// Reads npm's note of what it installed; `json` is none when it installed nothing.
pub(crate) fn installed(json: Option<&[u8]>) -> Result<Installed> {
    let mut found = Installed::default();
    let Some(json) = json else { return Ok(found) };
    for (path, locked) in parse(json, INSTALLED)?.packages {
        let name = path.strip_prefix(MODULES).filter(|name| !name.contains(MODULES));
        if let (Some(name), Some(version)) = (name, locked.version) {
            found.top.insert(name.to_owned(), version);
        }
        if locked.has_install_script {
            found.scripted.push(path.clone());
        }
        found.folders.insert(path);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_dependency_is_refused_unless_only_development_needs_it() {
        let lock = |dev: bool| {
            format!(
                r#"{{"packages": {{"": {{}}, "node_modules/@acme/util": {{"resolved": "../util", "link": true, "dev": {dev}}}}}}}"#
            )
        };
        let error = check(lock(false).as_bytes()).unwrap_err();
        assert!(
            error.to_string().starts_with("the dependency @acme/util is a workspace"),
            "{error}"
        );
        check(lock(true).as_bytes()).unwrap();
    }

    #[test]
    fn nested_packages_are_no_top_ones() {
        let json = br#"{"packages": {"node_modules/@a/b": {"version": "1.0.0"}, "node_modules/@a/b/node_modules/c": {"version": "2.0.0"}}}"#;
        let found = installed(Some(json)).unwrap();
        assert_eq!(
            found.top.into_iter().collect::<Vec<_>>(),
            [("@a/b".to_owned(), "1.0.0".to_owned())]
        );
        assert_eq!(found.folders.len(), 2);
    }

    #[test]
    fn a_link_is_told_in_a_lock_file_of_the_first_version_too() {
        let lock = |version: &str| {
            format!(
                r#"{{"lockfileVersion": 1, "dependencies": {{"util": {{"version": "{version}"}}}}}}"#
            )
        };
        let error = check(lock("file:../util").as_bytes()).unwrap_err();
        let said = "the dependency util is a workspace package or folder (../util)";
        assert_eq!(error.to_string(), said);
        check(lock("file:../util-1.0.0.tgz").as_bytes()).unwrap();
        check(lock("1.0.0").as_bytes()).unwrap();
        let marked = [b"\xEF\xBB\xBF", lock("1.0.0").as_bytes()].concat();
        check(&marked).unwrap();
    }
}
