//! What one kind of pointer says.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use crate::blob::Key;
use crate::error::Result;
use crate::key::Namespace;
use crate::units::Timestamp;

/// Which pointer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel<'a> {
    /// Whose it is: the name that a key is trusted for.
    pub site: &'a str,
    /// Which of theirs.
    pub name: &'a str,
}

impl fmt::Display for Channel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {} of site {}", self.name, self.site)
    }
}

/// What one kind of pointer says: a type for each kind, which is the text that is signed, as JSON.
///
/// The fields are the kind's own. It should refuse unknown ones: what is signed and not understood must not be acted on.
pub trait Payload: Serialize + DeserializeOwned {
    /// What its signatures are for. No other kind may have it: it is what keeps one kind from passing for another.
    const NAMESPACE: Namespace;
    /// The folder of its objects in a store, and of what is remembered of them in a cache. No other kind may have it.
    const FOLDER: &'static str;

    /// The channel that it belongs to.
    fn channel(&self) -> Channel<'_>;

    /// Grows with every change of the channel, also with one back to an older state.
    fn seq(&self) -> u64;

    /// When it stops being good.
    fn expires(&self) -> Timestamp;

    /// Whether its parts agree with each other. It is asked of what a trusted key signed for the right channel.
    fn check(&self) -> Result<(), Refusal>;

    /// Where a store keeps the channel's object.
    fn key(channel: Channel<'_>) -> Result<Key> {
        Key::new(format!("{}/{}/{}.json", Self::FOLDER, channel.site, channel.name))
    }
}
