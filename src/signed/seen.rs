//! One state of a channel.

use serde::{Deserialize, Serialize};

use crate::units::Digest;

/// A state that was seen: its number, and which of those with that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The pointer's number.
    pub seq: u64,
    /// SHA-256 of the signed text.
    pub text: Digest,
}
