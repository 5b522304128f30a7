//! Pulling: which release is meant, proven, and its bytes, proven too.

use super::absent;
use super::fetch::{self, fetch};
use super::kept::{self, Release};
use super::pointer::{self, Pointer};
use super::reader::{BundleReader, Place};
use super::record::{LARGEST, Record};
use crate::blob::{self, Store};
use crate::bundle::form::release::{Name, Version, record_key, release_id};
use crate::bundle::{Bundle, Pin};
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;
use crate::signed::{Asking, Memory, Names, Refusal};
use crate::units::ByteSize;

/// Which release is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What the channel points to.
    Channel(Name),
    /// This one.
    Version(Version),
}

impl BundleReader<'_> {
    /// Finds out which release is meant, gets it and proves both; what is in the cache is not fetched.
    ///
    /// # Errors
    /// [`Kind::Refused`] because of a [`Refusal`]; [`Kind::NotFound`] when there is no such release.
    pub fn pull(&self, site: &Name, wanted: &Wanted, progress: &dyn Progress) -> Result<Bundle> {
        if self.trust.is_empty_for(site.as_str()) {
            if let Place::Store(store) = self.place
                && let Some(other) = absent::site(store, site)
            {
                return Err(other);
            }
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

    fn names(&self) -> Result<Names> {
        match self.place {
            Place::Store(store) => Ok(Names::of_store(store)),
            Place::Offline(url) => Names::of(url),
        }
    }

    fn memory<'a>(&self, site: &'a Name, channel: &'a Name) -> Result<Memory<'a, Pointer>> {
        Ok(Memory::new(self.cache, &self.names()?, pointer::channel(site, channel)))
    }

    fn newest(
        &self,
        store: &dyn Store,
        site: &Name,
        channel: &Name,
        progress: &dyn Progress,
    ) -> Result<Bundle> {
        let memory = self.memory(site, channel)?;
        let known = memory.read()?;
        if let Some(why) = known.damage() {
            let lost = match known.newest_seen(self.trust, self.now) {
                Some(_) => "",
                None => ", and an older state of it is not noticed this once",
            };
            progress.note(&format!(
                "what was seen of channel {channel} before is damaged{lost} ({why})"
            ));
        }
        let ask = |fresh: bool| {
            let asked = self.asking().newest(store, &known, fresh, progress);
            asked.map_err(|e| absent(e, || absent::channel(store, site, channel)))
        };
        let (mut accepted, mut tag) = ask(false)?;
        let bundle = match self.get(&accepted.payload().pin(), progress) {
            // it may have been replaced, and its bundle removed, since the pointer was read
            Err(gone) if is_gone(&gone) => {
                let before = accepted.payload().pin();
                (accepted, tag) = ask(true)?;
                match accepted.payload().pin() == before {
                    true => return Err(gone),
                    false => self.get(&accepted.payload().pin(), progress)?,
                }
            }
            fetched => fetched?,
        };
        memory.keep(&accepted, tag.as_ref(), self.trust, self.now)?;
        Ok(bundle)
    }

    /// Gets a release's bytes once its own signature is proven: a key that is trusted for pointers alone
    /// says which release a channel has, and not what a release is.
    fn get(&self, pin: &Pin, progress: &dyn Progress) -> Result<Bundle> {
        fetch::signature(self, pin, progress)?;
        fetch(self, pin, progress)
    }

    fn asking(&self) -> Asking<'_> {
        Asking { trust: self.trust, now: self.now, allow: self.allow }
    }

    /// The last good one.
    fn last(&self, site: &Name, channel: &Name, progress: &dyn Progress) -> Result<Bundle> {
        let what = pointer::channel(site, channel).to_string();
        let known = self.memory(site, channel)?.read()?;
        let accepted = match (self.asking().last(&known), known.damage()) {
            (Ok(Some(accepted)), _) => accepted,
            (Ok(None), Some(why)) => return Err(damaged(&what).because(why)),
            (Ok(None), None) => return Err(self.never(&what)),
            // it was proven before it was kept: this is no doing of the vendor's
            (Err(why), _) if why.is_damage() => return Err(damaged(&what).because(why)),
            (Err(why), _) => return Err(why.about(&format!("{what}, as pulled before,"))),
        };
        let pointer = accepted.payload();
        let (release, issued) = (&pointer.release, pointer.issued);
        progress.note(&format!("offline: {what} is taken to be {release}, as published {issued}"));
        self.get(&pointer.pin(), progress)
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
            .map_err(|e| absent(e, || absent::release(store, site, version)))?;
        let what = format!("{release} of {}", store.shown());
        let pin =
            Record::parse(&bytes, &what)?.pin(site, version).map_err(|why| why.about(&what))?;
        if pin.size > self.largest {
            return Err(too_large(&what, pin.size, self.largest));
        }
        // before the first byte of the bundle: what is signed is the digest that it must have
        let bundle = self.get(&pin, progress)?;
        let (size, sha256) = (pin.size, pin.digest);
        kept::Memory::new(self.cache, &self.names()?, site, version)
            .keep(Release { size, sha256 })?;
        Ok(bundle)
    }

    fn pinned_before(
        &self,
        site: &Name,
        version: Version,
        progress: &dyn Progress,
    ) -> Result<Bundle> {
        let release = release_id(site, version);
        let memory = kept::Memory::new(self.cache, &self.names()?, site, version);
        let known: Release = memory.read()?.ok_or_else(|| self.never(&release))?;
        let (digest, size) = (known.sha256, known.size);
        let pin = Pin { site: site.clone(), version, release, digest, size };
        progress.note(&format!("offline: {} as pulled before", pin.release));
        self.get(&pin, progress)
    }

    fn never(&self, what: &str) -> Error {
        let message = format!("{what} was never pulled from {} on this machine", self.shown());
        Error::new(Kind::NotFound, message).remedy("run it once without --offline")
    }
}

fn damaged(what: &str) -> Error {
    Error::new(Kind::Damaged, format!("what is kept here of {what} is damaged"))
        .remedy("pull it once without --offline")
}

/// Whether the release that was pointed to is not there, or its signature.
fn is_gone(error: &Error) -> bool {
    error.kind() == Kind::NotFound || Refusal::of(error) == Some(&Refusal::NotSigned)
}

fn too_large(what: &str, size: u64, limit: u64) -> Error {
    let (size, limit) = (ByteSize(size), ByteSize(limit));
    let message = format!("the record of {what} says {size}, and at most {limit} are fetched");
    Error::new(Kind::Refused, message).remedy(
        "a record is not signed: if the bundle is that large, pull a channel that points to it, or raise \
         SLIPWAY_BUNDLE_LIMIT",
    )
}

fn absent(error: Error, told: impl FnOnce() -> Error) -> Error {
    if error.kind() == Kind::NotFound { told() } else { error }
}
