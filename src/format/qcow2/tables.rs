//! The header and the entries of the two levels of mapping tables (docs/interop/qcow2.txt).

use std::ops::Range;

use super::{CLUSTER, CLUSTER_BITS, Compression};

/// Bytes of an entry in the tables of both levels and in the table of reference count blocks.
pub const TABLE_ENTRY: u64 = 8;
/// Entries of a second-level table, which is one cluster.
pub const L2_ENTRIES: u64 = CLUSTER / TABLE_ENTRY;

/// "QFI" and 0xFB.
const MAGIC: u32 = 0x5146_49FB;
const VERSION: u32 = 3;
/// log2 of the bits of a reference count: 16, the default.
const REFCOUNT_ORDER: u32 = 4;
/// Bytes of the header up to the field for the compression type, which deflate does not need.
const HEADER_LENGTH: u32 = 104;
/// Bytes of the header with that field, padded to a multiple of 8.
const LONG_HEADER_LENGTH: u32 = 112;
/// "Incompatible features", bit 3: the compression type is not deflate.
const COMPRESSION_TYPE: u64 = 1 << 3;
/// The compression type of zstd.
const ZSTD: u8 = 1;
/// "OFLAG_COPIED": exactly one reference, so that it may be written in place.
const COPIED: u64 = 1 << 63;
/// The entry describes a compressed cluster.
const COMPRESSED: u64 = 1 << 62;
/// Units of a compressed cluster's length, in bytes.
const COMPRESSED_SECTOR: u64 = 512;
/// Where the count of further sectors starts in a compressed cluster's entry; the offset is below.
const SECTOR_COUNT_SHIFT: u32 = 62 - (CLUSTER_BITS - 8);

/// An entry of a second-level table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping(pub u64);

impl Mapping {
    /// Absent: reads as zeros.
    pub const NONE: Self = Self(0);

    /// A plain cluster at `offset`.
    pub fn plain(offset: u64) -> Self {
        Self(owned(offset))
    }

    /// A compressed cluster in these bytes of the file: its offset, and the number of sectors that
    /// it touches after its first.
    pub fn compressed(place: Range<u64>) -> Self {
        let last = (place.end - 1) / COMPRESSED_SECTOR;
        let further = last - place.start / COMPRESSED_SECTOR;
        Self(COMPRESSED | further << SECTOR_COUNT_SHIFT | place.start)
    }
}

/// A table entry for a cluster that has one reference.
pub fn owned(offset: u64) -> u64 {
    offset | COPIED
}

/// Entries in the file's form, padded to whole clusters.
pub fn bytes(entries: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.flat_map(u64::to_be_bytes).collect();
    bytes.resize(bytes.len().next_multiple_of(CLUSTER as usize), 0);
    bytes
}

/// The header's fields that differ between files.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// How clusters are compressed.
    pub compression: Compression,
    /// The guest's disk, in bytes.
    pub size: u64,
    /// Entries of the first-level table.
    pub l1_entries: u32,
    /// Its offset.
    pub l1_table: u64,
    /// The offset of the table of reference count blocks.
    pub refcount_table: u64,
    /// Its clusters.
    pub refcount_table_clusters: u32,
}

impl Header {
    /// The header's cluster: the header, an end mark for extensions, zeros.
    pub fn bytes(&self) -> Vec<u8> {
        let (features, length) = match self.compression {
            Compression::Deflate => (0, HEADER_LENGTH),
            Compression::Zstd => (COMPRESSION_TYPE, LONG_HEADER_LENGTH),
        };
        let mut b = Vec::with_capacity(CLUSTER as usize);
        b.extend(MAGIC.to_be_bytes());
        b.extend(VERSION.to_be_bytes());
        b.extend([0; 8 + 4]); // no backing file
        b.extend(CLUSTER_BITS.to_be_bytes());
        b.extend(self.size.to_be_bytes());
        b.extend(0u32.to_be_bytes()); // not encrypted
        b.extend(self.l1_entries.to_be_bytes());
        b.extend(self.l1_table.to_be_bytes());
        b.extend(self.refcount_table.to_be_bytes());
        b.extend(self.refcount_table_clusters.to_be_bytes());
        b.extend([0; 4 + 8]); // no snapshots
        b.extend(features.to_be_bytes());
        b.extend([0; 8 * 2]); // no compatible or autoclear features
        b.extend(REFCOUNT_ORDER.to_be_bytes());
        b.extend(length.to_be_bytes());
        match self.compression {
            Compression::Deflate => {}
            Compression::Zstd => b.push(ZSTD),
        }
        b.resize(CLUSTER as usize, 0);
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_cluster_says_which_sectors_it_touches() {
        assert_eq!(Mapping::compressed(512..1024).0, COMPRESSED | 512);
        let crossing = Mapping::compressed(1023..1025).0;
        assert_eq!(crossing, COMPRESSED | 1 << SECTOR_COUNT_SHIFT | 1023);
    }

    #[test]
    fn the_header_is_one_cluster_with_its_fields_in_place() {
        let mut header = Header {
            compression: Compression::Deflate,
            size: 7,
            l1_entries: 1,
            l1_table: 2 << 16,
            refcount_table: 3 << 16,
            refcount_table_clusters: 1,
        };
        let bytes = header.bytes();
        assert_eq!(bytes.len() as u64, CLUSTER);
        assert_eq!(bytes[24..32], 7u64.to_be_bytes());
        assert_eq!(bytes[72..80], [0; 8]);
        assert_eq!(bytes[100..104], HEADER_LENGTH.to_be_bytes());
        header.compression = Compression::Zstd;
        let bytes = header.bytes();
        assert_eq!(bytes[72..80], COMPRESSION_TYPE.to_be_bytes());
        assert_eq!(bytes[100..106], [0, 0, 0, 112, ZSTD, 0]);
    }
}
