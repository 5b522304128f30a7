//! metadata.json: what a module asks for must be in the bundle, in a version that it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::super::files::Files;
use super::range::{self, Range};
use crate::error::{Context, Error, Kind, Result};

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, Deserialize)]
struct Dependency {
    name: String,
    version_requirement: Option<String>,
}

/// The version that the module in a folder of the bundle says it has.
pub(in super::super) fn version(files: &Files, home: &str) -> Result<Option<String>> {
    Ok(read(files, home)?.and_then(|metadata| metadata.version))
}

fn read(files: &Files, home: &str) -> Result<Option<Metadata>> {
    let path = format!("{home}/metadata.json");
    if !files.paths().any(|there| there == path) {
        return Ok(None);
    }
    parse(&files.read(&path)?).map(Some).map_err(|e| e.at(files.place(&path)))
}

fn parse(bytes: &[u8]) -> Result<Metadata> {
    let metadata: Metadata = serde_json::from_slice(bytes)
        .map_err(|e| Error::new(Kind::Input, "the module's metadata is not valid").because(e))?;
    for (key, value) in [("name", &metadata.name), ("version", &metadata.version)] {
        if value.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(Error::new(Kind::Input, format!("the module's metadata has no {key}")));
        }
    }
    Ok(metadata)
}

/// Refuses an unpacked release that is not the one that was asked for: one without metadata.json at its top is
/// no module at all.
pub(in super::super) fn release(folder: &Path, slug: &str, version: &str) -> Result<()> {
    let path = folder.join("metadata.json");
    let bytes = match fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let message = format!("the release {slug}-{version} has no metadata.json at its top");
            return Err(Error::new(Kind::Damaged, message)
                .remedy("make it with `puppet module build` or `pdk build`"));
        }
        read => read.at("cannot read", &path)?,
    };
    let metadata = parse(&bytes)?;
    let name = hyphened(metadata.name.as_deref().unwrap_or_default());
    let found = format!("{name}-{}", metadata.version.unwrap_or_default());
    if found == format!("{slug}-{version}") {
        return Ok(());
    }
    let message = format!("the release {slug}-{version} says in metadata.json that it is {found}");
    Err(Error::new(Kind::Damaged, message))
}

/// What is known of the modules of a bundle, by their folders' names.
type Modules = BTreeMap<String, Option<Metadata>>;

/// What was found that is no error.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Remarks {
    /// Names in `unmet` that no module misses.
    pub stale: Vec<String>,
    /// Ranges that the distribution's own modules do not keep among themselves.
    pub excused: usize,
}

/// Checks all modules. Those in `packaged` are the distribution's: it releases them together and leaves
/// their metadata as upstream wrote it, so among them it is enough that each is there.
pub(super) fn check(
    files: &Files,
    unmet: &BTreeMap<String, String>,
    packaged: &BTreeSet<String>,
) -> Result<Remarks> {
    let of_path =
        |path: &str| path.strip_prefix("modules/")?.split_once('/').map(|(n, _)| n.to_owned());
    let names: BTreeSet<String> = files.paths().filter_map(of_path).collect();
    let mut modules = Modules::new();
    for name in names {
        let metadata = read(files, &format!("modules/{name}"))?;
        modules.insert(name, metadata);
    }
    let unmet = unmet.keys().map(|name| hyphened(name)).collect();
    let (missed, remarks) = compare(&modules, &unmet, packaged);
    if missed.is_empty() {
        return Ok(remarks);
    }
    let count = if missed.len() == 1 { "a dependency" } else { "dependencies" };
    let message =
        format!("modules have {count} that the bundle does not meet\n{}", missed.join("\n"));
    Err(Error::new(Kind::Input, message).remedy(
        "add the module to SITE.toml, or say why nothing misses it: [unmet] \"puppetlabs-apt\" = \"reason\"",
    ))
}

/// The forge writes `puppetlabs/stdlib` and `puppetlabs-stdlib`.
fn hyphened(name: &str) -> String {
    name.replacen('/', "-", 1)
}

/// What is missed, a line each, and what may be remarked.
fn compare(
    modules: &Modules,
    unmet: &BTreeSet<String>,
    packaged: &BTreeSet<String>,
) -> (Vec<String>, Remarks) {
    let (mut missed, mut excused) = (Vec::new(), 0);
    let mut stale = unmet.clone();
    for (name, metadata) in modules {
        let Some(metadata) = metadata else { continue };
        for dependency in &metadata.dependencies {
            let wanted = hyphened(&dependency.name);
            let Some(fault) = fault(dependency, &wanted, modules) else { continue };
            let short = short(&wanted);
            if unmet.contains(&wanted) {
                stale.remove(&wanted);
            } else if fault.range && packaged.contains(name) && packaged.contains(short) {
                excused += 1;
            } else {
                let range = dependency.version_requirement.as_deref().unwrap_or("any version");
                missed.push(format!("{name} needs {wanted} {range}: {}", fault.fact));
            }
        }
    }
    (missed, Remarks { stale: stale.into_iter().collect(), excused })
}

/// The folder's name of `puppetlabs-stdlib`.
fn short(full: &str) -> &str {
    full.split_once('-').map_or(full, |(_, name)| name)
}

/// Why a dependency is not met.
struct Fault {
    fact: String,
    /// The module is there, in a version outside of the range.
    range: bool,
}

fn fault(dependency: &Dependency, wanted: &str, modules: &Modules) -> Option<Fault> {
    let other = |fact: &str| Some(Fault { fact: fact.to_owned(), range: false });
    let Some(found) = modules.get(short(wanted)) else { return other("it is not in the bundle") };
    // a module without metadata is the vendor's own affair
    let metadata = found.as_ref()?;
    let full = hyphened(metadata.name.as_deref()?);
    if full != wanted {
        return other(&format!("the bundle has {full} in its place"));
    }
    let text = dependency.version_requirement.as_deref()?;
    let Some(range) = Range::parse(text) else {
        return other("the range cannot be read");
    };
    let version = metadata.version.as_deref().unwrap_or_default();
    let holds = range::version(version).is_some_and(|version| range.holds(&version));
    (!holds).then(|| Fault { fact: format!("the bundle has {version}"), range: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(full: &str, version: &str, needs: &[(&str, &str)]) -> Option<Metadata> {
        let dependency = |(name, range): &(&str, &str)| Dependency {
            name: (*name).to_owned(),
            version_requirement: Some((*range).to_owned()),
        };
        let dependencies = needs.iter().map(dependency).collect();
        Some(Metadata {
            name: Some(full.to_owned()),
            version: Some(version.to_owned()),
            dependencies,
        })
    }

    fn compared(
        unmet: &[&str],
        packaged: &[&str],
        modules: Vec<(&str, Option<Metadata>)>,
    ) -> (Vec<String>, Remarks) {
        let modules = modules.into_iter().map(|(n, m)| (n.to_owned(), m)).collect();
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        compare(&modules, &set(unmet), &set(packaged))
    }

    #[test]
    fn what_is_missing_too_old_or_of_another_author_is_named() {
        let needs = [
            ("puppetlabs/stdlib", ">= 9.0.0 < 10.0.0"),
            ("puppetlabs-apt", ">= 1"),
            ("puppet/systemd", ">= 1"),
        ];
        let (missed, _) = compared(
            &[],
            &["postgresql"],
            vec![
                ("postgresql", module("puppetlabs-postgresql", "10.0.0", &needs)),
                ("stdlib", module("puppetlabs-stdlib", "8.5.0", &[])),
                ("systemd", module("camptocamp-systemd", "3.0.0", &[])),
            ],
        );
        assert_eq!(
            missed,
            [
                "postgresql needs puppetlabs-stdlib >= 9.0.0 < 10.0.0: the bundle has 8.5.0",
                "postgresql needs puppetlabs-apt >= 1: it is not in the bundle",
                "postgresql needs puppet-systemd >= 1: the bundle has camptocamp-systemd in its place",
            ]
        );
    }

    #[test]
    fn an_exception_that_nothing_needs_is_said_to_be_stale() {
        let modules = || {
            vec![(
                "postgresql",
                module("puppetlabs-postgresql", "10.0.0", &[("puppetlabs/apt", ">= 1")]),
            )]
        };
        assert_eq!(compared(&["puppetlabs-apt"], &[], modules()), (vec![], Remarks::default()));
        let (missed, remarks) = compared(&["puppetlabs-apt", "puppetlabs-ntp"], &[], modules());
        assert_eq!((missed.len(), remarks.stale), (0, vec!["puppetlabs-ntp".to_owned()]));
    }

    #[test]
    fn the_distributions_modules_need_each_other_but_no_range() {
        let modules = || {
            let needs = [("puppetlabs/stdlib", "< 7.0.0")];
            let stdlib = module("puppetlabs-stdlib", "8.5.0", &[]);
            vec![("ntp", module("puppetlabs-ntp", "7.2.0", &needs)), ("stdlib", stdlib)]
        };
        let (missed, remarks) = compared(&[], &["ntp", "stdlib"], modules());
        assert_eq!((missed.len(), remarks.excused), (0, 1));
        assert_eq!(compared(&[], &["ntp"], modules()).0.len(), 1);
        let alone = vec![("ntp", modules().remove(0).1)];
        assert_eq!(compared(&[], &["ntp", "stdlib"], alone).0.len(), 1);
    }
}
