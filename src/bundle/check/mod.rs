//! What is checked before a bundle is written: a fault is cheaper here than on a customer's console.

mod depends;
mod held;
pub(crate) mod hiera;
mod parameters;
mod psych;
mod puppet;
mod range;
pub(crate) mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::Files;
use crate::error::Result;
use crate::progress::Progress;

pub(super) use depends::{release, version};
pub(super) use held::held;
pub(super) use parameters::parameters;

/// Checks Hiera's files, the modules' dependencies, and with `puppet` the manifests; `unmet` holds the
/// dependencies that are left unmet on purpose, and why, `packaged` the modules of the distribution,
/// `packages` what the image bakes.
pub(super) fn all(
    files: &Files,
    unmet: &BTreeMap<String, String>,
    packaged: &BTreeSet<String>,
    packages: &[String],
    work: &Path,
    puppet: bool,
    progress: &dyn Progress,
) -> Result<()> {
    if let Some(remark) = hiera::check(files, packages, hiera::Judge::Ruby)? {
        progress.note(remark);
    }
    let remarks = depends::check(files, unmet, packaged)?;
    for stale in remarks.stale {
        progress.note(&format!("[unmet] names {stale}, which no module misses"));
    }
    if remarks.excused > 0 {
        let count = remarks.excused;
        progress.note(&format!("modules of the distribution exceed {count} ranges of each other"));
    }
    match puppet {
        true => puppet::check(files, work, progress),
        false => {
            progress.note("puppet did not check the manifests");
            Ok(())
        }
    }
}
