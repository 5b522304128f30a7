//! Where an entry's chunks begin: for who has to find a stretch of an image again of which only the length and the digest
//! are known, as they are in a store's list of an image's pieces.
//!
//! Nothing is checked here: whoever takes a stretch compares its digest.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::super::Codec;
use super::entry::{Fields, HEADER, PLACE};
use super::{Cache, trim};
use crate::error::{Context, Result};

/// An entry, open, and where stretches of its group may be that images were cut into.
#[derive(Debug)]
pub struct Outline {
    file: File,
    path: PathBuf,
    /// Where the group begins in the file.
    offset: u64,
    /// Bytes of the group.
    length: u64,
    chunks: Vec<Chunk>,
    codec: Codec,
}

/// A chunk of a group: its number, and where it begins and ends.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    number: u64,
    begin: u64,
    end: u64,
}

impl Chunk {
    fn of(place: &[u8; PLACE]) -> Self {
        let word =
            |at| u32::from_le_bytes([place[at], place[at + 1], place[at + 2], place[at + 3]]);
        let (begin, length) = (u64::from(word(4)), u64::from(word(8)));
        Self {
            number: u64::from(u16::from_le_bytes([place[0], place[1]])),
            begin,
            end: begin + length,
        }
    }
}

impl Cache {
    /// Every entry that can be read; what is none, or was removed meanwhile, is left out.
    pub fn outlines(&self) -> Result<Vec<Outline>> {
        let mut all = Vec::new();
        for codec in Codec::ALL {
            for path in trim::paths(&self.folder().join(codec.name()))? {
                all.extend(Outline::open(&path, codec));
            }
        }
        Ok(all)
    }
}

impl Outline {
    fn open(path: &Path, codec: Codec) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        let fields = Fields::parse(&header)?;
        // a number in two bytes says which chunk it is
        let mut table = vec![0; usize::from(u16::try_from(fields.places).ok()?) * PLACE];
        file.read_exact(&mut table).ok()?;
        let chunks = table.as_chunks::<PLACE>().0.iter().map(Chunk::of).collect();
        let offset = file.metadata().ok()?.len().checked_sub(fields.length)?;
        Some(Self { file, path: path.to_owned(), offset, length: fields.length, chunks, codec })
    }

    /// Each stretch that an image may have been cut into here: its first byte in the group, and its length. Images are cut
    /// where the disk comes to another `every` bytes, and a group does not know where on the disk it was: so these are
    /// those of all places that it may have been at, and a stretch may come several times. Each comes with the gap that
    /// packing left behind it, and without.
    pub fn stretches(&self, every: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let within = (every / self.codec.chunk()).max(1);
        (0..within).flat_map(move |first| self.cut(first, within))
    }

    /// The stretches if the group begins `first` chunks behind a place where images are cut, and one is cut every `within`.
    fn cut(&self, first: u64, within: u64) -> Vec<(u64, u64)> {
        let mut cut: Vec<(u64, u64)> = Vec::new();
        let (mut begin, mut filled, mut region) = (0, 0u64, None);
        for chunk in &self.chunks {
            let here = (first + chunk.number) / within;
            if region.is_some_and(|region| region != here) {
                let ends = [filled, chunk.begin];
                cut.extend(ends.map(|end| (begin, end.saturating_sub(begin))));
                begin = chunk.begin;
            }
            (filled, region) = (chunk.end.max(filled), Some(here));
        }
        cut.extend([filled, self.length].map(|end| (begin, end.saturating_sub(begin))));
        cut
    }

    /// The bytes of a stretch.
    pub fn read(&self, at: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, self.offset + at).at("cannot read", &self.path)?;
        Ok(bytes)
    }
}
