//! QEMU's copy-on-write format, version 3 (docs/interop/qcow2.txt in QEMU's source).
//!
//! Clusters of the guest are compressed one by one and packed back to back in the order of the
//! disk; clusters of zeros are left out. The tables come after what they describe, so the file is
//! written once from front to back, except for the header.

pub mod plain;
mod refcounts;
mod tables;

use super::encode::{self, Codec, Form, Group, Place, Sink};
use super::{Target, used};
use crate::disk::Disk;
use crate::error::{Context, Result};

use refcounts::Refcounts;
use tables::{Header, L2_ENTRIES, Mapping, TABLE_ENTRY};

/// Bytes of a cluster, both of the guest and of the file.
const CLUSTER: u64 = encode::CLUSTER;
/// Its logarithm to base 2.
const CLUSTER_BITS: u32 = CLUSTER.trailing_zeros();

/// How clusters are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Readable by every version of QEMU.
    Deflate,
    /// Readable by QEMU from 5.1 on.
    Zstd,
}

/// Every used cluster uncompressed, its share of the tables, and the cost of rounding.
pub fn needed_bytes(disk: &Disk) -> u64 {
    // packing takes at most one cluster of the file for one of the guest, wherever groups start
    let clusters = used::count(disk, CLUSTER);
    let l2_tables = disk.size().div_ceil(CLUSTER * L2_ENTRIES);
    let l1_clusters = (l2_tables * TABLE_ENTRY).div_ceil(CLUSTER);
    let host = 1 + clusters + l2_tables + l1_clusters;
    (host + refcounts::clusters_for(host)) * CLUSTER
}

/// The file while it is written.
#[derive(Debug)]
pub struct Image<'a> {
    target: Target<'a>,
    size: u64,
    compression: Compression,
    /// Where the next whole cluster goes.
    end: u64,
    refcounts: Refcounts,
    l1: Vec<u64>,
    /// The second-level table of the part of the guest that is being written.
    l2: Option<(u64, Vec<Mapping>)>,
}

impl<'a> Image<'a> {
    /// Starts a file for a disk of `size` bytes.
    pub fn new(size: u64, target: Target<'a>, compression: Compression) -> Self {
        let mut refcounts = Refcounts::default();
        refcounts.add(0..CLUSTER);
        let l1 = vec![0; size.div_ceil(CLUSTER * L2_ENTRIES) as usize];
        Self { target, size, compression, end: CLUSTER, refcounts, l1, l2: None }
    }

    /// The end of what was put so far.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Records the place of a cluster of a group at `start`.
    fn map(&mut self, place: Place, start: u64) {
        let from = start + place.offset;
        let bytes = from..from + place.length;
        let mapping = match place.form {
            Form::Stored => Mapping::plain(from),
            Form::Encoded => Mapping::compressed(bytes.clone()),
        };
        self.refcounts.add(bytes);
        if let Some((_, entries)) = &mut self.l2 {
            entries[(place.index % L2_ENTRIES) as usize] = mapping;
        }
    }

    /// Switches to the table for a cluster of the guest. No group needs two: a table covers whole
    /// segments.
    fn open_l2(&mut self, index: u64) -> Result<()> {
        let table = index / L2_ENTRIES;
        if self.l2.as_ref().is_none_or(|(current, _)| *current != table) {
            self.close_l2()?;
            self.l2 = Some((table, vec![Mapping::NONE; L2_ENTRIES as usize]));
        }
        Ok(())
    }

    fn close_l2(&mut self) -> Result<()> {
        if let Some((table, entries)) = self.l2.take() {
            let offset = self.table(&tables::bytes(entries.iter().map(|m| m.0)))?;
            self.l1[table as usize] = tables::owned(offset);
        }
        Ok(())
    }

    /// Writes a table into new clusters; returns their offset.
    fn table(&mut self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end;
        self.target.write_at(bytes, offset)?;
        self.end += bytes.len() as u64;
        self.refcounts.add(offset..self.end);
        Ok(offset)
    }

    /// Writes the tables and the header.
    pub fn finish(mut self) -> Result<()> {
        self.close_l2()?;
        let l1_entries = self.l1.len() as u32;
        let l1_table = self.table(&tables::bytes(self.l1.iter().copied()))?;
        let closed = self.refcounts.close(self.end);
        self.target.write_at(&closed.blocks, self.end)?;
        let refcount_table = self.end + closed.blocks.len() as u64;
        self.target.write_at(&closed.table, refcount_table)?;
        let end = refcount_table + closed.table.len() as u64;
        // readers expect whole clusters, even where the last packed bytes end
        self.target.file.set_len(end).at("cannot set the length", self.target.path)?;
        let header = Header {
            compression: self.compression,
            size: self.size,
            l1_entries,
            l1_table,
            refcount_table,
            refcount_table_clusters: (closed.table.len() as u64 / CLUSTER) as u32,
        };
        self.target.write_at(&header.bytes(), 0)
    }
}

impl Sink for Image<'_> {
    fn codec(&self) -> Codec {
        match self.compression {
            Compression::Deflate => Codec::Qcow2Deflate,
            Compression::Zstd => Codec::Qcow2Zstd,
        }
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        let Some(first) = group.places.first() else { return Ok(()) };
        self.open_l2(first.index)?;
        let start = self.end;
        group.bytes.write(self.target, start)?;
        group.places.iter().for_each(|place| self.map(*place, start));
        self.end += group.bytes.length();
        Ok(())
    }
}
