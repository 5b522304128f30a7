//! The bases that a site may name, and the systems that they are made of.

use std::path::{Path, PathBuf};

use super::super::site::{SITE, Site};
use crate::apt::Names;
use crate::error::{Error, Kind, Result};
use crate::profile::nearest;
use crate::written;

/// A base's definition, as far as a bundle goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its name, as in "debian-12".
    pub name: String,
    /// The suites that its packages come from, as in "bookworm".
    pub suites: Vec<String>,
    /// The names of packages in its archives, where those are at hand.
    pub packages: Option<Names>,
}

/// A release of a distribution.
#[derive(Debug)]
pub(in super::super) struct System {
    pub distribution: Distribution,
    pub codename: &'static str,
    /// As its base is called.
    pub release: &'static str,
    /// As Facter says it in full: Debian counts its point releases.
    pub full: &'static str,
    pub kernel: &'static str,
    /// The versions of its own packages.
    pub puppet: &'static str,
    pub facter: &'static str,
    pub ruby: &'static str,
}

/// A distribution, as Facter knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Distribution {
    Debian,
    Ubuntu,
}

impl Distribution {
    /// Facter's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian",
            Self::Ubuntu => "Ubuntu",
        }
    }
}

use Distribution::{Debian, Ubuntu};

pub(super) const SYSTEMS: [System; 4] = [
    System::new(Debian, "bookworm", ["12", "12.11"], "6.1", ["7.23.0", "4.3.0", "3.1.2"]),
    System::new(Debian, "trixie", ["13", "13.1"], "6.12", ["8.10.0", "4.10.0", "3.3.8"]),
    System::new(Ubuntu, "jammy", ["22.04", "22.04"], "5.15", ["5.5.22", "3.14.12", "3.0.2"]),
    System::new(Ubuntu, "noble", ["24.04", "24.04"], "6.8", ["8.4.0", "4.3.0", "3.2.3"]),
];

/// The first Puppet that neither takes flat facts nor variables that nobody set.
const STRICT: u32 = 8;

/// A base that a site is for.
#[derive(Clone, Debug)]
pub(in super::super) struct Target {
    pub name: String,
    /// None where no facts are known.
    pub system: Option<&'static System>,
    /// None where they are not at hand.
    pub packages: Option<Names>,
}

/// Refuses a base that neither is shipped nor defined by the project, with SITE.toml's line; `known` is none where there
/// is no project. A site that names none is for all.
pub(in super::super) fn targets(
    site: &Site,
    folder: &Path,
    known: Option<&[Base]>,
) -> Result<Vec<Target>> {
    let of = |base: &Base| {
        let Base { name, packages, .. } = base.clone();
        Target { name, system: base.system(), packages }
    };
    let shipped = |system: &'static System| Target {
        name: system.base(),
        system: Some(system),
        packages: None,
    };
    let ours: Vec<Target> = known.unwrap_or_default().iter().map(of).collect();
    let mut all = ours.clone();
    // a site may be for bases that are shipped, and that this project has no use for
    all.extend(SYSTEMS.iter().map(shipped).filter(|s| !ours.iter().any(|o| o.name == s.name)));
    if site.needs.os.is_empty() {
        return Ok(if known.is_some() { ours } else { all });
    }
    let find = |name: &String| match all.iter().find(|target| target.name == *name) {
        Some(found) => Ok(found.clone()),
        None if known.is_none() => Ok(Target { name: name.clone(), system: None, packages: None }),
        None => Err(unknown(name, folder, &all)),
    };
    site.needs.os.iter().map(find).collect()
}

fn unknown(name: &str, folder: &Path, all: &[Target]) -> Error {
    let names: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
    let near = nearest(name, names.iter().copied());
    let near = near.map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
    Error::new(Kind::Input, format!("there is no base {name:?}"))
        .at(line_of(name, folder))
        .remedy(format!("{near}there are {}", names.join(", ")))
}

/// Where SITE.toml has a value.
pub(super) fn line_of(value: &str, folder: &Path) -> PathBuf {
    let path = folder.join(SITE);
    match written::text(&path, "the site") {
        Ok(text) => {
            let quoted = format!("\"{value}\"");
            let word = if text.contains(&quoted) { &quoted } else { value };
            written::place_of(word, &text, &path)
        }
        Err(_) => path,
    }
}

impl Base {
    fn system(&self) -> Option<&'static System> {
        SYSTEMS.iter().find(|system| self.suites.iter().any(|suite| suite == system.codename))
    }
}

impl System {
    const fn new(
        distribution: Distribution,
        codename: &'static str,
        [release, full]: [&'static str; 2],
        kernel: &'static str,
        [puppet, facter, ruby]: [&'static str; 3],
    ) -> Self {
        Self { distribution, codename, release, full, kernel, puppet, facter, ruby }
    }

    /// The name of the base that is shipped for it.
    fn base(&self) -> String {
        format!("{}-{}", self.distribution.name().to_lowercase(), self.release)
    }

    /// Whether its Puppet refuses a variable that nobody set.
    pub(super) fn is_strict(&self) -> bool {
        let major = self.puppet.split('.').next().and_then(|major| major.parse().ok());
        major.is_some_and(|major: u32| major >= STRICT)
    }

    /// Whether Facter gives its Puppet the flat names of old.
    pub(super) fn has_legacy_facts(&self) -> bool {
        !self.is_strict()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::facts;
    use super::*;

    #[test]
    fn facts_are_those_of_the_bases_system_and_take_what_a_site_adds() {
        let base = |suite: &str| Base {
            name: "ours".to_owned(),
            suites: vec![suite.to_owned()],
            packages: None,
        };
        let facts = facts::of(base("noble").system().unwrap());
        assert_eq!(facts["os"]["release"], json!({ "full": "24.04", "major": "24.04" }));
        assert_eq!(facts["osfamily"], Value::Null);
        let mut facts = facts::of(base("bookworm").system().unwrap());
        assert_eq!(facts["operatingsystemmajrelease"], "12");
        facts::merge(&mut facts, json!({ "memory": { "swap": 1 }, "ours": [2] }));
        assert_eq!((&facts["memory"]["swap"], &facts["ours"]), (&json!(1), &json!([2])));
        assert_eq!(facts["memory"]["system"]["total"], "4.00 GiB");
        assert!(base("sid").system().is_none());
    }
}
