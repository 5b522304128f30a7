//! Reads VHD, fixed and dynamic (Microsoft, "Virtual Hard Disk Image Format Specification" 1.0, for
//! every number here). Numbers have the highest byte first.

use super::blocks::Place;
use super::source::{Source, Tables, be};
use crate::error::Result;

/// The first bytes of a footer.
pub const COOKIE: &[u8] = b"conectix";
/// Bytes of the footer.
pub const FOOTER: u64 = 512;
/// The first bytes of a dynamic disk's header, and its length.
const DYNAMIC_COOKIE: &[u8] = b"cxsparse";
const DYNAMIC_HEADER: usize = 1024;
/// The places of the checksums in both structures.
const FOOTER_CHECKSUM: usize = 64;
const DYNAMIC_CHECKSUM: usize = 36;
/// Kinds of disk.
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;
const SECTOR: u64 = 512;
/// The entry of an absent block.
const UNUSED: u32 = u32::MAX;
/// The largest block that is read, in bytes: 128 times the usual one.
const BLOCK_LIMIT: u64 = 1 << 28;

/// A footer's facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The size of the disk, in bytes.
    pub size: u64,
    /// The size that its cylinders, heads and sectors give, in bytes.
    pub geometry: u64,
    /// Whether it is a fixed disk.
    pub fixed: bool,
    /// The place of a dynamic disk's header.
    dynamic: u64,
}

impl Footer {
    /// Reads the footer at `offset`.
    pub fn read(source: &Source, offset: u64) -> Result<Self> {
        let bytes: [u8; FOOTER as usize] = source.array(offset)?;
        let wrong = |what: &str| source.damaged(what, offset);
        if !bytes.starts_with(COOKIE) || !is_whole(&bytes, FOOTER_CHECKSUM) {
            return Err(wrong("the VHD footer is broken"));
        }
        let kind = be::u32_at(&bytes, 60);
        if kind == DIFFERENCING {
            let message = "this VHD cannot be read: it needs the disk that it differs from";
            return Err(source.refused(message, "merge it into its parent first"));
        }
        if kind != FIXED && kind != DYNAMIC {
            return Err(wrong("the VHD footer has an unknown kind of disk"));
        }
        let cylinders = u64::from(be::u32_at(&bytes, 56) >> 16);
        let (heads, sectors) = (u64::from(bytes[58]), u64::from(bytes[59]));
        Ok(Self {
            size: be::u64_at(&bytes, 48),
            geometry: cylinders * heads * sectors * SECTOR,
            fixed: kind == FIXED,
            dynamic: be::u64_at(&bytes, 16),
        })
    }
}

/// Whether the checksum is right: it is the complement of the sum of all other bytes.
fn is_whole(bytes: &[u8], checksum: usize) -> bool {
    let field = checksum..checksum + 4;
    let others = bytes.iter().enumerate().filter(|(i, _)| !field.contains(i));
    let sum = others.fold(0u32, |sum, (_, b)| sum.wrapping_add(u32::from(*b)));
    !sum == be::u32_at(bytes, checksum)
}

/// The fixed disk before the footer at the file's end; none when there is no such footer.
///
/// Only the footer's first eight bytes tell it from a raw disk, so a broken footer is an error, and
/// not a raw disk with 512 more bytes.
pub fn fixed(source: &Source) -> Result<Option<(Footer, Source)>> {
    let Some(at) = source.length().checked_sub(FOOTER) else { return Ok(None) };
    if source.array::<8>(at)? != COOKIE {
        return Ok(None);
    }
    let footer = Footer::read(source, at)?;
    if !footer.fixed {
        return Err(source.damaged("a dynamic VHD does not begin with a copy of its footer", 0));
    }
    if footer.size > at {
        let message = format!("the VHD footer promises a disk of {} bytes", footer.size);
        return Err(source.damaged(message, at));
    }
    Ok(Some((footer, source.slice(0, footer.size)?)))
}

/// The mapping table of a dynamic disk.
#[derive(Debug)]
pub struct Map {
    footer: Footer,
    table: u64,
    block: u64,
}

impl Map {
    /// Reads the footer's copy at the start and the header of the dynamic disk.
    pub fn open(source: &Source) -> Result<Self> {
        let footer = Footer::read(source, 0)?;
        if footer.fixed {
            let message = "a fixed VHD begins with its disk, and not with a footer";
            return Err(source.damaged(message, 0));
        }
        let bytes: [u8; DYNAMIC_HEADER] = source.array(footer.dynamic)?;
        let wrong = |what: &str| source.damaged(what, footer.dynamic);
        if !bytes.starts_with(DYNAMIC_COOKIE) || !is_whole(&bytes, DYNAMIC_CHECKSUM) {
            return Err(wrong("the header of the dynamic VHD is broken"));
        }
        let (table, block) = (be::u64_at(&bytes, 16), u64::from(be::u32_at(&bytes, 32)));
        if !block.is_power_of_two() || !(SECTOR..=BLOCK_LIMIT).contains(&block) {
            return Err(wrong("the dynamic VHD has an impossible block size"));
        }
        let blocks = footer.size.div_ceil(block);
        if blocks > u64::from(be::u32_at(&bytes, 28)) || !table.is_multiple_of(4) {
            return Err(wrong("the dynamic VHD has a mapping table of an impossible size"));
        }
        Ok(Self { footer, table, block })
    }

    /// The facts from the footer's copy.
    pub fn footer(&self) -> Footer {
        self.footer
    }

    /// Bytes of a block.
    pub fn block(&self) -> u64 {
        self.block
    }

    /// Where a block is. Its bitmap of sectors is ignored: a sector that was never written is zeros
    /// in the file as well, and QEMU and Hyper-V also read dynamic disks this way.
    pub fn place(&self, tables: &Tables, index: u64) -> Result<Place> {
        let entry = tables.entry(self.table.saturating_add(index.saturating_mul(4)))?;
        Ok(match u32::from_be_bytes(entry) {
            UNUSED => Place::Zeros(1),
            sector => {
                let bitmap = (self.block / SECTOR).div_ceil(8).next_multiple_of(SECTOR);
                Place::At(u64::from(sector) * SECTOR + bitmap)
            }
        })
    }
}
