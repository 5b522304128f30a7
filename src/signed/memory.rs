//! What a reader remembers of a channel: the newest pointer that it accepted, so that it is shown none that is older, and
//! so that it can work without a network.
//!
//! Nothing is remembered before every check has passed and what is pointed to is whole in the cache. To remember a
//! number first (CVE-2025-2888) lets one bad answer shut out all good ones.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::claim::{Accepted, Claim};
use super::kept::{self, Kept, Names, Place};
use super::payload::{Channel, Payload};
use super::refusal::Refusal;
use super::seen::Seen;
use crate::blob::Tag;
use crate::error::Result;
use crate::key::{KeyId, Trust};
use crate::units::Timestamp;

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    /// The newest by each key. The numbers of a key that is not trusted any more do not count: whoever
    /// stole it may have signed the highest number that there is.
    seen: BTreeMap<KeyId, Seen>,
    /// The last good one.
    last: Option<Last>,
}

/// The last good pointer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    object: String,
    etag: Option<String>,
    version: Option<String>,
}

impl Last {
    /// The object as it came. It is to be verified again at each use.
    pub fn bytes(&self) -> &[u8] {
        self.object.as_bytes()
    }

    /// The state that the store called it.
    pub fn tag(&self) -> Option<Tag> {
        self.etag.clone().map(|etag| Tag { etag, version: self.version.clone() })
    }
}

impl Remembered {
    /// Adds what is remembered elsewhere of the same channel: of each key the newest counts.
    fn join(&mut self, other: Self) {
        for (key, theirs) in other.seen {
            let ours = self.seen.entry(key).or_insert(theirs);
            if theirs.seq > ours.seq {
                *ours = theirs;
            }
        }
        self.last = self.last.take().or(other.last);
    }

    /// Takes over a pointer whose content is in the cache. `newest` is what was the newest a moment ago:
    /// another process may have accepted a newer one meanwhile, which stays.
    fn learn<T: Payload>(
        &mut self,
        accepted: &Accepted<T>,
        tag: Option<&Tag>,
        newest: Option<Seen>,
    ) {
        let seen = accepted.seen();
        if accepted.is_set_back() {
            self.seen.clear();
        } else if newest.is_some_and(|newest| newest.seq > seen.seq) {
            return;
        }
        self.seen.insert(accepted.key().clone(), seen);
        self.last = Some(Last {
            object: String::from_utf8_lossy(accepted.bytes()).into_owned(),
            etag: tag.map(|t| t.etag.clone()),
            version: tag.and_then(|t| t.version.clone()),
        });
    }
}

/// What is remembered of one channel of one store, for one kind of pointer.
#[derive(Clone, Debug)]
pub struct Memory<'a, T> {
    place: Place,
    channel: Channel<'a>,
    kind: PhantomData<fn() -> T>,
}

/// What was found of a channel.
#[derive(Clone, Debug)]
pub struct Found<'a, T> {
    channel: Channel<'a>,
    remembered: Remembered,
    /// A part of it could not be read, or lies elsewhere: it is to be written anew.
    stale: bool,
    damage: Option<String>,
    kind: PhantomData<fn() -> T>,
}

impl<'a, T: Payload> Memory<'a, T> {
    /// What is remembered in this cache.
    pub fn new(cache: &Path, store: &Names, channel: Channel<'a>) -> Self {
        let names = [channel.site, channel.name];
        let place = Place::new(cache.join(T::FOLDER), store, &names);
        Self { place, channel, kind: PhantomData }
    }

    /// The channel.
    pub fn channel(&self) -> Channel<'a> {
        self.channel
    }

    /// What is remembered. What is damaged is left out: the caller says so, and asks the store.
    pub fn read(&self) -> Result<Found<'a, T>> {
        let (mut remembered, mut stale, mut damage) = (Remembered::default(), false, None);
        for path in self.place.paths() {
            match kept::open(path)? {
                Kept::Nothing => continue,
                Kept::Whole(found) => remembered.join(found),
                Kept::Damaged(why, rest) => {
                    stale = true;
                    damage = Some(format!("{}: {why}", path.display()));
                    // a pointer that is whole proves itself; its number stands for those that are lost
                    let last = rest.and_then(|rest| {
                        Some(rest.get("last")?.get("object")?.as_str()?.to_owned())
                    });
                    let last = last.map(|object| Last { object, etag: None, version: None });
                    remembered.join(Remembered { seen: BTreeMap::new(), last });
                }
            }
            stale |= path != self.place.path();
        }
        Ok(Found { channel: self.channel, remembered, stale, damage, kind: PhantomData })
    }

    /// Takes over an accepted pointer, once what it points to is whole in the cache.
    pub fn keep(
        &self,
        accepted: &Accepted<T>,
        tag: Option<&Tag>,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<()> {
        self.place.update(|| {
            let found = self.read()?;
            let mut remembered = found.remembered.clone();
            remembered.learn(accepted, tag, found.newest(trust, now));
            Ok((found.stale || remembered != found.remembered).then_some(remembered))
        })
    }
}

impl<'a, T: Payload> Found<'a, T> {
    /// The channel.
    pub fn channel(&self) -> Channel<'a> {
        self.channel
    }

    /// The newest state by any key that is trusted now.
    pub fn newest(&self, trust: &Trust, now: Timestamp) -> Option<Seen> {
        let trusted = |key: &KeyId| trust.holds(key, self.channel.site, T::NAMESPACE, now);
        let all = self.remembered.seen.iter();
        all.filter(|(key, _)| trusted(key)).map(|(_, seen)| *seen).max_by_key(|seen| seen.seq)
    }

    /// The same; where the memory of it was damaged, what the last good pointer says.
    pub fn newest_seen(&self, trust: &Trust, now: Timestamp) -> Option<Seen> {
        let last = || -> Result<Seen, Refusal> {
            let bytes = self.last().map_or(&[][..], Last::bytes);
            Ok(Claim::<T>::parse(bytes)?.verify(trust, self.channel, now)?.seen())
        };
        self.newest(trust, now).or_else(|| last().ok())
    }

    /// The last good pointer.
    pub fn last(&self) -> Option<&Last> {
        self.remembered.last.as_ref()
    }

    /// Why a part of it cannot be believed.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}
