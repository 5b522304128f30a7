//! Whose signatures count, and when.

use crate::key::Trust;
use crate::units::Timestamp;

/// Whose releases are believed.
#[derive(Clone, Copy, Debug)]
pub struct Believing<'a> {
    /// The trusted keys.
    pub trust: &'a Trust,
    /// The time.
    pub now: Timestamp,
}
