//! "monolithicSparse": one file that grows, for VMware Workstation, Fusion and VirtualBox.
//!
//! The header, the descriptor, the redundant directory with its tables, the directory with its
//! tables, then the grains that the disk uses, in its order. All tables are present, as VMware
//! writes them, but a table without grains is a hole.

use std::ops::Range;
use std::sync::Arc;

use uuid::Uuid;

use super::descriptor::{self, Descriptor, content_id};
use super::header::{ENTRY, Header, Kind, TABLE_ENTRIES};
use super::{GRAIN, SECTOR};
use crate::disk::Disk;
use crate::error::Result;
use crate::format::host::{self, HostFile, Part, sectors_of};
use crate::format::used::used;

/// The place of the descriptor, in sectors: right after the header.
const DESCRIPTOR: u64 = 1;
/// Bytes of a grain table.
const TABLE: u64 = TABLE_ENTRIES * ENTRY;

/// The places of the parts, in bytes.
struct Places {
    tables: u64,
    redundant: u64,
    directory: u64,
    grains: u64,
}

impl Places {
    fn of(capacity: u64) -> Self {
        let tables = (capacity * SECTOR).div_ceil(GRAIN * TABLE_ENTRIES);
        let directory_size = (tables * ENTRY).next_multiple_of(SECTOR);
        let redundant = (DESCRIPTOR + descriptor::ROOM) * SECTOR;
        let directory = redundant + directory_size + tables * TABLE;
        let grains = (directory + directory_size + tables * TABLE).next_multiple_of(GRAIN);
        Self { tables, redundant, directory, grains }
    }

    /// A directory that begins at `offset`, with its tables right after it.
    fn directory_at(&self, offset: u64) -> (u64, Vec<u8>) {
        let first = offset + (self.tables * ENTRY).next_multiple_of(SECTOR);
        let entry = |table| ((first + table * TABLE) / SECTOR) as u32;
        (first, (0..self.tables).flat_map(|table| entry(table).to_le_bytes()).collect())
    }
}

/// The file of a disk, with an identifier for its content and its own name.
///
/// # Errors
/// [`crate::error::Kind::Input`] for a disk that does not consist of whole sectors, or whose file
/// would exceed the 2 TiB within reach of 32-bit entries.
pub fn layout(disk: &Disk, id: Uuid, name: &str) -> Result<HostFile> {
    let capacity = sectors_of(disk, SECTOR)?;
    let places = Places::of(capacity);
    let header = Header {
        kind: Kind::Sparse,
        capacity,
        grain: GRAIN / SECTOR,
        descriptor: DESCRIPTOR,
        descriptor_size: descriptor::ROOM,
        redundant_directory: places.redundant / SECTOR,
        directory: places.directory / SECTOR,
        overhead: places.grains / SECTOR,
    };
    let descriptor = Descriptor {
        create_type: "monolithicSparse",
        content_id: content_id(id),
        capacity,
        extent: name,
    };
    let mut parts =
        vec![Part::bytes(0, header.bytes()), Part::bytes(DESCRIPTOR * SECTOR, descriptor.bytes())];
    let runs: Vec<Range<u64>> = used(disk, GRAIN).collect();
    let end = places.grains + runs.iter().map(|run| run.end - run.start).sum::<u64>() * GRAIN;
    super::check_reach(end)?;
    let tables = tables(&runs, places.grains);
    for start in [places.redundant, places.directory] {
        let (first, directory) = places.directory_at(start);
        parts.push(Part::bytes(start, directory));
        let placed =
            |(index, table): &(u64, Arc<[u8]>)| Part::bytes(first + index * TABLE, table.clone());
        parts.extend(tables.iter().map(placed));
    }
    let mut at = places.grains;
    for run in runs {
        let guest = run.start * GRAIN..(run.end * GRAIN).min(disk.size());
        parts.push(Part::disk(at, guest));
        at += (run.end - run.start) * GRAIN;
    }
    HostFile::new(end, parts)
}

/// The grain tables that any grain needs, each with its index.
fn tables(runs: &[Range<u64>], grains: u64) -> Vec<(u64, Arc<[u8]>)> {
    let entry = |n| ((grains + n * GRAIN) / SECTOR) as u32;
    let tables = host::tables(runs, TABLE_ENTRIES, |n| entry(n).to_le_bytes());
    tables.into_iter().map(|(index, table)| (index, table.into())).collect()
}
