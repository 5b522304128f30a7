//! The operating system's packages, from dpkg's own list.

use super::component::{Component, OperatingSystem, Sort, SourcePackage};
use super::stanza::{Stanza, stanzas};
use super::{copyright, purl};
use crate::error::Result;
use crate::inspect::root::Root;
use crate::progress::Progress;
use crate::units::MIB;

/// dpkg's list, and the largest that is read, in bytes: a full desktop's has a few MiB.
const STATUS: (&str, u64) = ("/var/lib/dpkg/status", 64 * MIB);
/// The largest file about a package's licence that is read, in bytes; the kernel's has 50 KiB.
const COPYRIGHT: u64 = 4 * MIB;
/// States in which nothing of a package but its settings is there (dpkg(1)).
const GONE: [&str; 2] = ["not-installed", "config-files"];

/// Each package that is there, wholly or half.
pub(super) fn of(
    root: &Root,
    system: Option<&OperatingSystem>,
    within: &[String],
    progress: &dyn Progress,
) -> Result<Vec<Component>> {
    let Some(text) = root.bytes(STATUS.0, STATUS.1)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for stanza in stanzas(&String::from_utf8_lossy(&text)) {
        progress.go_on()?;
        let Some(component) = component(&stanza, system) else { continue };
        let path = format!("/usr/share/doc/{}/copyright", component.name);
        let licence = root.bytes(&path, COPYRIGHT)?;
        let licence = licence.and_then(|text| copyright::licence(&String::from_utf8_lossy(&text)));
        found.push(Component { licence, within: within.to_vec(), ..component });
    }
    Ok(found)
}

fn component(stanza: &Stanza, system: Option<&OperatingSystem>) -> Option<Component> {
    let state = stanza.get("status")?.split_whitespace().nth(2)?;
    if GONE.contains(&state) {
        return None;
    }
    let (name, version) = (stanza.get("package")?, stanza.get("version")?);
    let architecture = stanza.get("architecture")?;
    let purl = purl::deb(name, version, architecture, system);
    Some(Component {
        architecture: Some(architecture.clone()),
        source: stanza.get("source").map(|source| source_of(source, version)),
        supplier: stanza.get("maintainer").cloned(),
        ..Component::new(Sort::Package, purl, name, version)
    })
}

/// `name` or `name (version)`.
fn source_of(source: &str, version: &str) -> SourcePackage {
    let (name, other) = source.split_once('(').unwrap_or((source, version));
    let version = other.trim_end_matches(')').trim().to_owned();
    SourcePackage { name: name.trim().to_owned(), version }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Component> {
        stanzas(text).iter().filter_map(|stanza| component(stanza, None)).collect()
    }

    #[test]
    fn packages_that_are_there_are_told_and_those_whose_settings_alone_are_left_are_not() {
        let entry = |name: &str, state: &str| {
            format!(
                "Package: {name}\nStatus: install ok {state}\nMaintainer: A <a@b>\nArchitecture: all\n\
                 Source: src (2.0)\nVersion: 2.0+b1\n\n"
            )
        };
        let states = ["installed", "half-configured", "config-files", "not-installed"];
        let text: String =
            states.iter().map(|state| entry(&format!("in-{state}"), state)).collect();
        let found = read(&text);
        let names: Vec<&str> = found.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["in-installed", "in-half-configured"]);
        let source = SourcePackage { name: "src".into(), version: "2.0".into() };
        assert_eq!(found[0].source, Some(source));
        assert_eq!(found[0].purl, "pkg:deb/debian/in-installed@2.0%2Bb1?arch=all");
    }
}
