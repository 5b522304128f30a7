//! What a builder remembers of a store: the newest pointer that it accepted of each channel, so that it is
//! shown none that is older, and so that it can build without a network.
//!
//! Nothing is remembered before every check has passed and the bundle is whole in the cache. To remember a
//! number first (CVE-2025-2888) lets one bad answer shut out all good ones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::pointer::Accepted;
use super::release::{Name, Version};
use crate::blob::Tag;
use crate::error::{Context, Error, Kind, Result};
use crate::key::{KeyId, Namespace, Trust};
use crate::lock;
use crate::units::{Digest, Timestamp};

/// Held while a memory changes.
const LOCK: &str = ".lock";

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
}

impl Memory {
    pub(super) fn of_channel(cache: &Path, store: &str, site: &Name, channel: &Name) -> Self {
        Self::new(cache.join("channels"), &[store, site.as_str(), channel.as_str()])
    }

    pub(super) fn of_release(cache: &Path, store: &str, site: &Name, version: Version) -> Self {
        Self::new(cache.join("releases"), &[store, site.as_str(), &version.to_string()])
    }

    /// A store's address is no file name, its digest is.
    fn new(folder: PathBuf, names: &[&str]) -> Self {
        let path = folder.join(format!("{}.json", Digest::of(names.join("\n"))));
        Self { folder, path }
    }

    /// What is remembered; none before the first time.
    ///
    /// # Errors
    /// [`Kind::Damaged`]: to begin anew without a word would forget what must not be shown again.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let bytes = match fs::read(&self.path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.at("cannot read what was pulled before", &self.path)?,
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Error::new(Kind::Damaged, "what was pulled before cannot be read")
                .at(&self.path)
                .remedy("remove the file; until the next pull, older states are not noticed")
                .because(e)
        })
    }

    /// Takes over an accepted pointer.
    pub(super) fn keep(
        &self,
        accepted: &Accepted,
        tag: Option<&Tag>,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<()> {
        let _lock = self.lock()?;
        let mut channel: Channel = self.read()?.unwrap_or_default();
        let before = channel.clone();
        let newest = channel.newest(trust, &accepted.pointer().site, now);
        channel.learn(accepted, tag, newest);
        if channel == before { Ok(()) } else { self.write(&channel) }
    }

    pub(super) fn keep_release(&self, release: &Release) -> Result<()> {
        let _lock = self.lock()?;
        let before: Option<Release> = self.read()?;
        if before.as_ref() == Some(release) { Ok(()) } else { self.write(release) }
    }

    fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.folder).at("cannot create the cache", &self.folder)?;
        lock::wait(&self.folder.join(LOCK))
    }

    fn write(&self, value: &impl Serialize) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(value)
            .map_err(|e| Error::new(Kind::Io, "cannot write what was pulled").because(e))?;
        replace(&self.path, &bytes)
    }
}

/// Gives a file of the cache new bytes, whole or not at all, whenever the process ends.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).at("cannot create a file in", folder)?;
    file.write_all(bytes).at("cannot write", path)?;
    file.as_file().sync_all().at("cannot flush", path)?;
    file.persist(path).map_err(|e| e.error).at("cannot replace", path)?;
    File::open(folder).and_then(|f| f.sync_all()).at("cannot flush", folder)
}
