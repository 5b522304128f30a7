//! Publishing: the images' pieces first, then what explains them (long texts as pieces, too), the record, and the customer's pointer last and
//! conditionally. Whoever reads meanwhile sees the old release or the whole new one.

use std::path::Path;

use super::believing::Believing;
use super::examine::SIGNATURE;
use super::pointer::{DAY, Lane, Place, ReleasePointer};
use super::rebuilt::REBUILT;
use super::record::{LARGEST, RECORD};
use super::shelf::{MOST_CHANGES, Shelf};
use super::store::{Known, upload, upload_text};
use super::texts;
use super::verified::Verified;
use crate::blob::{self, Created, Publish};
use crate::build::SUMS;
use crate::bundle::Name;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::key::SecretKey;
use crate::progress::Progress;
use crate::signed::{Allow, Channel, Memory, Names, Pointing};
use crate::units::{Digest, Timestamp};

/// How long a pointer is good unless somebody says otherwise, in days, as for bundles.
pub const DAYS: u32 = crate::bundle::DAYS;

/// Who publishes, and where.
#[derive(Clone, Copy)]
pub struct Publisher<'a> {
    /// The store.
    pub store: &'a dyn Publish,
    /// The key that signs pointers.
    pub key: &'a SecretKey,
    /// Whose pointers may be followed by ours.
    pub believing: Believing<'a>,
    /// The cache's folder.
    pub cache: &'a Path,
    /// How many days a pointer is good.
    pub days: u32,
    /// Put the pointer in the place of one that is refused.
    pub replace: bool,
    /// Put each image and each long text there as one file, too, which a browser can fetch.
    pub whole: bool,
    /// Pieces of images that were seen in the store, by this publisher or another one of this process.
    pub known: &'a Known,
}

/// A release that its customer's channel names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What the channel says now.
    pub pointer: ReleasePointer,
    /// Whether it said so before: nothing was done then.
    pub was_there: bool,
}

impl Publisher<'_> {
    /// Puts a release into the store, and points the customer's channel at it. What is in the store already is not sent
    /// again; a channel that names this very release, and is good for half of its time at least, is left as it is.
    pub fn publish(
        &self,
        verified: &Verified,
        channel: &Name,
        progress: &dyn Progress,
    ) -> Result<Published> {
        let release = verified.release();
        let site: Name = release.site.parse()?;
        let lane = Lane { site: &site, customer: &release.customer, channel };
        let (id, sha256) = (release.id.as_str(), verified.sha256());
        let place = Place { site: &release.site, customer: &release.customer, id, record: sha256 };
        let present = self.present(&lane, progress)?;
        if let Some(pointer) =
            present.filter(|p| p.sha256 == sha256 && p.is_fresh(self.days, self.believing.now))
        {
            self.rebuilt(verified, &place, progress)?;
            return Ok(Published { pointer, was_there: true });
        }
        self.files(verified, &place, progress)?;
        self.rebuilt(verified, &place, progress)?;
        self.point(&lane, id, sha256, progress)
    }

    /// Points a customer's channel at an earlier release: at `to`, or at the one that it had before the present one.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when the channel never had it.
    pub fn roll_back(
        &self,
        lane: &Lane<'_>,
        to: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Published> {
        self.present(lane, progress)?;
        let shelf = self.shelf();
        let changes = shelf.changes(lane, MOST_CHANGES, progress)?;
        let mut changes = changes.into_iter().map(|change| change.pointer);
        let Some(now) = changes.next() else {
            return Err(never_published(lane, self.store.shown()));
        };
        let wanted = |pointer: &ReleasePointer| match to {
            Some(id) => pointer.release == id,
            None => pointer.sha256 != now.sha256,
        };
        let Some(target) = changes.find(wanted) else {
            if to == Some(now.release.as_str()) {
                return Ok(Published { pointer: now, was_there: true });
            }
            let what = to.map_or("an earlier release".to_owned(), |id| format!("the release {id}"));
            return Err(Error::new(Kind::NotFound, format!("{} never had {what}", lane.name()))
                .remedy(format!("look at `slipway history {}`", lane.customer)));
        };
        // nothing is signed that cannot be read
        shelf.record(lane, &target, progress)?;
        self.point(lane, &target.release, target.sha256, progress)
    }

    fn shelf(&self) -> Shelf<'_> {
        let allow = Allow { rollback: false, expired: true };
        Shelf { store: self.store, cache: self.cache, believing: self.believing, allow }
    }

    /// What the channel says; one that is refused is nothing to whoever replaces it.
    ///
    /// It is written down among the channel's changes, if whoever published it was killed before they could.
    fn present(&self, lane: &Lane<'_>, progress: &dyn Progress) -> Result<Option<ReleasePointer>> {
        let accepted = match self.shelf().pointer(lane, progress) {
            Err(e) if e.kind() == Kind::Refused && self.replace => None,
            asked => asked?,
        };
        let Some(accepted) = accepted else { return Ok(None) };
        let pointer = accepted.payload().clone();
        let key = lane.change_key(pointer.seq)?;
        blob::create_bytes(self.store, &key, accepted.bytes(), progress)?;
        Ok(Some(pointer))
    }

    /// The images, then the texts; the record last, so that where it is, all is.
    fn files(&self, verified: &Verified, place: &Place<'_>, progress: &dyn Progress) -> Result<()> {
        let release = verified.release();
        upload(self.store, verified.folder(), &release.artifacts, self.known, progress)?;
        let folder = verified.folder();
        let images = release.artifacts.iter().filter(|_| self.whole);
        for artifact in images {
            self.whole(verified, &artifact.file, artifact.size.bytes(), place, progress)?;
        }
        let (long, short): (Vec<_>, Vec<_>) =
            release.files.iter().partition(|part| texts::is_long(part));
        for part in &long {
            upload_text(self.store, folder, part, self.known, progress)?;
        }
        let parts = short.iter().chain(long.iter().filter(|_| self.whole)).map(|p| p.name.as_str());
        let signed = [SUMS, RECORD].map(|name| format!("{name}{SIGNATURE}"));
        let ends = [SUMS, signed[0].as_str(), signed[1].as_str(), RECORD];
        for name in parts.chain(ends) {
            progress.go_on()?;
            match blob::create(self.store, &place.key(name)?, &folder.join(name), progress)? {
                Created::Written | Created::AlreadyThere => {}
            }
        }
        Ok(())
    }

    /// What is said of the release's having been built again, where somebody did; the first one to say so in a store stays.
    fn rebuilt(
        &self,
        verified: &Verified,
        place: &Place<'_>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let path = verified.folder().join(REBUILT);
        if file::look(&path)?.is_none() {
            return Ok(());
        }
        let make = || file::read(&path, LARGEST, "cannot read what is said of a rebuild");
        blob::supply(self.store, &place.key(REBUILT)?, &|_| true, &make, progress).map(drop)
    }

    /// An image as one file. The store's folder is named after the record, which names the image's digest.
    fn whole(
        &self,
        verified: &Verified,
        file: &str,
        size: u64,
        place: &Place<'_>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let key = place.key(file)?;
        progress.step(&format!("storing {file} as one file"), Some(size));
        match self.store.head(&key) {
            // to compare the bytes would be a download of all of it
            Ok(head) if head.size == size => Ok(()),
            // whatever went wrong, it is asked again, more patiently
            _ => blob::create(self.store, &key, &verified.folder().join(file), progress).map(drop),
        }
    }

    fn point(
        &self,
        lane: &Lane<'_>,
        id: &str,
        sha256: Digest,
        progress: &dyn Progress,
    ) -> Result<Published> {
        let name = lane.name();
        let channel = Channel { site: lane.site.as_str(), name: &name };
        let memory = Memory::new(self.cache, &Names::of_store(self.store), channel);
        let Self { store, key, replace, .. } = *self;
        let Believing { trust, now } = self.believing;
        let pointing = Pointing { store, key, trust, now, replace };
        let lasts = i64::from(self.days) * DAY;
        let make = |seq| {
            Ok(ReleasePointer {
                site: lane.site.clone(),
                lane: name.clone(),
                seq,
                release: id.to_owned(),
                sha256,
                issued: now,
                expires: Timestamp::from_seconds(now.seconds + lasts),
            })
        };
        let signed = pointing.publish(&memory, &make, progress)?;
        let key = lane.change_key(signed.payload.seq)?;
        blob::create_bytes(self.store, &key, &signed.bytes, progress)?;
        Ok(Published { pointer: signed.payload, was_there: false })
    }
}

/// The error about a channel that has nothing.
pub fn never_published(lane: &Lane<'_>, store: &str) -> Error {
    let message = format!("{} has no release in {store}", lane.name());
    Error::new(Kind::NotFound, message)
        .remedy(format!("publish one with `slipway release publish {}`", lane.customer))
}
