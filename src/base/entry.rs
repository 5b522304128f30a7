//! Cache entries on disk: one folder per root, named by its digest, complete or absent. The digest
//! covers everything that an image takes from it.
//!
//! ```text
//! roots/<digest>/tree       the encoded difference to the parent (or to nothing)
//! roots/<digest>/pack       the contents that it adds
//! roots/<digest>/sums       a sum for each block of the pack
//! roots/<digest>/root.json  its inputs, the pack's digest and length; the packages
//! ```

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Kind, Result};
use crate::manifest::Package;
use crate::pack::{Pack, Sums};
use crate::tree::{Layer, index};
use crate::units::{Digest, Hasher, Timestamp};

/// Version of the entries' format; another version is not read.
const FORMAT: u32 = 2;

const TREE: &str = "tree";
/// The pack's file name inside an entry.
pub const PACK: &str = "pack";
const RECORD: &str = "root.json";
const SUMS: &str = "sums";
/// The prefix of the bytes that a root's digest covers.
const DOMAIN: &[u8] = b"slipway root 2\n";

/// What an entry says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The definition's name.
    pub base: String,
    /// The layer's name; none for the base itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The root below a layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    /// The digest of the inputs: the definition or layer, and our recipe.
    pub key: Digest,
    /// Not earlier than anything that went in.
    pub time: Timestamp,
    /// The pack's digest and length in bytes.
    pub pack: (Digest, u64),
    /// The digest of the sums of the pack's blocks.
    pub sums: Digest,
    /// Names in the tree, layers below included.
    pub entries: u64,
    /// All installed packages, layers below included.
    pub packages: Vec<Package>,
    /// The digest of this record without this field.
    sum: Digest,
}

impl Record {
    /// A record in the present format.
    pub fn new(base: &str, key: Digest, time: Timestamp) -> Self {
        Self {
            format: FORMAT,
            base: base.to_owned(),
            layer: None,
            parent: None,
            key,
            time,
            pack: (Digest::of(b""), 0),
            sums: Digest::of(b""),
            entries: 0,
            packages: Vec::new(),
            sum: Digest::of(b""),
        }
    }

    /// The record, with its own digest filled in.
    pub fn sealed(mut self) -> Result<Self> {
        self.sum = Digest::of(b"");
        let text = serde_json::to_vec(&self)
            .map_err(|e| Error::new(Kind::Io, "cannot write the record").because(e))?;
        self.sum = Digest::of(text);
        Ok(self)
    }
}

/// An opened entry. While it lives, the entry is not pruned.
#[derive(Debug)]
pub struct Entry {
    /// What it says about itself.
    pub record: Record,
    /// Its difference to the parent.
    pub layer: Layer,
    /// The contents that it adds.
    pub pack: Arc<Pack>,
    /// Holds the shared lock that keeps `prune` away.
    pub hold: File,
}

/// The digest of a root: of everything that an image takes from it. That is the difference, the
/// pack, the time, the packages and the roots below. The inputs are not included: the same contents
/// are the same root.
fn root_digest(record: &Record, encoded: &[u8]) -> Result<Digest> {
    let facts = (record.parent, record.time, record.pack, record.sums, &record.packages);
    let facts = serde_json::to_vec(&facts)
        .map_err(|e| Error::new(Kind::Io, "cannot name the entry").because(e))?;
    let mut hasher = Hasher::default();
    hasher.update(DOMAIN);
    hasher.update(Digest::of(facts).as_bytes());
    hasher.update(Digest::of(encoded).as_bytes());
    Ok(hasher.finish())
}

/// Writes tree, sums and record beside the pack, which is already in `folder`, and flushes; returns
/// the digest.
pub fn write(folder: &Path, record: &Record, layer: &Layer, sums: &Sums) -> Result<Digest> {
    let encoded = index::encode(layer);
    put(&folder.join(TREE), &encoded)?;
    put(&folder.join(SUMS), &sums.bytes())?;
    let mut text = serde_json::to_vec_pretty(&record.clone().sealed()?)
        .map_err(|e| Error::new(Kind::Io, "cannot write the record").because(e))?;
    text.push(b'\n');
    put(&folder.join(RECORD), &text)?;
    seal_time(&folder.join(PACK), record.time)?;
    File::open(folder).and_then(|f| f.sync_all()).at("cannot flush", folder)?;
    root_digest(record, &encoded)
}

/// The file that a user of the entry locks (shared), so that the entry is kept.
pub fn record_path(folder: &Path) -> PathBuf {
    folder.join(RECORD)
}

/// Reads only the record, for lists.
pub fn record(folder: &Path) -> Result<Record> {
    let path = folder.join(RECORD);
    let text = std::fs::read(&path).at("cannot read the entry's record", &path)?;
    parse(&text).map_err(|e| e.at(&path))
}

pub(crate) fn parse(text: &[u8]) -> Result<Record> {
    let record: Record = serde_json::from_slice(text)
        .map_err(|e| Error::new(Kind::Damaged, "the entry's record is damaged").because(e))?;
    if record.format != FORMAT {
        return Err(Error::new(Kind::Damaged, "the entry is of another version"));
    }
    if record.clone().sealed()? != record {
        return Err(Error::new(Kind::Damaged, "the entry's record is not as it was written"));
    }
    Ok(record)
}

/// Opens an entry and checks what is cheap to check: the tree's digest, the pack's length and time.
/// If the pack was touched since it was written, it is hashed.
///
/// # Errors
/// [`Kind::Damaged`] or [`Kind::NotFound`]: the entry has to be made again.
pub fn open(folder: &Path, digest: Digest, packs: &[Arc<Pack>]) -> Result<Entry> {
    let record_path = folder.join(RECORD);
    let hold = File::open(&record_path).at("cannot open the entry", &record_path)?;
    hold.lock_shared().at("cannot lock the entry", &record_path)?;
    let record = record(folder)?;
    let encoded = read_tree(folder, &record, digest)?;
    let pack = open_pack(folder, &record)?;
    let path = folder.join(TREE);
    let known = |digest: Digest| {
        let mut all = packs.iter().chain([&pack]);
        all.find(|p| p.digest() == digest).cloned().ok_or_else(|| {
            Error::new(Kind::Damaged, "the tree names a pack that is not below it").at(&path)
        })
    };
    let layer = index::decode(&encoded, known).map_err(|e| e.at(&path))?;
    Ok(Entry { record, layer, pack, hold })
}

fn open_pack(folder: &Path, record: &Record) -> Result<Arc<Pack>> {
    let path = folder.join(PACK);
    let (digest, length) = record.pack;
    let pack = Pack::open_checked(&path, digest, read_sums(folder, record)?)?;
    if pack.length() != length {
        return Err(wrong_length(&path));
    }
    if !has_sealed_time(pack.file(), record.time).at("cannot read the time", &path)? {
        verify_pack(&path, digest)?;
        seal_time(&path, record.time)?;
    }
    Ok(pack)
}

/// Checks what is cheap to check: that record, tree and sums match the digest in the entry's name,
/// and the pack's length.
pub fn check(folder: &Path, digest: Digest) -> Result<Record> {
    let record = record(folder)?;
    read_tree(folder, &record, digest)?;
    read_sums(folder, &record)?;
    let path = folder.join(PACK);
    let length = std::fs::metadata(&path).at("cannot open the pack", &path)?.len();
    if length == record.pack.1 { Ok(record) } else { Err(wrong_length(&path)) }
}

/// Checks every byte of an entry.
pub fn verify(folder: &Path, digest: Digest) -> Result<Record> {
    let record = check(folder, digest)?;
    verify_pack(&folder.join(PACK), record.pack.0)?;
    Ok(record)
}

fn read_tree(folder: &Path, record: &Record, digest: Digest) -> Result<Vec<u8>> {
    let path = folder.join(TREE);
    let encoded = std::fs::read(&path).at("cannot read the entry's tree", &path)?;
    if root_digest(record, &encoded)? == digest {
        return Ok(encoded);
    }
    let message = "record and tree are not those that the entry is named after";
    Err(Error::new(Kind::Damaged, message).at(folder))
}

fn read_sums(folder: &Path, record: &Record) -> Result<Sums> {
    let path = folder.join(SUMS);
    let bytes = std::fs::read(&path).at("cannot read the sums of the pack", &path)?;
    if Digest::of(&bytes) == record.sums {
        return Ok(Sums::parse(&bytes));
    }
    Err(Error::new(Kind::Damaged, "these are not the sums that were written").at(path))
}

fn wrong_length(path: &Path) -> Error {
    Error::new(Kind::Damaged, "the pack has another length than was written").at(path)
}

fn verify_pack(path: &PathBuf, digest: Digest) -> Result<()> {
    let file = File::open(path).at("cannot open the pack", path)?;
    let (found, _) = Digest::of_reader(file).at("cannot read the pack", path)?;
    if found == digest {
        return Ok(());
    }
    Err(Error::new(Kind::Damaged, "the pack's bytes are not those that were written").at(path))
}

/// Gives the pack the root's own time. Any later write changes that time, so a stat shows whether
/// the bytes need to be checked.
fn seal_time(path: &Path, time: Timestamp) -> Result<()> {
    let file = File::open(path).at("cannot open the pack", path)?;
    file.set_modified(moment(time)).at("cannot set the time", path)?;
    file.sync_all().at("cannot flush", path)
}

fn has_sealed_time(file: &File, time: Timestamp) -> std::io::Result<bool> {
    Ok(file.metadata()?.modified()? == moment(time))
}

fn moment(time: Timestamp) -> std::time::SystemTime {
    let seconds = std::time::Duration::from_secs(time.seconds.max(0).unsigned_abs());
    std::time::SystemTime::UNIX_EPOCH + seconds
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    };
    write().at("cannot write", path)
}
