//! What is checked before a bundle is written: a fault is cheaper here than on a customer's console.

mod catalog;
mod compiled;
mod depends;
mod facts;
pub(crate) mod hiera;
mod packages;
mod parameters;
mod psych;
mod puppet;
mod range;
mod systems;
pub(crate) mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;
use crate::error::Result;
use crate::progress::Progress;

pub(super) use catalog::check as catalog;
pub(super) use depends::{release, version};
pub(super) use packages::packages;
pub(super) use parameters::parameters;
pub use systems::Base;
pub(super) use systems::targets;

/// Checks Hiera's files and the modules' dependencies; `unmet` holds the
/// dependencies that are left unmet on purpose, and why, `packaged` the modules of the distribution,
/// `packages` what the image bakes.
pub(super) fn all(
    files: &Files,
    unmet: &BTreeMap<String, String>,
    packaged: &BTreeSet<String>,
    packages: &[String],
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
    Ok(())
}
