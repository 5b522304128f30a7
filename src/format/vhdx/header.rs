//! The header region: the file identifier, two headers, two tables of regions (2.2 and 2.3).

use uuid::{Uuid, uuid};

use super::{Ids, LOG, LOG_LENGTH, METADATA, METADATA_LENGTH, TABLE};
use crate::format::host::Part;
use crate::units::KIB;

/// The place of each.
const HEADERS: [u64; 2] = [64 * KIB, 128 * KIB];
const REGION_TABLES: [u64; 2] = [192 * KIB, 256 * KIB];

/// The file identifier's first bytes (2.2.1).
const FILE_SIGNATURE: [u8; 8] = *b"vhdxfile";
/// The creator, for people: UTF-16.
const CREATOR: &str = "slipway";

/// A header's first bytes, its length, and the place of the checksum in all structures (2.2.2).
const HEADER_SIGNATURE: [u8; 4] = *b"head";
const HEADER_LENGTH: usize = 4096;
const CHECKSUM: std::ops::Range<usize> = 4..8;
/// The format's version.
const VERSION: u16 = 1;
/// The log's version.
const LOG_VERSION: u16 = 0;

/// A table of regions (2.2.3).
const REGION_SIGNATURE: [u8; 4] = *b"regi";
const REGION_TABLE_LENGTH: usize = 64 << 10;
const TABLE_REGION: Uuid = uuid!("2DC27766-F623-4200-9D64-115E9BFD4A08");
const METADATA_REGION: Uuid = uuid!("8B7CA206-4790-4B9A-B8FE-575F050F886E");
/// A reader that does not know the region must not open the file.
const REQUIRED: u32 = 1;

/// What differs between files.
#[derive(Clone, Copy, Debug)]
pub struct Regions {
    /// Bytes of the table of blocks.
    pub table_length: u64,
}

/// All parts of the region.
pub fn parts(ids: &Ids, regions: Regions) -> impl Iterator<Item = Part> {
    let creator = CREATOR.encode_utf16().flat_map(u16::to_le_bytes);
    let identifier: Vec<u8> = FILE_SIGNATURE.into_iter().chain(creator).collect();
    // the second header is the newer one: any two different numbers will do
    let headers = [0, 1].map(|i| Part::bytes(HEADERS[i], header(ids, i as u64 + 1)));
    let table = region_table(regions);
    let tables = REGION_TABLES.map(|at| Part::bytes(at, table.clone()));
    [Part::bytes(0, identifier)].into_iter().chain(headers).chain(tables)
}

fn header(ids: &Ids, sequence: u64) -> Vec<u8> {
    let mut b = Vec::with_capacity(HEADER_LENGTH);
    b.extend(HEADER_SIGNATURE);
    b.extend([0; 4]); // the checksum
    b.extend(sequence.to_le_bytes());
    b.extend(ids.file.to_bytes_le());
    b.extend(ids.data.to_bytes_le());
    b.extend(Uuid::nil().to_bytes_le()); // nothing in the log is to be replayed
    b.extend(LOG_VERSION.to_le_bytes());
    b.extend(VERSION.to_le_bytes());
    b.extend((LOG_LENGTH as u32).to_le_bytes());
    b.extend(LOG.to_le_bytes());
    summed(b, HEADER_LENGTH)
}

fn region_table(regions: Regions) -> Vec<u8> {
    let entries =
        [(TABLE_REGION, TABLE, regions.table_length), (METADATA_REGION, METADATA, METADATA_LENGTH)];
    let mut b = Vec::with_capacity(REGION_TABLE_LENGTH);
    b.extend(REGION_SIGNATURE);
    b.extend([0; 4]); // the checksum
    b.extend((entries.len() as u32).to_le_bytes());
    b.extend([0; 4]);
    for (kind, offset, length) in entries {
        b.extend(kind.to_bytes_le());
        b.extend(offset.to_le_bytes());
        b.extend((length as u32).to_le_bytes());
        b.extend(REQUIRED.to_le_bytes());
    }
    summed(b, REGION_TABLE_LENGTH)
}

/// The bytes padded with zeros, with the CRC-32C of everything, in which its own field counts as
/// zero.
fn summed(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.resize(length, 0);
    let sum = crc32c::crc32c(&bytes);
    bytes[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_headers_have_numbers_that_differ_and_sums_that_hold() {
        let ids = Ids { file: Uuid::nil(), data: Uuid::nil(), disk: Uuid::nil() };
        for sequence in [1u8, 2] {
            let mut header = header(&ids, sequence.into());
            assert_eq!(header[8], sequence);
            let stated = header[CHECKSUM].to_vec();
            header[CHECKSUM].fill(0);
            assert_eq!(stated, crc32c::crc32c(&header).to_le_bytes());
        }
    }
}
