//! Pulling: which release is meant, proven, and its bytes, proven too.

use std::path::Path;

use super::fetch::{self, fetch};
use super::memory::{Channel, Memory, Release};
use super::pointer::{Accepted, Claim};
use super::record::{LARGEST, Record};
use super::refusal::Refusal;
use super::release::{Name, Version, pointer_key, record_key, release_id};
use super::{Bundle, Pin};
use crate::blob::{self, Small, Store, Tag};
use crate::error::{Error, Kind, Result};
use crate::key::Trust;
use crate::progress::Progress;
use crate::units::Timestamp;

/// Which release is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What the channel points to.
    Channel(Name),
    /// This one.
    Version(Version),
}

/// Where bundles come from.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// A store.
    Store(&'a dyn Store),
    /// What was pulled before from the store with this address; see [`blob::shown`].
    Offline(&'a str),
}

/// What is let pass because somebody said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// A pointer that is older than one that was seen.
    pub rollback: bool,
    /// A pointer that has expired.
    pub expired: bool,
}

/// Who reads: where from, and whom to believe. That a release is signed by a trusted key has no exception,
/// whatever the store: a way around it is what an attacker would have people take.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Where bundles come from.
    pub place: Place<'a>,
    /// The cache's folder.
    pub cache: &'a Path,
    /// The trusted keys.
    pub trust: &'a Trust,
    /// The time.
    pub now: Timestamp,
    /// What is let pass.
    pub allow: Allow,
}

impl Reader<'_> {
    /// Where it reads, for messages.
    pub(super) fn shown(&self) -> &str {
        match self.place {
            Place::Store(store) => store.shown(),
            Place::Offline(shown) => shown,
        }
    }

    /// Finds out which release is meant, gets it and proves both; what is in the cache is not fetched.
    ///
    /// # Errors
    /// [`Kind::Refused`] because of a [`Refusal`]; [`Kind::NotFound`] when there is no such release.
    pub fn pull(&self, site: &Name, wanted: &Wanted, progress: &dyn Progress) -> Result<Bundle> {
        if self.trust.is_empty_for(site.as_str()) {
            let what = format!("the site {site} of {}", self.shown());
            return Err(Refusal::NoKey.about(&what));
        }
        match (self.place, wanted) {
            (Place::Store(store), Wanted::Channel(channel)) => {
                self.newest(store, site, channel, progress)
            }
            (Place::Offline(_), Wanted::Channel(channel)) => self.last(site, channel, progress),
            (Place::Store(store), Wanted::Version(version)) => {
                self.pinned(store, site, *version, progress)
            }
            (Place::Offline(_), Wanted::Version(version)) => {
                self.pinned_before(site, *version, progress)
            }
        }
    }

    /// Gets a signature of a bundle that was pulled, by a key that is trusted for its site.
    pub fn signature(&self, bundle: &Bundle, progress: &dyn Progress) -> Result<String> {
        fetch::signature(self, &Pin::of(bundle), progress)
    }

    fn memory(&self, site: &Name, channel: &Name) -> Memory {
        Memory::of_channel(self.cache, super::store_name(self.shown()), site, channel)
    }

    fn newest(
        &self,
        store: &dyn Store,
        site: &Name,
        channel: &Name,
        progress: &dyn Progress,
    ) -> Result<Bundle> {
        let memory = self.memory(site, channel);
        let known: Channel = memory.read()?.unwrap_or_default();
        let ask = |fresh: bool| self.pointer(store, site, channel, &known, fresh, progress);
        let (mut accepted, mut tag) = ask(false)?;
        let bundle = match fetch(self, &accepted.pin(), progress) {
            // it may have been replaced, and its bundle removed, since the pointer was read
            Err(gone) if gone.kind() == Kind::NotFound => {
                let before = accepted.pin();
                (accepted, tag) = ask(true)?;
                match accepted.pin() == before {
                    true => return Err(gone),
                    false => fetch(self, &accepted.pin(), progress)?,
                }
            }
            fetched => fetched?,
        };
        memory.keep(&accepted, tag.as_ref(), self.trust, self.now)?;
        Ok(bundle)
    }

    /// Reads the pointer, or takes the last one when the store says that it is the same still. Either goes
    /// through every check: keys may have ended since.
    fn pointer(
        &self,
        store: &dyn Store,
        site: &Name,
        channel: &Name,
        known: &Channel,
        fresh: bool,
        progress: &dyn Progress,
    ) -> Result<(Accepted, Option<Tag>)> {
        let last = known.last.as_ref().filter(|_| !fresh);
        let key = pointer_key(site, channel)?;
        let tag = last.and_then(|last| last.tag());
        let what = format!("channel {channel} of site {site}");
        let read = blob::small(store, &key, LARGEST, tag.as_ref(), progress);
        let (bytes, tag) = match (read.map_err(|e| absent(e, store, &what))?, last) {
            (Small::New(bytes, tag), _) => (bytes, tag),
            (Small::Unchanged, Some(last)) => (last.object.clone().into_bytes(), tag),
            (Small::Unchanged, None) => {
                let message =
                    format!("{} says {what} is unchanged, which nobody asked", store.shown());
                return Err(Error::new(Kind::Network, message));
            }
        };
        let seen = known.newest(self.trust, site, self.now);
        let accepted = Claim::parse(&bytes)
            .and_then(|claim| claim.verify(self.trust, site, channel, self.now))
            .and_then(|proven| proven.accept(seen, self.allow, self.now));
        let accepted =
            accepted.map_err(|why| why.about(&format!("{what} in {}", store.shown())))?;
        Ok((accepted, tag))
    }

    /// The last good one. Nothing can be older than it, so that alone is not asked; the rest is.
    fn last(&self, site: &Name, channel: &Name, progress: &dyn Progress) -> Result<Bundle> {
        let what = format!("channel {channel} of site {site}");
        let known: Option<Channel> = self.memory(site, channel).read()?;
        let last = known.and_then(|known| known.last).ok_or_else(|| self.never(&what))?;
        let accepted = Claim::parse(last.object.as_bytes())
            .and_then(|claim| claim.verify(self.trust, site, channel, self.now))
            .and_then(|proven| proven.accept(None, self.allow, self.now))
            .map_err(|why| why.about(&format!("{what}, as pulled before,")))?;
        let pointer = accepted.pointer();
        let (release, issued) = (&pointer.release, pointer.issued);
        progress.note(&format!("offline: {what} is taken to be {release}, as published {issued}"));
        fetch(self, &accepted.pin(), progress)
    }

    fn pinned(
        &self,
        store: &dyn Store,
        site: &Name,
        version: Version,
        progress: &dyn Progress,
    ) -> Result<Bundle> {
        let release = release_id(site, version);
        let bytes = blob::read(store, &record_key(site, version)?, LARGEST, progress)
            .map_err(|e| absent(e, store, &release))?;
        let what = format!("{release} of {}", store.shown());
        let pin =
            Record::parse(&bytes, &what)?.pin(site, version).map_err(|why| why.about(&what))?;
        // before the first byte of the bundle: what is signed is the digest that it must have
        fetch::signature(self, &pin, progress)?;
        let bundle = fetch(self, &pin, progress)?;
        let (size, sha256) = (pin.size, pin.digest);
        Memory::of_release(self.cache, super::store_name(self.shown()), site, version)
            .keep_release(&Release { size, sha256 })?;
        Ok(bundle)
    }

    fn pinned_before(
        &self,
        site: &Name,
        version: Version,
        progress: &dyn Progress,
    ) -> Result<Bundle> {
        let release = release_id(site, version);
        let memory = Memory::of_release(self.cache, super::store_name(self.shown()), site, version);
        let known: Release = memory.read()?.ok_or_else(|| self.never(&release))?;
        let (digest, size) = (known.sha256, known.size);
        let pin = Pin { site: site.clone(), version, release, digest, size };
        fetch::signature(self, &pin, progress)?;
        progress.note(&format!("offline: {} as pulled before", pin.release));
        fetch(self, &pin, progress)
    }

    fn never(&self, what: &str) -> Error {
        let message = format!("{what} was never pulled from {} on this machine", self.shown());
        Error::new(Kind::NotFound, message).remedy("run it once without --offline")
    }
}

fn absent(error: Error, store: &dyn Store, what: &str) -> Error {
    match error.kind() {
        Kind::NotFound => Error::new(Kind::NotFound, format!("{} has no {what}", store.shown()))
            .remedy("publish one with `slipway bundle publish FILE --to STORE --channel NAME`"),
        _ => error,
    }
}
