//! `slipway bundle verify`.

use std::path::{Path, PathBuf};

use crate::bundle::{self, Bundle};
use crate::error::Result;
use crate::key::{Signature, Trust};
use crate::project::Surroundings;

use super::super::{project, signing, terminal};

/// Arguments of `slipway bundle verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle's .tgz.
    file: PathBuf,
    /// Its signature [default: the file's name with .sig].
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let path = args.signature.clone().unwrap_or_else(|| signature_path(&args.file));
    let text = Signature::text_of(&path)
        .map_err(|e| e.remedy("`slipway bundle pull` writes it beside the bundle"))?;
    let trust = Trust::read(&args.project.within(surroundings).trust_file()?)?;
    // the site that the key must be trusted for stands in the manifest
    let bundle = Bundle::verify(&args.file)?;
    bundle::check_signature(&bundle, &text, &trust, signing::now())?;
    let by = Signature::parse(&text).map(|s| s.fingerprint()).unwrap_or_default();
    let count = bundle.manifest.files.len();
    terminal::print(format!(
        "{}: {count} files as listed, signed by {by}, trusted for {}",
        bundle.manifest.release, bundle.manifest.site
    ))
    .map(|()| 0)
}

/// Where a bundle's signature lies.
pub(super) fn signature_path(bundle: &Path) -> PathBuf {
    let mut name = bundle.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}
