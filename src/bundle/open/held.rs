//! A bundle that exists: signed or baked only if it is what `build` would have written. One that was made by hand
//! may be whole and signed, and apply nothing.

use std::fs::File;

use crate::bundle::Bundle;
use crate::bundle::build::check::hiera;
use crate::bundle::build::files::{FileBody, Files};
use crate::bundle::build::generated;
use crate::bundle::form::archive;
use crate::bundle::form::manifest::RELEASE_ID;
use crate::error::{Context, Error, Kind, Result};

/// The folder of packed apps: large, and proven by their digests.
const APPS: &str = "apps/";

/// Checks what the builder writes, and Hiera's files. Manifests are checked where they are written: puppet is not
/// wherever an image is built.
///
/// # Errors
/// [`Kind::Refused`] for what no builder writes.
pub(in crate::bundle) fn held(bundle: &Bundle) -> Result<()> {
    let files = read(bundle)?;
    check(bundle, &files).map_err(|e| {
        Error::new(Kind::Refused, "the bundle is not one that `slipway bundle build` writes")
            .at(&bundle.path)
            .remedy("build it from its site with `slipway bundle build`")
            .because(e)
    })
}

fn check(bundle: &Bundle, files: &Files) -> Result<()> {
    let manifest = &bundle.manifest;
    let mut paths = files.paths();
    if !paths.any(|path| path.starts_with("manifests/") && path.ends_with(".pp")) {
        return Err(Error::new(Kind::Refused, "it has no manifests, it would apply nothing"));
    }
    let release = format!("{}\n", manifest.release);
    let facts = generated::facts(&manifest.release, &manifest.apps, manifest.parameters.as_ref())?;
    for (path, expected) in [(RELEASE_ID, release.as_bytes()), (generated::FACTS, &facts[..])] {
        if !files.paths().any(|there| there == path) || files.read(path)? != expected {
            let message = format!("{path} does not say what MANIFEST.json says");
            return Err(Error::new(Kind::Refused, message));
        }
    }
    if !files.paths().any(|path| path == generated::ENVIRONMENT) {
        return Err(Error::new(
            Kind::Refused,
            "it has no environment.conf, no run would name its release",
        ));
    }
    generated::check_environment(&String::from_utf8_lossy(&files.read(generated::ENVIRONMENT)?))?;
    hiera::check(files, &manifest.needs.packages, hiera::Judge::Nobody).map(drop)
}

fn read(bundle: &Bundle) -> Result<Files> {
    let mut files = Files::default();
    let file = File::open(&bundle.path).at("cannot open the bundle", &bundle.path)?;
    archive::read(file, bundle.size, archive::LIMITS, &mut |record, content| {
        if record.path.starts_with(APPS) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).at("cannot read the bundle", &bundle.path)?;
        files.add(record.path.clone(), record.mode, FileBody::Bytes(bytes))
    })?;
    Ok(files)
}
