//! An image file as the disk that it holds.

use std::path::Path;

use rustix::fs::SeekFrom as Hole;

use super::blocks::{Blocks, Map};
use super::ova::Ova;
use super::source::{Source, Tables};
use super::{gce, others, qcow2, stream, vhd, vhdx, vmdk};
use crate::disk::layout::Region;
use crate::error::{Context, Error, Kind, Result};
use crate::profile::Format;

/// Where a tar has its magic.
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");
/// The largest disk, in bytes: 64 TiB, the limit of VHDX. An image that claims a larger one is
/// damaged.
const DISK_LIMIT: u64 = 1 << 46;
/// An open image. Everything in it is foreign: no number in it is trusted before it is checked.
#[derive(Debug)]
pub struct Image {
    source: Source,
    format: Format,
    container: Container,
    reader: DiskReader,
}

/// What the file around the disk says about itself.
#[derive(Clone, Debug)]
pub enum Container {
    /// Nothing: the file is the disk.
    Plain,
    /// A qcow2 header.
    Qcow2,
    /// A VMDK's header and description.
    Vmdk(vmdk::VmdkFacts),
    /// An OVA package and the VMDK in it.
    Ova(Ova, vmdk::VmdkFacts),
    /// A VHD's footer.
    Vhd(vhd::Footer),
    /// A VHDX: bytes of a block, and of a sector as the machine sees it.
    Vhdx {
        /// Bytes of a block.
        block: u64,
        /// Bytes of a sector.
        logical_sector: u32,
    },
    /// The tar around a GCE disk.
    Gce(gce::Archive),
}

#[derive(Debug)]
enum DiskReader {
    /// The disk is in a file, uncompressed and contiguous.
    Plain(Source),
    Blocks(Blocks),
}

type Opened = (Format, Container, DiskReader);

impl Image {
    /// Opens an image. Its content determines the format (for a fixed VHD, the footer); a file in
    /// no known format is raw. A file that is compressed as a whole is unpacked into the temporary
    /// folder.
    pub fn open(path: &Path) -> Result<Self> {
        let source = Source::open(path)?;
        let (format, container, reader) = recognise(&source)?;
        Ok(Self { source, format, container, reader })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// The file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What the file around the disk says about itself.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The length of the file, in bytes.
    pub fn length(&self) -> u64 {
        self.source.length()
    }

    /// The size of the disk in it, in bytes.
    pub fn size(&self) -> u64 {
        match &self.reader {
            DiskReader::Plain(disk) => disk.length(),
            DiskReader::Blocks(blocks) => blocks.size(),
        }
    }

    /// Fills `buffer` from `offset` bytes of the disk.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size()) {
            let message = "the disk ends before what is needed";
            return Err(Error::new(Kind::Damaged, message).at(self.path()).offset(offset));
        }
        match &self.reader {
            DiskReader::Plain(disk) => disk.read_at(buffer, offset),
            DiskReader::Blocks(blocks) => blocks.read_at(buffer, offset),
        }
    }

    /// Checks that the file contains every place that its mapping tables name; nothing is unpacked.
    pub fn check_whole(&self) -> Result<()> {
        match &self.reader {
            // a file that is compressed as a whole was unpacked to its end, and nobody knows the
            // length that a raw disk should have
            DiskReader::Plain(_) => Ok(()),
            DiskReader::Blocks(blocks) => blocks.check_whole(),
        }
    }

    /// The runs of the disk that are not known to be zeros, in order, with gaps between them.
    pub fn allocated(&self) -> Result<Vec<Region>> {
        match &self.reader {
            DiskReader::Plain(disk) => data_runs(disk),
            DiskReader::Blocks(blocks) => blocks.allocated(),
        }
    }
}

fn recognise(source: &Source) -> Result<Opened> {
    if let Some(what) = others::name(source)? {
        let remedy = "unpack or convert it first, as with qemu-img convert";
        return Err(source.refused(format!("this is {what}, which slipway does not read"), remedy));
    }
    let start = source.up_to(others::START, 0)?;
    if start.starts_with(qcow2::MAGIC) {
        open_qcow2(source)
    } else if start.starts_with(vmdk::MAGIC) {
        let (format, facts, reader) = open_vmdk(source)?;
        Ok((format, Container::Vmdk(facts), reader))
    } else if start.starts_with(vhdx::SIGNATURE) {
        open_vhdx(source)
    } else if start.starts_with(vhd::COOKIE) {
        let map = vhd::Map::open(source)?;
        let (footer, block) = (map.footer(), map.block());
        let reader = blocks(source, Map::Vhd(map), footer.size, block)?;
        Ok((Format::VhdDynamic, Container::Vhd(footer), reader))
    } else if start.get(TAR_MAGIC.0..).is_some_and(|s| s.starts_with(TAR_MAGIC.1)) {
        let ova = Ova::open(source)?;
        let (_, facts, reader) = open_vmdk(&ova.disk()?)?;
        Ok((Format::Ova, Container::Ova(ova, facts), reader))
    } else if start.starts_with(stream::ZSTD) {
        Ok((Format::RawZst, Container::Plain, DiskReader::Plain(stream::zstd(source)?)))
    } else if start.starts_with(stream::GZIP) {
        let (disk, archive) = gce::unpack(source)?;
        Ok((Format::Gce, Container::Gce(archive), DiskReader::Plain(disk)))
    } else if let Some((footer, disk)) = vhd::fixed(source)? {
        Ok((Format::Vhd, Container::Vhd(footer), DiskReader::Plain(disk)))
    } else {
        Ok((Format::Raw, Container::Plain, DiskReader::Plain(source.clone())))
    }
}

/// A disk in blocks, if its size is possible.
fn blocks(source: &Source, map: Map, size: u64, block: u64) -> Result<DiskReader> {
    if size == 0 || size > DISK_LIMIT {
        let message = format!("the image claims to hold a disk of {size} bytes");
        return Err(Error::new(Kind::Damaged, message).at(source.path()));
    }
    Ok(DiskReader::Blocks(Blocks::new(source.clone(), map, size, block)))
}

fn open_qcow2(source: &Source) -> Result<Opened> {
    let map = qcow2::Map::open(source)?;
    let format = map.format(&Tables::new(source.clone()))?;
    let (size, block) = (map.size(), map.block());
    Ok((format, Container::Qcow2, blocks(source, Map::Qcow2(map), size, block)?))
}

fn open_vmdk(source: &Source) -> Result<(Format, vmdk::VmdkFacts, DiskReader)> {
    if !source.array::<4>(0)?.starts_with(vmdk::MAGIC) {
        return Err(source.damaged("the disk in the package is no sparse VMDK", 0));
    }
    let map = vmdk::Map::open(source)?;
    let facts = map.facts().clone();
    let format = if facts.compressed { Format::Vmdk } else { Format::VmdkSparse };
    let (size, block) = (map.size(), map.block());
    Ok((format, facts, blocks(source, Map::Vmdk(map), size, block)?))
}

fn open_vhdx(source: &Source) -> Result<Opened> {
    let map = vhdx::Map::open(source)?;
    let (size, block, logical_sector) = (map.size(), map.block(), map.logical_sector());
    let container = Container::Vhdx { block, logical_sector };
    Ok((Format::Vhdx, container, blocks(source, Map::Vhdx(map), size, block)?))
}

/// Where the file system has data: holes cost nothing to skip. A file system that does not know
/// holes reports everything as data.
fn data_runs(disk: &Source) -> Result<Vec<Region>> {
    let seek = |to| match rustix::fs::seek(disk.file(), to) {
        Ok(at) => Ok(Some(at)),
        // after the last data
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(e) => Err(std::io::Error::from(e)).at("cannot look for holes", disk.path()),
    };
    let (first, end) = (disk.start(), disk.start() + disk.length());
    let mut runs = Vec::new();
    let mut at = first;
    while at < end {
        let Some(data) = seek(Hole::Data(at))?.filter(|data| *data < end) else { break };
        let hole = seek(Hole::Hole(data))?.unwrap_or(end).min(end);
        runs.push(Region { offset: data - first, length: hole - data });
        at = hole;
    }
    Ok(runs)
}
