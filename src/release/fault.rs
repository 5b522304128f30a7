//! What is wrong with a release, or with what is to become one.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file's name in the release's folder; none where it is about all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What kind it is: stays the same when its words change.
    pub rule: Rule,
    /// What was found.
    pub reason: String,
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A file that belongs to it is not there.
    Missing,
    /// A file, folder or link that does not belong to it.
    Foreign,
    /// Not the bytes that were signed.
    Changed,
    /// It cannot be read as what it should be.
    Unreadable,
    /// Nobody who is trusted signed it.
    Signature,
    /// Two parts contradict each other.
    Contradiction,
    /// A platform refuses the image.
    Lint,
    /// It was not tested, or the test did not end well.
    Smoke,
    /// The image holds what must not leave the vendor.
    Leak,
}

impl Fault {
    /// One about a file.
    pub fn of(file: &str, rule: Rule, reason: impl Into<String>) -> Self {
        Self { file: Some(file.to_owned()), rule, reason: reason.into() }
    }

    /// One about the whole release.
    pub fn new(rule: Rule, reason: impl Into<String>) -> Self {
        Self { file: None, rule, reason: reason.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
