//! Everything in an image, name by name: what is compared, listed beside a release, and searched for leaks.
//!
//! The way through: [`Walk::open`] gathers the names of the root (`root`) and of the EFI partition (`esp`);
//! [`Walk::visit`] then reads files' bytes in the order of the disk, because a compressed image is unpacked once that
//! way; [`Walk::open_file`] reads one out of order (`reader`); [`contents`] makes the list that is written (`entry`).

mod entry;
mod esp;
mod reader;
mod root;

use std::sync::Arc;

use gpt::partition_types::EFI;

pub use entry::{Contents, ESP, Entry, EntryKind, FORMAT};
pub use reader::FileReader;

use super::ext::extents::{self, Run};
use super::ext::volume::{Inode, Volume};
use super::image::Image;
use super::{find, plausible, root_partition, table};
use crate::disk::layout::Region;
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Hasher, MIB};

/// Bytes of a piece.
const PIECE: usize = MIB as usize;

/// An image whose names are known.
#[derive(Debug)]
pub struct Walk {
    image: Arc<Image>,
    volume: Volume,
    esp: Option<Region>,
    entries: Vec<Entry>,
    /// For each entry, where its bytes are; none where they are on the EFI partition, or it has none.
    inodes: Vec<Option<Inode>>,
}

/// Who hears of files' bytes.
pub trait Visitor {
    /// A file's bytes follow, if the answer is yes. `index` is the entry's place among [`Walk::entries`].
    fn begin(&mut self, index: usize, entry: &Entry) -> bool;
    /// The file's next bytes.
    fn piece(&mut self, bytes: &[u8]) -> Result<()>;
    /// The file is over.
    fn end(&mut self) -> Result<()>;
}

impl Walk {
    /// Gathers all names; no file's bytes are read.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for bytes that make no sense; [`Kind::Refused`] for filesystems that are not read here.
    pub fn open(image: &Arc<Image>, progress: &dyn Progress) -> Result<Self> {
        let table = table::read(image)?;
        let mut walk = Self::of_root(image, root_partition(image, &table)?.region(), progress)?;
        walk.esp = find(&table, &EFI).map(|partition| partition.region());
        if let Some(region) = walk.esp {
            let mut files = Vec::new();
            esp::each(image, region, &mut |entry, _| {
                files.push(entry);
                progress.go_on()
            })?;
            files.sort_by(|a, b| a.path.cmp(&b.path));
            walk.inodes.extend(files.iter().map(|_| None));
            // every other path begins with a slash, which sorts before
            walk.entries.extend(files);
        }
        Ok(walk)
    }

    /// The same for a root filesystem alone.
    pub(crate) fn of_root(
        image: &Arc<Image>,
        root: Region,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let volume = Volume::open(image, root)?;
        let (entries, inodes) = root::entries(&volume, progress)?.into_iter().unzip();
        Ok(Self { image: image.clone(), volume, esp: None, entries, inodes })
    }

    /// All names, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this path.
    pub fn find(&self, path: &str) -> Option<(usize, &Entry)> {
        let place = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(place).map(|entry| (place, entry))
    }

    /// The bytes of a file of the root; none when no file has this path. Links are not followed.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for a file of more than `limit` bytes.
    pub fn bytes(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(inode) = self.find(path).and_then(|(place, _)| self.inodes[place].as_ref()) else {
            return Ok(None);
        };
        if inode.size > limit {
            return Err(self.volume.damaged(format!("{path} has more than {limit} bytes"), 0));
        }
        let mut bytes = Vec::new();
        self.stream(inode, &extents::runs(&self.volume, inode)?, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(Some(bytes))
    }

    /// A reader of a file of the root; none for what is no file, or is on the EFI partition.
    pub fn open_file(&self, index: usize) -> Result<Option<FileReader<'_>>> {
        let Some(inode) = self.inodes.get(index).and_then(Option::as_ref) else { return Ok(None) };
        FileReader::new(&self.volume, inode).map(Some)
    }

    /// Hands every file's bytes to the visitor, each file once, in the order of the disk.
    pub fn visit(&self, visitor: &mut dyn Visitor, progress: &dyn Progress) -> Result<()> {
        let mut files = Vec::new();
        for (index, inode) in self.inodes.iter().enumerate() {
            if let Some(inode) = inode {
                files.push((index, inode, extents::runs(&self.volume, inode)?));
            }
        }
        files.sort_by_key(|(_, _, runs)| runs.first().map(|run| run.physical));
        let mut left = plausible(self.image.length()).saturating_mul(2);
        for (index, inode, runs) in files {
            progress.go_on()?;
            if !visitor.begin(index, &self.entries[index]) {
                continue;
            }
            let far =
                || self.volume.damaged("its files claim far more bytes than the image has", 0);
            left = left.checked_sub(inode.size).ok_or_else(far)?;
            self.stream(inode, &runs, &mut |piece| {
                progress.go_on()?;
                progress.advance(piece.len() as u64);
                visitor.piece(piece)
            })?;
            visitor.end()?;
        }
        self.visit_esp(visitor, progress)
    }

    fn visit_esp(&self, visitor: &mut dyn Visitor, progress: &dyn Progress) -> Result<()> {
        let Some(region) = self.esp else { return Ok(()) };
        esp::each(&self.image, region, &mut |entry, reader| {
            progress.go_on()?;
            let (Some(reader), Some((index, _))) = (reader, self.find(&entry.path)) else {
                return Ok(());
            };
            if !visitor.begin(index, &entry) {
                return Ok(());
            }
            let mut buffer = vec![0; PIECE];
            loop {
                let read = reader.read(&mut buffer).map_err(|e| self.unread(&entry.path, e))?;
                if read == 0 {
                    return visitor.end();
                }
                progress.advance(read as u64);
                visitor.piece(&buffer[..read])?;
            }
        })
    }

    fn unread(&self, path: &str, error: std::io::Error) -> Error {
        let message = format!("cannot read {path}");
        Error::new(Kind::Damaged, message).at(self.image.path()).because(error)
    }

    /// A file's bytes, piece by piece; holes are zeros.
    fn stream(
        &self,
        inode: &Inode,
        runs: &[Run],
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let block = self.volume.block;
        let mut buffer = vec![0; PIECE.min(inode.size as usize)];
        let mut at = 0;
        for run in runs {
            let from = run.logical.saturating_mul(block).min(inode.size);
            zeros(from - at, out)?;
            at = from;
            let (end, place) =
                ((from + run.length * block).min(inode.size), self.volume.place(run.physical)?);
            while at < end {
                let length = (end - at).min(PIECE as u64) as usize;
                self.volume.read(&mut buffer[..length], place + (at - from))?;
                out(&buffer[..length])?;
                at += length as u64;
            }
        }
        zeros(inode.size - at, out)
    }
}

fn zeros(mut count: u64, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    while count > 0 {
        let length = count.min(ZEROS.len() as u64);
        out(&ZEROS[..length as usize])?;
        count -= length;
    }
    Ok(())
}

/// Which files' digests are worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// No file's.
    None,
    /// Of those that everybody on the machine may read: the others' are not written anyway.
    Public,
    /// Of all, for a comparison that is not kept.
    All,
}

/// Everything in an image.
///
/// # Errors
/// As for [`Walk::open`].
pub fn contents(image: &Arc<Image>, digests: Digests, progress: &dyn Progress) -> Result<Contents> {
    let walk = Walk::open(image, progress)?;
    walk.contents(digests, progress)
}

impl Walk {
    /// The list of everything.
    pub fn contents(&self, digests: Digests, progress: &dyn Progress) -> Result<Contents> {
        let entries = self.entries.clone();
        let mut digester = Digester { wanted: digests, entries, now: 0, hasher: Hasher::default() };
        if digests != Digests::None {
            self.visit(&mut digester, progress)?;
        }
        Ok(Contents { format: FORMAT, entries: digester.entries })
    }
}

struct Digester {
    wanted: Digests,
    entries: Vec<Entry>,
    now: usize,
    hasher: Hasher,
}

impl Visitor for Digester {
    fn begin(&mut self, index: usize, entry: &Entry) -> bool {
        self.now = index;
        entry.public || self.wanted == Digests::All
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.entries[self.now].sha256 = Some(std::mem::take(&mut self.hasher).finish());
        Ok(())
    }
}
