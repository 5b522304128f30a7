//! Finds what a platform would refuse in an image, or fail on, without the platform and without a
//! network.
//!
//! [`facts`] reads the image once; rules are pure functions of these facts, one file for each
//! platform.

mod aws;
mod azure;
mod built;
mod drivers;
pub mod facts;
mod gce;
mod general;
mod hyperv;
mod kvm;
pub mod package;
mod virtualbox;
mod vmware;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

pub use crate::platform::Platform;
pub use built::{Judged, judge_built};
pub use facts::{Facts, Unread};

use crate::error::Result;
use crate::inspect::Image;
use crate::profile::Format;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The platform refuses the image, or it cannot start there.
    Error,
    /// It starts, but something will not be as it should.
    Warning,
    /// Nothing is wrong: a hint for the import.
    Note,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name, which stays the same when its words change.
    pub rule: &'static str,
    /// What it is, and why it matters.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
}

impl Finding {
    fn new(severity: Severity, rule: &'static str, reason: String, fix: String) -> Self {
        Self { severity, rule, reason, fix }
    }

    fn error(rule: &'static str, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, reason.into(), fix.into())
    }

    fn warning(rule: &'static str, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Warning, rule, reason.into(), fix.into())
    }

    fn note(rule: &'static str, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Note, rule, reason.into(), fix.into())
    }
}

/// Reads an image and judges it.
///
/// # Errors
/// When the file cannot be read. An image that is refused or damaged is a finding.
pub fn lint(path: &Path, platform: Platform) -> Result<Vec<Finding>> {
    Ok(lint_for(path, &[platform])?.remove(0))
}

/// The same for several platforms, in their order; the image is read once.
///
/// # Errors
/// As for [`lint`].
pub fn lint_for(path: &Path, platforms: &[Platform]) -> Result<Vec<Vec<Finding>>> {
    let facts = Image::open(path).and_then(|image| facts::gather(&Arc::new(image)));
    let findings: Box<dyn Fn(Platform) -> Vec<Finding>> = match facts {
        Ok(facts) => Box::new(move |platform| judge(&facts, platform)),
        Err(error) => match Unread::of(&error) {
            Some(unread) => {
                Box::new(move |_| vec![general::unread(&unread, "the image", Severity::Error)])
            }
            None => return Err(error),
        },
    };
    Ok(platforms.iter().map(|platform| findings(*platform)).collect())
}

/// Judges the facts; the worst finding comes first.
pub fn judge(facts: &Facts, platform: Platform) -> Vec<Finding> {
    let mut findings = general::check(facts);
    findings.extend(match platform {
        Platform::Vmware => vmware::check(facts),
        Platform::Virtualbox => virtualbox::check(facts),
        Platform::Hyperv => hyperv::check(facts),
        Platform::Azure => azure::check(facts),
        Platform::Gce => gce::check(facts),
        Platform::Aws => aws::check(facts),
        Platform::Kvm | Platform::Proxmox => kvm::check(facts),
    });
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The finding about a format that the platform does not import.
fn wrong_format(facts: &Facts, platform: &str, wanted: Format) -> Finding {
    let reason = format!("{platform} does not import {}", facts.format);
    Finding::error("format", reason, convert_to(wanted))
}

fn convert_to(format: Format) -> String {
    format!("slipway convert IMAGE --to {format}")
}
