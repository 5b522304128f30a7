//! Judges a build's output for the platforms that it was built for.

use std::path::Path;

use serde::Serialize;

use super::{Finding, Platform, Severity, lint_for};
use crate::build::Built;
use crate::error::Result;

/// What a platform says about the image that was written for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The platform.
    pub platform: Platform,
    /// The image's name.
    pub file: String,
    /// The findings; the worst comes first.
    pub findings: Vec<Finding>,
}

impl Judged {
    /// Whether the platform refuses the image.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Judges the images in `folder` for the platforms that they were written for; each is read once.
///
/// # Errors
/// When a file cannot be read.
pub fn judge_built(folder: &Path, built: &Built, platforms: &[Platform]) -> Result<Vec<Judged>> {
    let mut judged = Vec::new();
    for artifact in &built.artifacts {
        let here = platforms.iter().filter(|platform| platform.format() == artifact.format);
        let here: Vec<Platform> = here.copied().collect();
        if here.is_empty() {
            continue;
        }
        let findings = lint_for(&folder.join(&artifact.file), &here)?;
        let file = || artifact.file.clone();
        judged.extend(here.into_iter().zip(findings).map(|(platform, findings)| Judged {
            platform,
            file: file(),
            findings,
        }));
    }
    Ok(judged)
}
