//! Which words are allowed in a definition and a layer: they end up in apt's arguments and in a
//! sources.list.

use super::{Archive, Definition, DefinitionKind};
use crate::units::Timestamp;

/// The word in the file that is wrong, and why.
pub type Wrong = (String, String);

/// Checks what a definition's types cannot.
pub fn definition(definition: &Definition) -> Result<(), Wrong> {
    kind(definition)?;
    let tarball = definition.tarball.iter().map(|tarball| &tarball.time);
    for time in definition.snapshot.iter().chain(tarball) {
        let moment = time.parse().and_then(Timestamp::for_image);
        moment.map_err(|e| (time.clone(), e.to_string()))?;
    }
    for each in &definition.archives {
        archive(each)?;
        if definition.snapshot.is_some() && each.snapshots.is_none() {
            return wrong("snapshot", "an archive has no snapshots to take");
        }
    }
    let mut packages = definition.all_packages();
    packages.extend_from_slice(&definition.puppet.server);
    match packages.iter().find(|package| !is_package_name(package)) {
        Some(package) => wrong(package, &format!("{package:?} is not a package name")),
        None => Ok(()),
    }
}

fn kind(definition: &Definition) -> Result<(), Wrong> {
    let Definition { keyring, archives, packages, tarball, .. } = definition;
    let complete = match definition.kind {
        DefinitionKind::Mmdebstrap => {
            keyring.is_some() && !archives.is_empty() && packages.is_some() && tarball.is_none()
        }
        DefinitionKind::Tarball => {
            tarball.is_some() && packages.is_none() && (archives.is_empty() || keyring.is_some())
        }
    };
    if complete {
        return Ok(());
    }
    let needs = match definition.kind {
        DefinitionKind::Mmdebstrap => "[keyring], [[archives]] and [packages], and no [tarball]",
        DefinitionKind::Tarball => {
            "[tarball], no [packages], and a [keyring] with its [[archives]]"
        }
    };
    wrong("kind", &format!("this kind needs {needs}"))
}

fn archive(archive: &Archive) -> Result<(), Wrong> {
    if archive.mirrors.is_empty() || archive.suites.is_empty() {
        return wrong("archives", "an archive needs mirrors and suites");
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/+~".contains(&b);
    for word in archive.suites.iter().chain(&archive.components) {
        if word.is_empty() || !word.bytes().all(plain) {
            return wrong(word, &format!("{word:?} is not a suite or component"));
        }
    }
    for mirror in archive.mirrors.iter().chain(&archive.snapshots) {
        let known = ["http://", "https://", "file:///"].iter().any(|p| mirror.starts_with(p));
        if !known || !mirror.bytes().all(|b| plain(b) || b":@%=?&".contains(&b)) {
            let why = "is not a mirror: write http://, https:// or file:///";
            return wrong(mirror, &format!("{mirror:?} {why}"));
        }
    }
    Ok(())
}

fn wrong(word: &str, why: &str) -> Result<(), Wrong> {
    Err((word.to_owned(), why.to_owned()))
}

/// Whether apt takes it for a package's name, with or without a version, and for nothing else (no
/// option, no task, no removal).
pub fn is_package_name(text: &str) -> bool {
    let (name, version) = text.split_once('=').unwrap_or((text, "0"));
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    let in_version = |b: u8| b.is_ascii_alphanumeric() || b"+-.~:".contains(&b);
    // apt reads a trailing + or - as "install" or "remove" when no package has the whole name
    first
        && name.len() > 1
        && name.bytes().all(in_name)
        && !name.ends_with('-')
        && !version.is_empty()
        && version.bytes().all(in_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_packages_reach_apt() {
        for good in ["nginx", "g++", "libc6", "puppet-agent=7.23.0-1", "0ad"] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in ["", "-y", "nginx-", "a b", "x;id", "task^", "nginx/sid", "nginx=", "Nginx"] {
            assert!(!is_package_name(bad), "{bad}");
        }
    }
}
