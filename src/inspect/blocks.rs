//! Disks whose blocks are scattered over a file and found through mapping tables: all formats
//! except raw.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress};

use super::source::{Source, Tables};
use super::{plausible, qcow2, vhd, vhdx, vmdk};
use crate::disk::layout::Region;
use crate::error::{Error, Kind, Result};
use crate::units::MIB;

/// The size of the cache of decoded blocks, in bytes: filesystems' tables are read again and again.
const CACHE: u64 = 16 * MIB;
/// log2 of the largest zstd window that is accepted: four times the largest block.
const ZSTD_WINDOW: u32 = 23;
/// The most runs into which a disk may be scattered: they take 64 MiB of memory, a thousand times
/// the usual amount.
const RUNS: usize = 1 << 22;
/// The most table entries that are looked at, one after the other: as many as 16 TiB has in blocks
/// of 64 KiB.
const LOOKS: u64 = 1 << 28;

/// Where a block's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: this many blocks from this one on are zeros, at least one.
    Zeros(u64),
    /// Uncompressed, from this byte of the file.
    At(u64),
    /// Compressed.
    Packed {
        /// Bytes from the start of the file.
        offset: u64,
        /// Bytes; the file may end earlier.
        length: u64,
        /// How it is compressed.
        codec: Codec,
    },
}

/// How a block is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1951.
    Deflate,
    /// RFC 1950.
    Zlib,
    /// RFC 8878.
    Zstd,
}

/// A format's mapping tables.
#[derive(Debug)]
pub enum Map {
    /// QEMU's.
    Qcow2(qcow2::Map),
    /// VMware's.
    Vmdk(vmdk::Map),
    /// Virtual PC's.
    Vhd(vhd::Map),
    /// Hyper-V's.
    Vhdx(vhdx::Map),
}

impl Map {
    fn place(&self, tables: &Tables, index: u64) -> Result<Place> {
        match self {
            Self::Qcow2(map) => map.place(tables, index),
            Self::Vmdk(map) => map.place(tables, index),
            Self::Vhd(map) => map.place(tables, index),
            Self::Vhdx(map) => map.place(tables, index),
        }
    }
}

/// A decoded block with its index.
type Cached = Option<(u64, Arc<[u8]>)>;

/// A disk in blocks.
#[derive(Debug)]
pub struct Blocks {
    tables: Tables,
    map: Map,
    size: u64,
    block: u64,
    /// Decoded blocks, each at its index modulo the number of places.
    cache: Mutex<Vec<Cached>>,
}

impl Blocks {
    /// A disk of `size` bytes in blocks of `block` bytes, which `map` finds.
    pub fn new(source: Source, map: Map, size: u64, block: u64) -> Self {
        let places = (CACHE / block).max(4) as usize;
        let cache = Mutex::new(vec![None; places]);
        Self { tables: Tables::new(source), map, size, block, cache }
    }

    /// The size of the disk, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from `offset`; both are within the disk.
    pub fn read_at(&self, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
        while !buffer.is_empty() {
            let within = offset % self.block;
            let length = (self.block - within).min(buffer.len() as u64) as usize;
            let (part, rest) = buffer.split_at_mut(length);
            self.read_in_block(part, offset / self.block, within)?;
            buffer = rest;
            offset += length as u64;
        }
        Ok(())
    }

    fn read_in_block(&self, part: &mut [u8], index: u64, within: u64) -> Result<()> {
        match self.map.place(&self.tables, index)? {
            Place::Zeros(_) => part.fill(0),
            Place::At(offset) => {
                self.tables.source().read_at(part, offset.saturating_add(within))?
            }
            Place::Packed { offset, length, codec } => {
                let block = self.decoded(index, offset, length, codec)?;
                let start = within as usize;
                part.copy_from_slice(&block[start..start + part.len()]);
            }
        }
        Ok(())
    }

    /// Counts down one look at a table; an error when there were too many.
    fn look(&self, looks: u64) -> Result<u64> {
        looks.checked_sub(1).ok_or_else(|| {
            let message = "the disk's tables have too many entries";
            self.tables.source().refused(message, "convert it with qemu-img first")
        })
    }

    /// Checks that the file contains every place that the tables name.
    pub fn check_whole(&self) -> Result<()> {
        let source = self.tables.source();
        let (mut index, mut looks) = (0, LOOKS);
        while index < self.size.div_ceil(self.block) {
            looks = self.look(looks)?;
            let left = self.size - index * self.block;
            let (offset, length, blocks) = match self.map.place(&self.tables, index)? {
                Place::Zeros(more) => (0, 0, more.max(1)),
                Place::At(offset) => (offset, self.block.min(left), 1),
                // how much of the last sector is used is known only when it is unpacked
                Place::Packed { offset, .. } => (offset, 1, 1),
            };
            source.slice(offset, length)?;
            index = index.saturating_add(blocks);
        }
        Ok(())
    }

    /// The runs that are not known to be zeros, in order, with gaps between them.
    pub fn allocated(&self) -> Result<Vec<Region>> {
        let mut runs: Vec<Region> = Vec::new();
        let blocks = self.size.div_ceil(self.block);
        let source = self.tables.source();
        let (mut index, mut looks, mut mapped) = (0, LOOKS, 0u64);
        while index < blocks {
            looks = self.look(looks)?;
            if let Place::Zeros(more) = self.map.place(&self.tables, index)? {
                index = index.saturating_add(more.max(1));
                continue;
            }
            let offset = index * self.block;
            // a disk may end inside its last block
            let length = self.block.min(self.size - offset);
            match runs.last_mut() {
                Some(last) if last.end() == offset => last.length += length,
                _ => runs.push(Region { offset, length }),
            }
            mapped = mapped.saturating_add(length);
            if mapped > plausible(source.length()) {
                let message =
                    "the tables map far more than the file can hold: blocks share a place";
                return Err(source.damaged(message, 0));
            }
            if runs.len() > RUNS {
                let message = "the disk is in too many pieces";
                return Err(source.refused(message, "convert it with qemu-img first"));
            }
            index += 1;
        }
        Ok(runs)
    }

    /// The lock is not held while a block is unpacked: several threads read a disk during a
    /// conversion.
    fn decoded(&self, index: u64, offset: u64, length: u64, codec: Codec) -> Result<Arc<[u8]>> {
        let place = {
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            let place = index as usize % cache.len();
            if let Some((cached, block)) = &cache[place]
                && *cached == index
            {
                return Ok(block.clone());
            }
            place
        };
        let source = self.tables.source();
        let packed = source.up_to(length, offset)?;
        let mut block = vec![0; self.block as usize];
        let whole = match codec {
            Codec::Deflate => inflate(&packed, &mut block, false),
            Codec::Zlib => inflate(&packed, &mut block, true),
            Codec::Zstd => unzstd(&packed, &mut block),
        };
        let broken = || Error::new(Kind::Damaged, "a compressed block does not unpack");
        let broken = || broken().at(source.path()).offset(source.start().saturating_add(offset));
        whole.ok_or_else(broken)?;
        let block: Arc<[u8]> = block.into();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache[place] = Some((index, block.clone()));
        Ok(block)
    }
}

/// Fills the block from a deflate stream; bytes after the stream do not matter.
fn inflate(packed: &[u8], block: &mut [u8], zlib: bool) -> Option<()> {
    let mut inflate = Decompress::new(zlib);
    inflate.decompress(packed, block, FlushDecompress::Finish).ok();
    (inflate.total_out() == block.len() as u64).then_some(())
}

fn unzstd(packed: &[u8], block: &mut [u8]) -> Option<()> {
    let mut decoder = zstd::Decoder::with_buffer(packed).ok()?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW).ok()?;
    decoder.read_exact(block).ok()
}
