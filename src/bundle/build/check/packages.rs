//! The packages that a site asks for, looked up in its bases' archives as far as their names are at hand.

use std::path::Path;

use super::super::site::Site;
use super::systems::{Target, line_of};
use crate::apt::Names;
use crate::error::{Error, Kind, Result};

/// Refuses what SITE.toml has baked and a base's archives do not have, with the line.
pub(in super::super) fn packages(site: &Site, folder: &Path, targets: &[Target]) -> Result<()> {
    for target in targets {
        let Some(names) = &target.packages else { continue };
        if let Some(package) = site.needs.packages.iter().find(|package| !names.has(package)) {
            return Err(absent(package, &target.name, names).at(line_of(package, folder)));
        }
    }
    Ok(())
}

/// The archives of a base do not have a package.
pub(super) fn absent(package: &str, base: &str, names: &Names) -> Error {
    let time = names.time;
    let message = format!("the archives of {base} have no package {package:?} ({time})");
    let newer = format!("where they have it since then, run slipway base build {base} --fresh");
    Error::new(Kind::Input, message).remedy(match names.nearest(package) {
        Some(near) => format!("did you mean {near:?}? {newer}"),
        None => newer,
    })
}

/// What was looked up and what was not, for people.
pub(super) fn in_words(targets: &[&Target]) -> String {
    let names = |known: bool| {
        let names = targets.iter().filter(|target| target.packages.is_some() == known);
        names.map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (names(true), names(false)) {
        (known, unknown) if unknown.is_empty() => {
            format!("its packages are in the archives of {known}")
        }
        (known, unknown) if known.is_empty() => {
            format!("its packages were not looked up: no archive of {unknown} was asked here yet")
        }
        (known, unknown) => format!(
            "its packages are in the archives of {known}; those of {unknown} were not asked here yet"
        ),
    }
}
