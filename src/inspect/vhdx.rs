//! Reads VHDX (Microsoft, \[MS-VHDX\] 9.0, for every number here).

use super::blocks::Place;
use super::source::{Source, Tables, le};
use crate::error::Result;
use crate::units::{KIB, MIB};

/// The first bytes of the file.
pub const SIGNATURE: &[u8] = b"vhdxfile";
/// The places of both headers and both region tables, and the number of bytes that their checksums
/// cover.
const HEADERS: [u64; 2] = [64 * KIB, 128 * KIB];
const HEADER: u64 = 4 * KIB;
const REGION_TABLES: [u64; 2] = [192 * KIB, 256 * KIB];
const REGION_TABLE: u64 = 64 * KIB;
/// The most entries of the region table and of the metadata table, and the length of an entry of
/// either.
const ENTRIES_LIMIT: usize = 2047;
const ENTRY: usize = 32;
/// Bytes of the metadata table.
const METADATA_TABLE: u64 = 64 * KIB;
/// The GUIDs of regions and metadata items, in the file's byte order.
const BAT: u128 = 0x2DC27766_F623_4200_9D64_115E9BFD4A08;
const METADATA: u128 = 0x8B7CA206_4790_4B9A_B8FE_575F050F886E;
const FILE_PARAMETERS: u128 = 0xCAA16737_FA36_4D43_B3B6_33F0AA44E76B;
const DISK_SIZE: u128 = 0x2FA54224_CD1B_4876_B211_5DBED83BF4B8;
const SECTOR_SIZE: u128 = 0x8141BF1D_A96F_4709_BA47_F233A8FAAB5F;
/// A bit of the file parameters: it differs from a parent.
const HAS_PARENT: u32 = 1 << 1;
/// Block sizes.
const BLOCKS: std::ops::RangeInclusive<u64> = MIB..=256 * MIB;
/// Sectors that one bitmap block covers: together with their size and the block size, this
/// determines how often a bitmap's entry comes between the others.
const CHUNK_SECTORS: u64 = 1 << 23;
/// The state of a block in the low bits of its entry, and its place, in whole MiB, in the high
/// bits.
const STATE: u64 = 7;
const NOT_PRESENT: u64 = 0;
const UNDEFINED: u64 = 1;
const ZERO: u64 = 2;
const UNMAPPED: u64 = 3;
const FULLY_PRESENT: u64 = 6;
const PLACE: u64 = !(MIB - 1);
/// The log's entries begin on these boundaries, with this signature and with the log's GUID.
const LOG_STEP: u64 = 4 * KIB;
const LOG_ENTRY: &[u8] = b"loge";
const LOG_GUID: usize = 32;
/// The largest log that is searched, in bytes: Windows and QEMU make it 1 MiB.
const LOG_LIMIT: u64 = 64 * MIB;

/// The mapping table of a dynamic or fixed VHDX.
#[derive(Debug)]
pub struct Map {
    size: u64,
    block: u64,
    /// Payload blocks between two bitmap entries.
    ratio: u64,
    table: u64,
    logical_sector: u32,
}

impl Map {
    /// Reads the newer header, the region table and the metadata.
    ///
    /// # Errors
    /// [`crate::error::Kind::Refused`] for a differencing disk, and for one that was not closed:
    /// the log's contents have not reached the places that are read here.
    pub fn open(source: &Source) -> Result<Self> {
        check_log(source)?;
        let (bat, bat_length) = region(source, BAT, "the block table")?;
        let (metadata, metadata_length) = region(source, METADATA, "the metadata")?;
        let metadata = source.slice(metadata, metadata_length)?;
        let parameters = item::<8>(&metadata, FILE_PARAMETERS, "the block size")?;
        if le::u32_at(&parameters, 4) & HAS_PARENT != 0 {
            let message = "this VHDX cannot be read: it needs the disk that it differs from";
            return Err(source.refused(message, "merge it into its parent first"));
        }
        let block = u64::from(le::u32_at(&parameters, 0));
        let size = u64::from_le_bytes(item(&metadata, DISK_SIZE, "the disk's size")?);
        let logical_sector = u32::from_le_bytes(item(&metadata, SECTOR_SIZE, "the sector size")?);
        let wrong = |what: &str| metadata.damaged(what, 0);
        if !block.is_power_of_two() || !BLOCKS.contains(&block) {
            return Err(wrong("the VHDX has an impossible block size"));
        }
        if ![512, 4096].contains(&logical_sector) || size == 0 {
            return Err(wrong("the VHDX has an impossible sector size or disk size"));
        }
        let ratio = CHUNK_SECTORS * u64::from(logical_sector) / block;
        let blocks = size.div_ceil(block);
        let entries = blocks + (blocks.max(1) - 1) / ratio;
        if entries.checked_mul(8).is_none_or(|bytes| bytes > bat_length) {
            return Err(source.damaged("the VHDX has a block table of an impossible size", bat));
        }
        Ok(Self { size, block, ratio, table: bat, logical_sector })
    }

    /// The size of the disk, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of a block.
    pub fn block(&self) -> u64 {
        self.block
    }

    /// Bytes of a sector, as the machine sees it.
    pub fn logical_sector(&self) -> u32 {
        self.logical_sector
    }

    /// Where a block is.
    pub fn place(&self, tables: &Tables, index: u64) -> Result<Place> {
        let at = self.table + (index + index / self.ratio) * 8;
        let entry = u64::from_le_bytes(tables.entry(at)?);
        match entry & STATE {
            NOT_PRESENT | UNDEFINED | ZERO | UNMAPPED => Ok(Place::Zeros(1)),
            FULLY_PRESENT => Ok(Place::At(entry & PLACE)),
            _ => Err(tables.source().damaged("a block of the VHDX has an impossible state", at)),
        }
    }
}

fn is_guid(bytes: &[u8], at: usize, guid: u128) -> bool {
    let bytes = bytes.get(at..).and_then(|b| b.first_chunk::<16>());
    bytes.is_some_and(|b| uuid::Uuid::from_bytes_le(*b).as_u128() == guid)
}

/// Whether a structure's signature and checksum are right; the checksum counts itself as zeros.
fn is_whole(bytes: &[u8], signature: &[u8]) -> bool {
    if !bytes.starts_with(signature) || bytes.len() < 8 {
        return false;
    }
    let sum = crc32c::crc32c(&bytes[..4]);
    let sum = crc32c::crc32c_append(sum, &[0; 4]);
    crc32c::crc32c_append(sum, &bytes[8..]) == le::u32_at(bytes, 4)
}

/// Refuses a file whose log has entries, which were not applied yet.
fn check_log(source: &Source) -> Result<()> {
    let mut newest: Option<[u8; HEADER as usize]> = None;
    for at in HEADERS {
        let header: [u8; HEADER as usize] = source.array(at)?;
        let sequence = |h: &[u8]| le::u64_at(h, 8);
        if is_whole(&header, b"head") && newest.is_none_or(|n| sequence(&n) < sequence(&header)) {
            newest = Some(header);
        }
    }
    let wrong = |what: &str| source.damaged(what, HEADERS[0]);
    let header = newest.ok_or_else(|| wrong("both headers of the VHDX are broken"))?;
    if le::u16_at(&header, 66) != 1 {
        return Err(wrong("the VHDX has an unknown version"));
    }
    let guid = &header[48..64];
    if guid.iter().all(|b| *b == 0) {
        return Ok(());
    }
    let (length, offset) = (u64::from(le::u32_at(&header, 68)), le::u64_at(&header, 72));
    let log = source.slice(offset, length.min(LOG_LIMIT))?;
    for at in (0..log.length()).step_by(LOG_STEP as usize) {
        let entry = log.up_to(LOG_GUID as u64 + 16, at)?;
        if entry.starts_with(LOG_ENTRY) && entry.get(LOG_GUID..) == Some(guid) {
            let message = "this VHDX was not closed: its log holds what its blocks do not have yet";
            let remedy = "open it once with Hyper-V (Mount-VHD, Dismount-VHD), or \
                          run qemu-img check -r all on it";
            return Err(source.refused(message, remedy).offset(offset + at));
        }
    }
    Ok(())
}

/// Offset and length of a region of the file, from the first intact region table.
fn region(source: &Source, guid: u128, what: &str) -> Result<(u64, u64)> {
    for at in REGION_TABLES {
        let table = source.up_to(REGION_TABLE, at)?;
        if table.len() as u64 != REGION_TABLE || !is_whole(&table, b"regi") {
            continue;
        }
        let entries = (le::u32_at(&table, 8) as usize).min(ENTRIES_LIMIT);
        let entry = (0..entries).map(|i| 16 + i * ENTRY).find(|e| is_guid(&table, *e, guid));
        let missing = || source.damaged(format!("the VHDX does not say where {what} is"), at);
        let entry = entry.ok_or_else(missing)?;
        let (offset, length) = (le::u64_at(&table, entry + 16), le::u32_at(&table, entry + 24));
        if !offset.is_multiple_of(MIB) || offset == 0 || offset > source.length() {
            let message = format!("the VHDX has {what} at an impossible place");
            return Err(source.damaged(message, at + entry as u64));
        }
        return Ok((offset, u64::from(length)));
    }
    Err(source.damaged("both region tables of the VHDX are broken", REGION_TABLES[0]))
}

/// A metadata item's first `N` bytes.
fn item<const N: usize>(metadata: &Source, guid: u128, what: &str) -> Result<[u8; N]> {
    let table = metadata.up_to(METADATA_TABLE, 0)?;
    if !table.starts_with(b"metadata") {
        return Err(metadata.damaged("the metadata table of the VHDX is broken", 0));
    }
    let entries = usize::from(le::u16_at(&table, 10)).min(ENTRIES_LIMIT);
    let entry = (0..entries).map(|i| ENTRY + i * ENTRY).find(|e| is_guid(&table, *e, guid));
    let missing = || metadata.damaged(format!("the VHDX does not say {what}"), 0);
    let entry = entry.ok_or_else(missing)?;
    if (le::u32_at(&table, entry + 20) as usize) < N {
        return Err(missing());
    }
    metadata.array(u64::from(le::u32_at(&table, entry + 16)))
}
