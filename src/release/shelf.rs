//! Reading customers' releases from a store: nothing is believed that no trusted key signed.

use std::path::Path;

use super::believing::Believing;
use super::pointer::{Lane, Place, ReleasePointer};
use super::rebuilt::{self, REBUILT, Statement};
use super::record::{LARGEST, Part, Previous, RECORD, Release};
use super::texts;
use crate::blob::{self, Key, Small, Store};
use crate::build::Built;
use crate::difference::{BUILD, CONTENTS, Side};
use crate::error::{Error, Kind, Result};
use crate::inspect::walk::Contents;
use crate::inventory::{INVENTORY, Inventory};
use crate::key::KeyId;
use crate::progress::Progress;
use crate::signed::{self, Accepted, Allow, Asking, Channel, Claim, Memory, Names};
use crate::units::Digest;

/// How far back a release is looked for in a channel.
pub(super) const MOST_CHANGES: usize = 1000;

/// Who reads, and where.
#[derive(Clone, Copy)]
pub struct Shelf<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The cache's folder: what was seen of a channel is remembered there.
    pub cache: &'a Path,
    /// Whose signatures count.
    pub believing: Believing<'a>,
    /// What is let pass.
    pub allow: Allow,
}

/// One state that a channel had.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it said.
    pub pointer: ReleasePointer,
    /// The key that signed it.
    pub by: KeyId,
}

/// The release that another one follows, and what was in it.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// Which one it is.
    pub previous: Previous,
    /// What the notes of the next one compare with.
    pub side: Side,
}

/// A customer's release in a channel.
#[derive(Clone, Debug)]
pub struct Current {
    /// What the channel says.
    pub pointer: ReleasePointer,
    /// Its record.
    pub release: Release,
}

impl Change {
    fn of(accepted: &Accepted<ReleasePointer>) -> Self {
        Self { pointer: accepted.payload().clone(), by: accepted.key().clone() }
    }
}

/// Where the store has the files of what a pointer names.
fn place<'a>(lane: &'a Lane<'_>, pointer: &'a ReleasePointer) -> Place<'a> {
    let (site, customer) = (lane.site.as_str(), lane.customer);
    Place { site, customer, id: &pointer.release, record: pointer.sha256 }
}

impl Shelf<'_> {
    /// The pointer of a channel; none where the channel was never published to. It is remembered: an older one is refused
    /// from then on.
    pub fn pointer(
        &self,
        lane: &Lane<'_>,
        progress: &dyn Progress,
    ) -> Result<Option<Accepted<ReleasePointer>>> {
        let Believing { trust, now } = self.believing;
        let (name, names) = (lane.name(), Names::of_store(self.store));
        let channel = Channel { site: lane.site.as_str(), name: &name };
        let memory = Memory::<ReleasePointer>::new(self.cache, &names, channel);
        let found = memory.read()?;
        let asking = Asking { trust, now, allow: self.allow };
        let (accepted, tag) = match asking.newest(self.store, &found, false, progress) {
            // what was there before and is gone was not taken back: somebody removed it
            Err(e) if e.kind() == Kind::NotFound && found.last().is_none() => return Ok(None),
            asked => asked?,
        };
        memory.keep(&accepted, tag.as_ref(), trust, now)?;
        Ok(Some(accepted))
    }

    /// The pointer that was seen last; no store is asked.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is not trusted any more, or has expired.
    pub fn last(&self, lane: &Lane<'_>) -> Result<Option<Accepted<ReleasePointer>>> {
        let Believing { trust, now } = self.believing;
        let (name, names) = (lane.name(), Names::of_store(self.store));
        let channel = Channel { site: lane.site.as_str(), name: &name };
        let found = Memory::<ReleasePointer>::new(self.cache, &names, channel).read()?;
        let asking = Asking { trust, now, allow: self.allow };
        asking.last(&found).map_err(|why| why.about(&channel.to_string()))
    }

    /// The same with its record.
    pub fn current(&self, lane: &Lane<'_>, progress: &dyn Progress) -> Result<Option<Current>> {
        let Some(accepted) = self.pointer(lane, progress)? else { return Ok(None) };
        let pointer = accepted.payload().clone();
        let release = self.record(lane, &pointer, progress)?;
        Ok(Some(Current { pointer, release }))
    }

    /// What a channel has that a new release of the name `id` will follow; nothing for the first one, and for one that is
    /// made again.
    pub fn earlier(
        &self,
        lane: &Lane<'_>,
        id: &str,
        progress: &dyn Progress,
    ) -> Result<Option<Earlier>> {
        let Some(current) = self.current(lane, progress)? else { return Ok(None) };
        let Current { pointer, release } = &current;
        if pointer.release == id {
            return Ok(None);
        }
        let side = self.side(lane, pointer, release, progress)?;
        let previous = Previous { id: pointer.release.clone(), sha256: pointer.sha256 };
        Ok(Some(Earlier { previous, side }))
    }

    /// What a release holds, by its lists; no image is fetched.
    pub fn side(
        &self,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        release: &Release,
        progress: &dyn Progress,
    ) -> Result<Side> {
        let read = |name: &str| {
            let part = release.files.iter().find(|part| part.name == name).ok_or_else(|| {
                let message = format!("the release {} has no {name}", release.id);
                Error::new(Kind::Damaged, message)
            })?;
            self.part(lane, pointer, part, progress)
        };
        let built: Built = serde_json::from_slice(&read(BUILD)?).map_err(|e| {
            let message = format!("the record of the build {} cannot be read", release.id);
            Error::new(Kind::Damaged, message).because(e)
        })?;
        let contents = Contents::parse(&read(CONTENTS)?)?;
        let inventory = Inventory::parse(&read(INVENTORY)?)?;
        Ok(Side::of_lists(built, contents, inventory))
    }

    /// The record that a pointer names.
    pub fn record(
        &self,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        progress: &dyn Progress,
    ) -> Result<Release> {
        let bytes = self.file(lane, pointer, RECORD, pointer.sha256, progress)?;
        let release = Release::parse(&bytes)?;
        let same = release.id == pointer.release
            && release.customer == lane.customer
            && release.site == lane.site.as_str();
        match same {
            true => Ok(release),
            false => Err(Error::new(
                Kind::Refused,
                format!("the record of {} is of {}", pointer.release, release.id),
            )),
        }
    }

    /// A file of a release that its record names, however it lies in the store.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for other bytes than the record says.
    pub fn part(
        &self,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        part: &Part,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>> {
        if texts::is_long(part)
            && let Some(text) = texts::read(self.store, part, progress)?
        {
            return Ok(text);
        }
        self.file(lane, pointer, &part.name, part.sha256, progress)
    }

    /// A file of a release that lies in the store as it is; `sha256` is from its record, or the pointer.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for other bytes than that.
    pub fn file(
        &self,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        name: &str,
        sha256: Digest,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>> {
        let key = place(lane, pointer).key(name)?;
        let bytes = self.bytes(&key, LARGEST, progress)?;
        match Digest::of(&bytes) == sha256 {
            true => Ok(bytes),
            false => Err(Error::new(
                Kind::Damaged,
                format!("{key} in {} has other bytes than were signed", self.store.shown()),
            )
            .remedy("publish the release again, or roll the channel back")),
        }
    }

    /// What is said in the store of a release's having been built again.
    pub fn rebuilt(
        &self,
        lane: &Lane<'_>,
        pointer: &ReleasePointer,
        release: &Release,
        progress: &dyn Progress,
    ) -> Result<Statement> {
        let key = place(lane, pointer).key(REBUILT)?;
        let envelope = match self.bytes(&key, LARGEST, progress) {
            Err(e) if e.kind() == Kind::NotFound => return Ok(Statement::Nothing),
            bytes => bytes?,
        };
        let Believing { trust, now } = self.believing;
        let checked = rebuilt::check(&envelope, trust, now, release, pointer.sha256);
        Ok(match checked {
            Ok(rebuilt) => Statement::Proven { envelope, rebuilt },
            Err(reasons) => {
                let why = format!("{key} in {}: {}", self.store.shown(), reasons.join("; "));
                Statement::NotBelieved(why)
            }
        })
    }

    /// What a channel said when it had a release of this id; none where it never did.
    pub fn find(
        &self,
        lane: &Lane<'_>,
        id: &str,
        progress: &dyn Progress,
    ) -> Result<Option<Current>> {
        let mut changes = self.changes(lane, MOST_CHANGES, progress)?.into_iter();
        let Some(change) = changes.find(|change| change.pointer.release == id) else {
            return Ok(None);
        };
        let release = self.record(lane, &change.pointer, progress)?;
        Ok(Some(Current { pointer: change.pointer, release }))
    }

    /// The states that a channel had, the newest first, at most `most`. Each is signed by a key that is trusted now; where
    /// one is not, or was never written down, this ends.
    pub fn changes(
        &self,
        lane: &Lane<'_>,
        most: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<Change>> {
        let Some(newest) = self.pointer(lane, progress)? else { return Ok(Vec::new()) };
        let mut changes = vec![Change::of(&newest)];
        while changes.len() < most {
            let last = changes.last().map_or(0, |change| change.pointer.seq);
            let Some(seq) = last.checked_sub(1).filter(|seq| *seq > 0) else { break };
            match self.change(lane, seq, progress)? {
                Some(change) => changes.push(change),
                None => break,
            }
        }
        Ok(changes)
    }

    fn change(&self, lane: &Lane<'_>, seq: u64, progress: &dyn Progress) -> Result<Option<Change>> {
        let bytes = match self.bytes(&lane.change_key(seq)?, signed::LARGEST, progress) {
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let Believing { trust, now } = self.believing;
        let name = lane.name();
        let channel = Channel { site: lane.site.as_str(), name: &name };
        // it was good at its time; what it is asked for is who signed it
        let allow = Allow { rollback: true, expired: true };
        let proven = Claim::<ReleasePointer>::parse(&bytes)
            .and_then(|claim| claim.verify(trust, channel, now))
            .and_then(|proven| proven.accept(None, allow, now));
        match proven {
            Ok(accepted) if accepted.payload().seq == seq => Ok(Some(Change::of(&accepted))),
            Ok(accepted) => Err(Error::new(
                Kind::Refused,
                format!("change {seq} of {channel} is change {}", accepted.payload().seq),
            )),
            Err(why) => Err(why.about(&format!("change {seq} of {channel}"))),
        }
    }

    fn bytes(&self, key: &Key, limit: u64, progress: &dyn Progress) -> Result<Vec<u8>> {
        match blob::small(self.store, key, limit, None, progress)? {
            Small::New(bytes, _) => Ok(bytes),
            Small::Unchanged => Err(Error::new(
                Kind::Network,
                format!("{} says that {key} is unchanged, which nobody asked", self.store.shown()),
            )),
        }
    }
}
