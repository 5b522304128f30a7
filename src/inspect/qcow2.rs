//! Reads qcow2, ours and others': versions 2 and 3, plain, deflate and zstd clusters
//! (docs/interop/qcow2.txt in QEMU's source).

use super::blocks::{Codec, Place};
use super::source::{Source, Tables, be};
use crate::error::{Error, Kind, Result};
use crate::profile::Format;
use crate::units::MIB;

/// "QFI" and 0xFB.
pub const MAGIC: &[u8] = b"QFI\xFB";
/// Bytes of the header up to and including the compression type.
const HEADER: usize = 105;
/// Bytes of a version 2 header, which ends before the feature fields.
const HEADER_2: usize = 72;
/// The cluster sizes that QEMU itself accepts, as log2 of bytes: 512 bytes to 2 MiB.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
/// The largest first-level table that QEMU accepts, in bytes.
const L1_LIMIT: u64 = 32 * MIB;
/// Incompatible features that do not matter to a reader: reference counts that may be stale, and
/// the presence of a compression type.
const FEATURE_DIRTY: u64 = 1;
const FEATURE_COMPRESSION: u64 = 1 << 3;
/// The names of the specification's other incompatible features.
const REFUSED_FEATURES: [(u64, &str); 3] = [
    (1 << 1, "it is marked as corrupt"),
    (1 << 2, "its data lie in another file"),
    (1 << 4, "it has extended mapping entries"),
];
/// The bits of the offset in both tables' entries; in second-level entries, the flags for
/// compressed clusters and for all zeros.
const OFFSET_MASK: u64 = 0x00FF_FFFF_FFFF_FE00;
const COMPRESSED: u64 = 1 << 62;
const ZEROS: u64 = 1;
/// The most clusters that are searched for a compressed one: as many as 256 GiB has.
const LOOKS: u64 = 1 << 22;
/// Units of a compressed cluster's length, in bytes.
const SECTOR: u64 = 512;

/// The mapping tables of an image whose header was checked.
#[derive(Debug)]
pub struct Map {
    header: Header,
}

impl Map {
    /// Reads and checks the header.
    ///
    /// # Errors
    /// [`Kind::Refused`] for anything that a reader of a single file cannot provide: backing files,
    /// encryption, external data, unknown features.
    pub fn open(source: &Source) -> Result<Self> {
        let bytes = source.up_to(HEADER as u64, 0)?;
        Ok(Self { header: Header::parse(&bytes).map_err(|e| e.at(source.path()))? })
    }

    /// The size of the disk, in bytes.
    pub fn size(&self) -> u64 {
        self.header.size
    }

    /// Bytes of a cluster.
    pub fn block(&self) -> u64 {
        1 << self.header.cluster_bits
    }

    /// Which of the formats it is: one with only uncompressed clusters is [`Format::Qcow2Plain`],
    /// and so is an empty one.
    pub fn format(&self, tables: &Tables) -> Result<Format> {
        if self.header.compression == Codec::Zstd {
            return Ok(Format::Qcow2Zstd);
        }
        let (mut index, mut looks) = (0, 0);
        while index < self.size().div_ceil(self.block()) && looks < LOOKS {
            looks += 1;
            index += match self.place(tables, index)? {
                Place::Packed { .. } => return Ok(Format::Qcow2),
                Place::Zeros(more) => more,
                Place::At(_) => 1,
            };
        }
        Ok(Format::Qcow2Plain)
    }

    /// Where a guest cluster is.
    pub fn place(&self, tables: &Tables, index: u64) -> Result<Place> {
        let entries = 1 << (self.header.cluster_bits - 3);
        let first = self.header.l1_table.saturating_add(index / entries * 8);
        let table = u64::from_be_bytes(tables.entry(first)?) & OFFSET_MASK;
        if table == 0 {
            return Ok(Place::Zeros(entries - index % entries));
        }
        let entry = u64::from_be_bytes(tables.entry(table + index % entries * 8)?);
        let offset = entry & OFFSET_MASK;
        Ok(if entry & COMPRESSED != 0 {
            self.packed(entry)
        } else if offset == 0 || entry & ZEROS != 0 {
            Place::Zeros(1)
        } else {
            Place::At(offset)
        })
    }

    fn packed(&self, entry: u64) -> Place {
        let shift = 62 - (self.header.cluster_bits - 8);
        let offset = entry & ((1 << shift) - 1);
        let sectors = (entry & (COMPRESSED - 1)) >> shift;
        // the last sector may extend beyond the file
        let length = (sectors + 1) * SECTOR - offset % SECTOR;
        Place::Packed { offset, length, codec: self.header.compression }
    }
}

/// The header's fields that a reader needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    size: u64,
    cluster_bits: u32,
    l1_table: u64,
    compression: Codec,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str, at| Error::new(Kind::Damaged, what).offset(at);
        if bytes.len() < HEADER_2 {
            return Err(damaged("the qcow2 header is cut off", bytes.len() as u64));
        }
        let (u32_at, u64_at) = (|at| be::u32_at(bytes, at), |at| be::u64_at(bytes, at));
        let (version, cluster_bits, size) = (u32_at(4), u32_at(20), u64_at(24));
        if u64_at(8) != 0 {
            return Err(refused("it needs a backing file"));
        }
        if u32_at(32) != 0 {
            return Err(refused("it is encrypted"));
        }
        if !CLUSTER_BITS.contains(&cluster_bits) {
            return Err(damaged("the qcow2 header has an impossible cluster size", 20));
        }
        let compression = match version {
            2 => Codec::Deflate,
            3 if bytes.len() >= HEADER - 1 => features(u64_at(72), bytes.get(104))?,
            3 => return Err(damaged("the qcow2 header is cut off", bytes.len() as u64)),
            other => return Err(refused(&format!("it has version {other}"))),
        };
        let l1_entries = size.div_ceil(1 << (2 * cluster_bits - 3));
        if u64::from(u32_at(36)) < l1_entries || l1_entries * 8 > L1_LIMIT {
            return Err(damaged("the qcow2 header has a mapping table of an impossible size", 36));
        }
        let l1_table = u64_at(40);
        if l1_table > i64::MAX as u64 || !l1_table.is_multiple_of(SECTOR) {
            return Err(damaged("the qcow2 header has an impossible offset", 40));
        }
        Ok(Self { size, cluster_bits, l1_table, compression })
    }
}

fn features(incompatible: u64, compression_type: Option<&u8>) -> Result<Codec> {
    for (bit, reason) in REFUSED_FEATURES {
        if incompatible & bit != 0 {
            return Err(refused(reason));
        }
    }
    if incompatible & !(FEATURE_DIRTY | FEATURE_COMPRESSION) != 0 {
        return Err(refused("it has features that are not known here"));
    }
    match compression_type {
        Some(1) if incompatible & FEATURE_COMPRESSION != 0 => Ok(Codec::Zstd),
        Some(_) if incompatible & FEATURE_COMPRESSION != 0 => {
            Err(refused("its compression is not known here"))
        }
        _ => Ok(Codec::Deflate),
    }
}

fn refused(why: &str) -> Error {
    Error::new(Kind::Refused, format!("this qcow2 image cannot be read: {why}"))
        .remedy("convert it: qemu-img convert -O qcow2 IMAGE NEW")
}
