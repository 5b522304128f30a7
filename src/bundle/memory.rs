//! What a builder remembers of a store: the newest pointer that it accepted of each channel, so that it is
//! shown none that is older, and so that it can build without a network.
//!
//! Nothing is remembered before every check has passed and the bundle is whole in the cache. To remember a
//! number first (CVE-2025-2888) lets one bad answer shut out all good ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pointer::Accepted;
use super::release::{Name, Version};
use crate::blob::{self, Store, Tag};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::key::{KeyId, Namespace, Trust};
use crate::lock;
use crate::units::{Digest, MIB, Timestamp};
use crate::whole;

/// Held while a memory changes.
const LOCK: &str = ".lock";
/// The field with the sum of the others.
const SUM: &str = "sum";
/// The largest file of the memory in bytes: a pointer may have one [`MIB`].
const LARGEST: u64 = 4 * MIB;

/// How a store is called in what is remembered of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    now: String,
    /// By versions that had more than one spelling.
    former: String,
}

impl Names {
    pub(super) fn of(url: &str) -> Result<Self> {
        Ok(Self { now: blob::shown(url)?, former: blob::formerly(url) })
    }

    pub(super) fn of_store<S: Store + ?Sized>(store: &S) -> Self {
        Self { now: store.shown().to_owned(), former: blob::formerly(store.spelt()) }
    }
}

/// One state of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) seq: u64,
    /// SHA-256 of the signed text.
    pub(super) text: Digest,
}

/// What is remembered of one channel of one store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Channel {
    /// The newest by each key. The numbers of a key that is not trusted any more do not count: whoever
    /// stole it may have signed the highest number that there is.
    seen: BTreeMap<KeyId, Seen>,
    /// The last good one.
    pub(super) last: Option<Last>,
}

/// The last good pointer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// The object as it came. It is verified again at each use.
    pub(super) object: String,
    etag: Option<String>,
    version: Option<String>,
}

impl Last {
    /// The state that the store called it.
    pub(super) fn tag(&self) -> Option<Tag> {
        self.etag.clone().map(|etag| Tag { etag, version: self.version.clone() })
    }
}

impl Channel {
    /// The newest state by any key that is trusted now.
    pub(super) fn newest(&self, trust: &Trust, site: &Name, now: Timestamp) -> Option<Seen> {
        let trusted = |key: &KeyId| trust.holds(key, site.as_str(), Namespace::Pointer, now);
        let seen = self.seen.iter().filter(|(key, _)| trusted(key)).map(|(_, seen)| *seen);
        seen.max_by_key(|seen| seen.seq)
    }

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

    /// Takes over a pointer whose bundle is in the cache. `newest` is what was the newest a moment ago:
    /// another build may have accepted a newer one meanwhile, which stays.
    fn learn(&mut self, accepted: &Accepted, tag: Option<&Tag>, newest: Option<Seen>) {
        let seen = accepted.seen();
        if accepted.set_back {
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

/// A release that was pulled by its version: its signature is kept beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Release {
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

/// One file of the memory.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    path: PathBuf,
    /// Where an older version, which took other spellings of a store for other stores, may have kept it.
    former: Option<PathBuf>,
}

/// What was found of a channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) channel: Channel,
    /// A part of it could not be read, or lies elsewhere: it is to be written anew.
    stale: bool,
    /// Why a part of it cannot be believed.
    pub(super) damage: Option<String>,
}

impl Memory {
    pub(super) fn of_channel(cache: &Path, store: &Names, site: &Name, channel: &Name) -> Self {
        Self::new(cache.join("channels"), store, &[site.as_str(), channel.as_str()])
    }

    pub(super) fn of_release(cache: &Path, store: &Names, site: &Name, version: Version) -> Self {
        Self::new(cache.join("releases"), store, &[site.as_str(), &version.to_string()])
    }

    /// A store's address is no file name, its digest is.
    fn new(folder: PathBuf, store: &Names, names: &[&str]) -> Self {
        let path = |store: &str| {
            // with and without a slash at its end it always was the same store
            let names = [&[store.trim_end_matches('/')], names].concat();
            folder.join(format!("{}.json", Digest::of(names.join("\n"))))
        };
        let (path, former) = (path(&store.now), path(&store.former));
        Self { former: (former != path).then_some(former), path, folder }
    }

    /// What is remembered of a channel. What is damaged is left out: the caller says so, and asks the store.
    pub(super) fn channel(&self) -> Result<Found> {
        let mut found = Found::default();
        for path in std::iter::once(&self.path).chain(&self.former) {
            match open(path)? {
                Kept::Nothing => continue,
                Kept::Whole(channel) => found.channel.join(channel),
                Kept::Damaged(why, rest) => {
                    found.stale = true;
                    found.damage = Some(format!("{}: {why}", path.display()));
                    // a pointer that is whole proves itself; its number stands for those that are lost
                    let last = rest.and_then(|rest| {
                        Some(rest.get("last")?.get("object")?.as_str()?.to_owned())
                    });
                    let last = last.map(|object| Last { object, etag: None, version: None });
                    found.channel.join(Channel { seen: BTreeMap::new(), last });
                }
            }
            found.stale |= *path != self.path;
        }
        Ok(found)
    }

    /// What is remembered of a release.
    pub(super) fn release(&self) -> Result<Option<Release>> {
        for path in std::iter::once(&self.path).chain(&self.former) {
            match open(path)? {
                Kept::Nothing => {}
                Kept::Whole(release) => return Ok(Some(release)),
                Kept::Damaged(why, _) => {
                    let message = format!("what was pulled before is damaged: {why}");
                    return Err(Error::new(Kind::Damaged, message)
                        .at(path)
                        .remedy("pull it once without --offline"));
                }
            }
        }
        Ok(None)
    }

    /// Takes over an accepted pointer.
    pub(super) fn keep(
        &self,
        accepted: &Accepted,
        tag: Option<&Tag>,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<()> {
        let learned = || -> Result<Option<Channel>> {
            let Found { mut channel, stale, .. } = self.channel()?;
            let before = channel.clone();
            let newest = channel.newest(trust, &accepted.pointer().site, now);
            channel.learn(accepted, tag, newest);
            Ok((stale || channel != before).then_some(channel))
        };
        // where there is nothing to learn nothing is written, not even a lock: a cache may be read only
        if learned()?.is_none() {
            return Ok(());
        }
        let _lock = self.lock()?;
        match learned()? {
            Some(channel) => self.write(&channel),
            None => Ok(()),
        }
    }

    pub(super) fn keep_release(&self, release: &Release) -> Result<()> {
        let known = || -> Result<bool> {
            Ok(matches!(open::<Release>(&self.path)?, Kept::Whole(known) if known == *release))
        };
        if known()? {
            return Ok(());
        }
        let _lock = self.lock()?;
        if known()? { Ok(()) } else { self.write(release) }
    }

    fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.folder)
            .at("cannot create the cache", &self.folder)
            .and_then(|()| lock::wait(&self.folder.join(LOCK)))
            .map_err(whose)
    }

    fn write(&self, value: &impl Serialize) -> Result<()> {
        let cannot = |e| Error::new(Kind::Io, "cannot write what was pulled").because(e);
        let mut value = serde_json::to_value(value).map_err(cannot)?;
        let sum = sum(&value);
        value[SUM] = sum.into();
        let bytes = serde_json::to_vec_pretty(&value).map_err(cannot)?;
        replace(&self.path, &bytes)?;
        // it is in the other one now; left there it would come back after a rollback that was allowed
        match self.former.as_ref().map(fs::remove_file) {
            Some(Err(e)) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(e).at("cannot remove", self.former.as_deref().unwrap_or(&self.path))
            }
            _ => Ok(()),
        }
    }
}

/// What a file of the memory holds.
enum Kept<T> {
    Nothing,
    Whole(T),
    /// Why, and what can be read of it.
    Damaged(String, Option<Value>),
}

/// A disk may change a number, and what was the newest would be another one from then on: a sum tells. Files
/// of older versions have none, and are believed.
fn open<T: DeserializeOwned>(path: &Path) -> Result<Kept<T>> {
    let bytes = match file::read(path, LARGEST, "cannot read what was pulled before") {
        Err(e) if e.kind() == Kind::NotFound => return Ok(Kept::Nothing),
        Err(e) if e.kind() == Kind::Refused => {
            return Ok(Kept::Damaged("it is too large".into(), None));
        }
        read => read.map_err(whose)?,
    };
    let mut value: Value = match serde_json::from_slice(&bytes) {
        Ok(value) => value,
        Err(e) => return Ok(Kept::Damaged(e.to_string(), None)),
    };
    let said = value.as_object_mut().and_then(|fields| fields.remove(SUM));
    if said.is_some_and(|said| said != sum(&value).as_str()) {
        return Ok(Kept::Damaged("its sum is another one".into(), Some(value)));
    }
    let read = T::deserialize(&value);
    Ok(read.map_or_else(|e| Kept::Damaged(e.to_string(), Some(value)), Kept::Whole))
}

fn sum(value: &Value) -> String {
    Digest::of(value.to_string()).to_string()
}

/// Gives a file of the cache new bytes, whole or not at all, whenever the process ends. Everybody may read it
/// whom the umask lets: a cache may be shared.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    whole::replace(path, 0o666, bytes).map_err(whose)
}

/// Says what to do where a cache is somebody else's, or read only.
pub(super) fn whose(error: Error) -> Error {
    let io = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref());
    match io.is_some_and(lock::may_not_write) {
        true => error.remedy(
            "let all who share the cache write to it (one group, setgid folders, umask 002), name one of \
             your own in SLIPWAY_CACHE, or take what was pulled before with --offline",
        ),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_number_is_noticed_and_a_file_without_a_sum_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let names = Names { now: "file:///x".into(), former: "file:///x".into() };
        let version = "1.0.0+b1".parse().unwrap();
        let memory = Memory::of_release(folder.path(), &names, &"tiny".parse().unwrap(), version);
        let release = Release { size: 7, sha256: Digest::of("x") };
        memory.keep_release(&release).unwrap();
        assert_eq!(memory.release().unwrap(), Some(release));
        let text = fs::read_to_string(&memory.path).unwrap();
        fs::write(&memory.path, text.replace("\"size\": 7", "\"size\": 9")).unwrap();
        assert_eq!(memory.release().unwrap_err().kind(), Kind::Damaged);
        // what is wrong is written anew
        memory.keep_release(&release).unwrap();
        assert_eq!(memory.release().unwrap(), Some(release));
        let old = text.lines().filter(|line| !line.contains(SUM)).collect::<String>();
        fs::write(&memory.path, old.replacen(",}", "}", 1)).unwrap();
        assert_eq!(memory.release().unwrap(), Some(release));
    }
}
