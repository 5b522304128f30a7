//! Reads VMDK in one file: monolithicSparse and streamOptimized (VMware, "Virtual Disk Format 5.0",
//! for every number here).

mod extent;

use serde::Serialize;

use super::blocks::{Codec, Place};
use super::source::{Source, Tables, le};
use crate::error::Result;
use crate::units::KIB;

/// The first bytes of a sparse extent.
pub const MAGIC: &[u8] = b"KDMV";
/// The beginning of a description of extents in other files.
pub const DESCRIPTOR: &[u8] = b"# Disk DescriptorFile";
const SECTOR: u64 = 512;
const HEADER: usize = 512;
/// Flags: grains are compressed; markers precede what they describe.
const COMPRESSED: u32 = 1 << 16;
const MARKERS: u32 = 1 << 17;
/// The only compression method.
const DEFLATE: u16 = 1;
/// The offset of the grain directory that means: the real one is in the footer.
const AT_END: u64 = u64::MAX;
/// The footer: a marker, the header again, and the end-of-stream marker.
const FOOTER: u64 = 3 * SECTOR;
/// The type of the footer's marker.
const FOOTER_MARKER: u32 = 3;
/// The supported numbers of sectors in a grain, and of entries in a grain table; the usual ones are
/// 128 and 512.
const GRAIN: std::ops::RangeInclusive<u64> = 8..=4096;
const TABLE_ENTRIES: std::ops::RangeInclusive<u64> = 1..=512;
/// Bytes of a description that are read; VMware's own have at most 20 sectors.
const DESCRIPTION_LIMIT: u64 = 64 * KIB;
/// The largest disk, in sectors: 64 TiB, as for the other formats; VMware's limit is 62 TiB.
const CAPACITY: u64 = 1 << 37;
/// A grain table's entries: absent; zeros.
const NOTHING: u32 = 0;
const ZEROS: u32 = 1;
/// A description's value for "no parent".
const NO_PARENT: &str = "ffffffff";
/// Bytes of a compressed grain's marker before the data.
const MARKER: u64 = 12;

/// What the file says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VmdkFacts {
    /// The header's version; ESXi requires 3 for a streamOptimized disk.
    pub version: u32,
    /// Whether its grains are compressed.
    pub compressed: bool,
    /// Whether it has markers.
    pub markers: bool,
    /// Whether its header is repeated at its end.
    pub footer: bool,
    /// The description's kind, as in "streamOptimized".
    pub create_type: Option<String>,
    /// The description's adapter, as in "lsilogic".
    pub adapter: Option<String>,
    /// The hardware version that the description names.
    pub hardware: Option<u32>,
}

/// The mapping tables of a sparse extent.
#[derive(Debug)]
pub struct Map {
    facts: VmdkFacts,
    capacity: u64,
    grain: u64,
    table_entries: u64,
    directory: u64,
}

impl Map {
    /// Reads the header, the description and, if there is one, the footer.
    pub fn open(source: &Source) -> Result<Self> {
        let header = source.array::<HEADER>(0)?;
        let description = description(source, &header)?;
        let flags = le::u32_at(&header, 8);
        let compressed = flags & COMPRESSED != 0;
        let in_footer = le::u64_at(&header, 56) == AT_END;
        let (header, at) = match in_footer {
            true => footer(source)?,
            false => (header, 0),
        };
        let wrong = |what: &str| source.damaged(what, at);
        let (version, method) = (le::u32_at(&header, 4), le::u16_at(&header, 77));
        if !header.starts_with(MAGIC) || !(1..=3).contains(&version) {
            return Err(wrong("the VMDK header has an unknown version"));
        }
        if compressed && method != DEFLATE {
            return Err(wrong("the VMDK is compressed in an unknown way"));
        }
        let (capacity, grain) = (le::u64_at(&header, 12), le::u64_at(&header, 20));
        let possible = (1..=CAPACITY).contains(&capacity);
        if !grain.is_power_of_two() || !GRAIN.contains(&grain) || !possible {
            return Err(wrong("the VMDK header has an impossible size"));
        }
        extent::check(source, &description, capacity)?;
        let table_entries = u64::from(le::u32_at(&header, 44));
        let directory = le::u64_at(&header, 56);
        if !TABLE_ENTRIES.contains(&table_entries) || directory > source.length() / SECTOR {
            return Err(wrong("the VMDK header has impossible mapping tables"));
        }
        let fact = |key| value(&description, key);
        let facts = VmdkFacts {
            version,
            compressed,
            markers: flags & MARKERS != 0,
            footer: in_footer || footer(source).is_ok(),
            create_type: fact("createType"),
            adapter: fact("ddb.adapterType"),
            hardware: fact("ddb.virtualHWVersion").and_then(|v| v.parse().ok()),
        };
        Ok(Self { facts, capacity, grain, table_entries, directory })
    }

    /// What the file says about itself.
    pub fn facts(&self) -> &VmdkFacts {
        &self.facts
    }

    /// The size of the disk, in bytes.
    pub fn size(&self) -> u64 {
        self.capacity * SECTOR
    }

    /// Bytes of a grain.
    pub fn block(&self) -> u64 {
        self.grain * SECTOR
    }

    /// Where a grain is.
    pub fn place(&self, tables: &Tables, index: u64) -> Result<Place> {
        let entry = self.directory * SECTOR + index / self.table_entries * 4;
        let table = u64::from(u32::from_le_bytes(tables.entry(entry)?));
        let within = index % self.table_entries;
        if table == 0 {
            return Ok(Place::Zeros(self.table_entries - within));
        }
        let sector = match u32::from_le_bytes(tables.entry(table * SECTOR + within * 4)?) {
            NOTHING | ZEROS => return Ok(Place::Zeros(1)),
            sector => u64::from(sector),
        };
        if !self.facts.compressed {
            return Ok(Place::At(sector * SECTOR));
        }
        self.packed(tables.source(), sector * SECTOR, index)
    }

    /// A compressed grain after its marker, which must name the same grain.
    fn packed(&self, source: &Source, at: u64, index: u64) -> Result<Place> {
        let marker = source.array::<{ MARKER as usize }>(at)?;
        let (sector, length) = (le::u64_at(&marker, 0), u64::from(le::u32_at(&marker, 8)));
        // an incompressible grain grows by a few bytes
        if self.facts.markers && sector != index * self.grain || length > 2 * self.block() {
            return Err(source.damaged("a grain's marker names another grain", at));
        }
        Ok(Place::Packed { offset: at + MARKER, length, codec: Codec::Zlib })
    }
}

/// The second header, from the end of the stream.
fn footer(source: &Source) -> Result<([u8; HEADER], u64)> {
    let at = source.length().saturating_sub(FOOTER);
    let marker = source.array::<{ SECTOR as usize }>(at)?;
    let header = source.array::<HEADER>(at + SECTOR)?;
    if le::u32_at(&marker, 12) != FOOTER_MARKER || !header.starts_with(MAGIC) {
        return Err(source.damaged("the VMDK has no footer: it is cut off", at));
    }
    Ok((header, at + SECTOR))
}

/// The text inside the file that describes the disk. A file without one is only part of a disk.
fn description(source: &Source, header: &[u8]) -> Result<String> {
    let (sector, sectors) = (le::u64_at(header, 28), le::u64_at(header, 36));
    let length = sectors.saturating_mul(SECTOR).min(DESCRIPTION_LIMIT);
    let bytes = match sector {
        0 => Vec::new(),
        _ => source.up_to(length, sector.saturating_mul(SECTOR))?,
    };
    let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
    if text.is_empty() {
        let message = "this VMDK does not describe its disk: it is one of a disk's parts";
        let remedy = "give all parts to qemu-img: qemu-img convert -O qcow2 DISK.vmdk NEW.qcow2";
        return Err(source.refused(message, remedy));
    }
    let text = String::from_utf8_lossy(text).into_owned();
    let parent = value(&text, "parentCID");
    let differs = parent.is_some_and(|id| !id.eq_ignore_ascii_case(NO_PARENT));
    if differs || value(&text, "parentFileNameHint").is_some() {
        let message = "this VMDK cannot be read: it needs the disk that it differs from";
        return Err(source.refused(message, "consolidate its snapshots first"));
    }
    Ok(text)
}

/// A key's value in a description, without its quotes.
fn value(description: &str, key: &str) -> Option<String> {
    description.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let found = name.trim().eq_ignore_ascii_case(key);
        found.then(|| value.trim().trim_matches('"').to_owned())
    })
}
