//! What this machine lacks for Slipway's work, and how to give it that. What can be tried is tried: a device that is
//! there and does not work helps nobody.
//!
//! `programs` has what other programs do for us, by the packages of this distribution; `trials` what only an attempt
//! shows. What belongs to a project (keys, trust, stores) is asked by whoever knows the project, in the same form.

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

/// How well something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing is to be done.
    Good,
    /// It works, with a limit that is said.
    Limited,
    /// Something that Slipway does will fail.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, as in "KVM".
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// What was found, or what will not work.
    pub detail: String,
    /// What to do about it; none where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// Something that stands well.
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

    /// Something that could not be looked at, because of `error`; `remedy` where that has none of its own.
    pub fn failed(subject: impl Into<String>, error: &Error, remedy: &str) -> Self {
        Self::missing(subject, error.in_one_line(), error.find_remedy().unwrap_or(remedy))
    }
}

/// Where Slipway works, and when.
#[derive(Debug)]
pub struct Place<'a> {
    /// The cache; it need not be there yet.
    pub cache: &'a Path,
    /// Where artifacts go; it need not be there yet.
    pub out: &'a Path,
    /// Where a tiny guest's disk may be written.
    pub scratch: &'a Path,
    /// The folders in which programs are looked for, as in `PATH`.
    pub path: &'a str,
    /// The text of os-release(5).
    pub os_release: &'a str,
    /// The time, as this machine has it.
    pub now: Timestamp,
}

/// Looks at everything that does not depend on a project.
///
/// # Errors
/// [`crate::error::Kind::Interrupted`] once `stop` is set, and a scratch folder that cannot be written to.
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
