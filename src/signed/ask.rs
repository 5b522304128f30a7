//! Asking for a channel's pointer, with what was seen of the channel before.

use super::claim::{Accepted, Allow, Claim, LARGEST};
use super::memory::{Found, Last};
use super::payload::Payload;
use super::refusal::Refusal;
use crate::blob::{self, Small, Store, Tag};
use crate::error::{Error, Kind, Result};
use crate::key::Trust;
use crate::progress::Progress;
use crate::units::Timestamp;

/// Whom who asks believes, and what is let pass.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The trusted keys.
    pub trust: &'a Trust,
    /// The time.
    pub now: Timestamp,
    /// What is let pass.
    pub allow: Allow,
}

impl Asking<'_> {
    /// Reads the pointer from the store, or takes the last one when the store says that it is the same still; `fresh`
    /// asks for all of it. Either goes through every check: keys may have ended since. The store's tag of it comes along.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when the store has no such channel, [`Kind::Refused`] because of a [`Refusal`].
    pub fn newest<T: Payload>(
        &self,
        store: &dyn Store,
        known: &Found<'_, T>,
        fresh: bool,
        progress: &dyn Progress,
    ) -> Result<(Accepted<T>, Option<Tag>)> {
        let asked = known.channel();
        let last = known.last().filter(|_| !fresh);
        let tag = last.and_then(Last::tag);
        let read = blob::small(store, &T::key(asked)?, LARGEST, tag.as_ref(), progress)?;
        let (bytes, tag, unchanged) = match (read, last) {
            (Small::New(bytes, tag), _) => (bytes, tag, false),
            (Small::Unchanged, Some(last)) => (last.bytes().to_vec(), tag, true),
            (Small::Unchanged, None) => {
                let message =
                    format!("{} says {asked} is unchanged, which nobody asked", store.shown());
                return Err(Error::new(Kind::Network, message));
            }
        };
        let seen = known.newest_seen(self.trust, self.now);
        let accepted = Claim::parse(&bytes)
            .and_then(|claim| claim.verify(self.trust, asked, self.now))
            .and_then(|proven| proven.accept(seen, self.allow, self.now));
        if accepted.is_err() && unchanged {
            // what was kept here may be damaged: the store has the last word
            return self.newest(store, known, true, progress);
        }
        let what = format!("{asked} in {}", store.shown());
        Ok((accepted.map_err(|why| why.about(&what))?, tag))
    }

    /// The last good pointer, without asking a store; none when there never was one. Nothing can be older than it, so
    /// that alone is not asked; the rest is.
    pub fn last<T: Payload>(&self, known: &Found<'_, T>) -> Result<Option<Accepted<T>>, Refusal> {
        let Some(last) = known.last() else { return Ok(None) };
        let proven = Claim::parse(last.bytes())?.verify(self.trust, known.channel(), self.now)?;
        proven.accept(None, self.allow, self.now).map(Some)
    }
}
