//! Turning a channel to something else: the pointer is swapped only if it is still the one that was read, and gets a number
//! above all that were seen.

use super::claim::{Claim, LARGEST, Signed, sign};
use super::memory::Memory;
use super::payload::{Channel, Payload};
use super::refusal::Refusal;
use crate::blob::{self, Publish};
use crate::error::{Error, Kind, Result};
use crate::key::{SecretKey, Sites, Trust};
use crate::progress::Progress;
use crate::units::Timestamp;

/// Who turns a channel.
#[derive(Clone, Copy)]
pub struct Pointing<'a> {
    /// The store.
    pub store: &'a dyn Publish,
    /// The key that signs.
    pub key: &'a SecretKey,
    /// Whose pointers may be followed by ours; our own key is trusted beside these.
    pub trust: &'a Trust,
    /// The time.
    pub now: Timestamp,
    /// Put the pointer in the place of one that is refused.
    pub replace: bool,
}

impl Pointing<'_> {
    /// Publishes what `make` makes of the next number, for the memory's channel; gives it with the object's bytes.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the present pointer is not by a trusted key, or has the last number.
    pub fn publish<T: Payload>(
        &self,
        memory: &Memory<'_, T>,
        make: &dyn Fn(u64) -> Result<T>,
        progress: &dyn Progress,
    ) -> Result<Signed<T>> {
        let channel = memory.channel();
        let mut trust = self.trust.clone();
        trust.add(self.key.public(), Sites::named([channel.site])?);
        // the store's own number is looked at too: what is damaged here is nobody's loss
        let newest = memory.read()?.newest(&trust, self.now).map_or(0, |seen| seen.seq);
        let mut made = None;
        let mut next = |present: Option<&[u8]>| {
            let seq = |bytes| self.seq::<T>(bytes, &trust, channel);
            let present = present.map_or(Ok(0), seq)?;
            let seq = present.max(newest).checked_add(1).ok_or_else(no_number_left)?;
            let signed = sign(make(seq)?, self.key)?;
            let bytes = signed.bytes.clone();
            made = Some(signed);
            Ok(bytes)
        };
        blob::update(self.store, &T::key(channel)?, LARGEST, &mut next, progress)?;
        made.ok_or_else(|| Error::new(Kind::Network, "the channel was not changed"))
    }

    /// The number of the pointer that is there. Only one that a trusted key signed may count: otherwise
    /// whoever can write to the store uses up all numbers.
    fn seq<T: Payload>(&self, bytes: &[u8], trust: &Trust, channel: Channel<'_>) -> Result<u64> {
        let claim = Claim::<T>::parse(bytes);
        match claim.and_then(|claim| claim.verify(trust, channel, self.now)) {
            Ok(proven) => Ok(proven.seen().seq),
            Err(_) if self.replace => Ok(0),
            Err(why) => Err(refused(why, self.store.shown(), channel)),
        }
    }
}

fn no_number_left() -> Error {
    Error::new(Kind::Refused, "the channel has used its last number")
        .remedy("publish to a channel of another name")
}

fn refused(why: Refusal, store: &str, channel: Channel<'_>) -> Error {
    let what = format!("the present pointer of {channel} in {store}");
    let remedy = "trust the key that signed it, or pass --replace-pointer to begin anew after it";
    why.about(&what).remedy(remedy)
}
