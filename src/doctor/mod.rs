//! What this machine lacks for Slipway's work, and how to provide it. Whatever can be tried is
//! tried: a device that exists but does not work helps nobody.
//!
//! `programs` checks the programs that we need, with this distribution's package names; `trials`
//! checks what only an attempt can show. Whoever knows the project checks what belongs to it (keys,
//! trust, stores), in the same form.

mod programs;
mod stores;
mod trials;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::units::Timestamp;

pub use programs::{Distribution, programs};
pub use stores::store;

/// The state of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There is nothing to do.
    Good,
    /// It works, with a limit that is stated.
    Limited,
    /// Something that Slipway does will fail.
    Missing,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked, as in "KVM".
    pub subject: String,
    /// Its state.
    pub state: State,
    /// What was found, or what will not work.
    pub detail: String,
    /// What to do about it; none if there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// Something that is in order.
    pub fn good(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        let (subject, detail) = (subject.into(), detail.into());
        Self { subject, state: State::Good, detail, remedy: None }
    }

    /// Something that works, with a limit.
    pub fn limited(
        subject: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { state: State::Limited, remedy: Some(remedy.into()), ..Self::good(subject, detail) }
    }

    /// Something without which work will fail.
    pub fn missing(
        subject: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { state: State::Missing, remedy: Some(remedy.into()), ..Self::good(subject, detail) }
    }

    /// Something that could not be checked, because of `error`; `remedy` applies if the error has
    /// none of its own.
    pub fn failed(subject: impl Into<String>, error: &Error, remedy: &str) -> Self {
        Self::missing(subject, error.in_one_line(), error.find_remedy().unwrap_or(remedy))
    }
}

/// Where Slipway works, and when.
#[derive(Debug)]
pub struct Place<'a> {
    /// The cache; it need not exist yet.
    pub cache: &'a Path,
    /// Where artifacts go; it need not exist yet.
    pub out: &'a Path,
    /// Where a tiny guest's disk may be written.
    pub scratch: &'a Path,
    /// The folders in which programs are looked for, as in `PATH`.
    pub path: &'a str,
    /// The text of os-release(5).
    pub os_release: &'a str,
    /// The time according to this machine.
    pub now: Timestamp,
}

/// Checks everything that does not depend on a project.
///
/// # Errors
/// [`crate::error::Kind::Interrupted`] once `stop` is set; also an error when the scratch folder
/// cannot be written to.
pub fn machine(
    place: &Place<'_>,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<Vec<Finding>> {
    let distribution = Distribution::of(place.os_release);
    let mut findings = programs(&distribution, place.path);
    progress.step("trying a user namespace", None);
    findings.push(trials::namespaces(&distribution, place.path));
    progress.step("trying KVM", None);
    findings.push(trials::kvm(place.path, place.scratch, stop)?);
    findings.push(trials::space("free space for the cache", place.cache));
    findings.push(trials::space("free space for images", place.out));
    findings.push(trials::clock(place.now));
    Ok(findings)
}
