//! The kind "streamOptimized": deflated grains that can be written and read from front to back, the
//! form that every VMware product and VirtualBox import.
//!
//! The first header says that the directory is at the end; a table follows the grains that it
//! lists, and after the last one come the directory, the footer and the end mark. So no byte is
//! written twice, and the digest of the bytes written so far never changes. VMware's open-vmdk puts
//! the tables in front and goes back to fill them; but the footer exists because the end is known
//! only at the end. The end mark must not be left out: QEMU's streams have none, and it is these
//! that ESX refuses, and whose correct digest ovftool calls wrong (flatcar/scripts#540,
//! siderolabs/image-factory#232). That the mark is the reason is our guess.

use super::descriptor::{self, Descriptor};
use super::header::{ENTRY, Header, Kind, TABLE_ENTRIES};
use super::marker::{self, Marker};
use super::{GRAIN, SECTOR, check_reach};
use crate::disk::Disk;
use crate::error::Result;
use crate::format::encode::{Codec, Group, Place, Sink};
use crate::format::{Target, used};

/// The place of the descriptor, in sectors: after the header.
const DESCRIPTOR: u64 = 1;
/// The sectors in front of the first grain: header, descriptor, and unused space up to a whole
/// grain.
const OVERHEAD: u64 = GRAIN / SECTOR;
/// The most sectors that a grain takes: deflate adds five bytes to each block that it cannot
/// shrink, of which libdeflate makes at most 14, and the marker, zlib's frame and rounding add up
/// to less than a sector.
const GRAIN_SECTORS: u64 = GRAIN / SECTOR + 2;
/// Sectors of a table and of its marker.
const TABLE_SECTORS: u64 = 1 + TABLE_ENTRIES * ENTRY / SECTOR;
/// Markers of directory, footer and end, and the footer.
const TAIL_SECTORS: u64 = 4;

/// Every used grain at its largest, and all tables.
pub fn needed_bytes(disk: &Disk) -> u64 {
    let tables = tables(disk.size());
    let directory = (tables * ENTRY).div_ceil(SECTOR);
    let grains = used::count(disk, GRAIN) * GRAIN_SECTORS;
    (OVERHEAD + grains + tables * TABLE_SECTORS + directory + TAIL_SECTORS) * SECTOR
}

/// Tables that a disk of `size` bytes has.
fn tables(size: u64) -> u64 {
    size.div_ceil(GRAIN * TABLE_ENTRIES)
}

/// The parameters of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params<'a> {
    /// The guest's disk, in bytes.
    pub size: u64,
    /// The identifier of the disk's content.
    pub id: uuid::Uuid,
    /// The file's name; in an archive, the member's.
    pub name: &'a str,
    /// Where it starts in the target, in bytes.
    pub base: u64,
}

/// The facts about a complete stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its length in bytes.
    pub length: u64,
    /// Bytes of the guest's disk that it holds.
    pub populated: u64,
}

/// A stream while it is written. Offsets are bytes from its own start.
#[derive(Debug)]
pub struct Stream<'a> {
    target: Target<'a>,
    base: u64,
    header: Header,
    end: u64,
    directory: Vec<u32>,
    /// The table of the part of the guest that is being written, with its index.
    table: Option<(u64, Vec<u32>)>,
    grains: u64,
}

impl<'a> Stream<'a> {
    /// Starts a stream: header and descriptor.
    pub fn new(params: &Params<'_>, target: Target<'a>) -> Result<Self> {
        let capacity = params.size.div_ceil(SECTOR);
        let header = Header {
            kind: Kind::Stream,
            capacity,
            grain: GRAIN / SECTOR,
            descriptor: DESCRIPTOR,
            descriptor_size: descriptor::ROOM,
            redundant_directory: 0,
            directory: Header::AT_END,
            overhead: OVERHEAD,
        };
        let descriptor = Descriptor {
            create_type: "streamOptimized",
            content_id: descriptor::content_id(params.id),
            capacity,
            extent: params.name,
        };
        let mut front = header.bytes().to_vec();
        front.extend(descriptor.bytes());
        front.resize((OVERHEAD * SECTOR) as usize, 0);
        target.write_at(&front, params.base)?;
        let end = front.len() as u64;
        let directory = vec![0; tables(params.size) as usize];
        let (base, table) = (params.base, None);
        Ok(Self { target, base, header, end, directory, table, grains: 0 })
    }

    /// The end of what was put so far, in bytes from the target's start.
    pub fn end(&self) -> u64 {
        self.base + self.end
    }

    /// Records the place of a grain of a group at `start`.
    fn note(&mut self, place: Place, start: u64) -> Result<()> {
        let entry = sector(start + place.offset)?;
        if let Some((_, entries)) = &mut self.table {
            entries[(place.index % TABLE_ENTRIES) as usize] = entry;
        }
        self.grains += 1;
        Ok(())
    }

    /// Switches to the table of a grain. No group needs two: a table covers whole segments.
    fn open_table(&mut self, index: u64) -> Result<()> {
        let table = index / TABLE_ENTRIES;
        if self.table.as_ref().is_none_or(|(current, _)| *current != table) {
            self.close_table()?;
            self.table = Some((table, vec![0; TABLE_ENTRIES as usize]));
        }
        Ok(())
    }

    /// A part without grains has no table, and the directory says so with a zero.
    fn close_table(&mut self) -> Result<()> {
        if let Some((index, entries)) = self.table.take() {
            let place = self.append(Marker::Table, &marker::entries(&entries))?;
            self.directory[index as usize] = sector(place)?;
        }
        Ok(())
    }

    /// Writes a marker and the content that it announces; returns the content's offset.
    fn append(&mut self, marker: Marker, content: &[u8]) -> Result<u64> {
        let bytes = marker.with(content);
        self.target.write_at(&bytes, self.base + self.end)?;
        self.end += bytes.len() as u64;
        Ok(self.end - content.len() as u64)
    }

    /// Writes everything after the last grain.
    pub fn finish(mut self) -> Result<Finished> {
        self.close_table()?;
        let directory = marker::entries(&self.directory);
        let place = self.append(Marker::Directory, &directory)?;
        let footer = Header { directory: place / SECTOR, ..self.header };
        self.append(Marker::Footer, &footer.bytes())?;
        self.append(Marker::EndOfStream, &[])?;
        Ok(Finished { length: self.end, populated: self.grains * GRAIN })
    }
}

/// # Errors
/// [`crate::error::Kind::Input`] for a place that no table can point to.
fn sector(offset: u64) -> Result<u32> {
    check_reach(offset + SECTOR)?;
    Ok((offset / SECTOR) as u32)
}

impl Sink for Stream<'_> {
    fn codec(&self) -> Codec {
        Codec::Grain
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        let Some(first) = group.places.first() else { return Ok(()) };
        self.open_table(first.index)?;
        let start = self.end;
        group.bytes.write(self.target, self.base + start)?;
        group.places.iter().try_for_each(|place| self.note(*place, start))?;
        self.end += group.bytes.length();
        Ok(())
    }
}
