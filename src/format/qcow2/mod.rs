//! QEMU's copy-on-write format, version 3, compressed (docs/interop/qcow2.txt in QEMU's source).
//!
//! Clusters of the guest are deflated one by one and packed back to back in the order of the disk;
//! clusters of zeros are not there at all. The tables lie behind what they describe, so the file is
//! written once from front to back, except for the header. The same disk gives the same bytes, however
//! many threads work on it: see [`encode`].

mod encode;
mod refcounts;
mod tables;

use std::os::unix::fs::FileExt;

use super::Target;
use crate::disk::Disk;
use crate::error::{Context, Result};
use crate::progress::Progress;
use crate::units::{Digest, Hasher, MIB};

use refcounts::Refcounts;
use tables::{Header, L2_ENTRIES, Mapping, TABLE_ENTRY};

/// log2 of a cluster's bytes: QEMU's own default, which every reader knows.
const CLUSTER_BITS: u32 = 16;
/// Bytes of a cluster, of the guest and of the file.
const CLUSTER: u64 = 1 << CLUSTER_BITS;

/// Every used cluster stored as it is, a share of tables, and what rounding costs.
pub fn needed_bytes(disk: &Disk) -> u64 {
    let clusters: u64 = encode::used_clusters(disk).map(|run| run.end - run.start).sum();
    let l2_tables = disk.size().div_ceil(CLUSTER * L2_ENTRIES);
    let l1_clusters = (l2_tables * TABLE_ENTRY).div_ceil(CLUSTER);
    let host = 1 + clusters + l2_tables + l1_clusters;
    (host + refcounts::clusters_for(host)) * CLUSTER
}

/// Writes the file and gives the digest of all its bytes.
pub fn write(disk: &Disk, target: Target<'_>, progress: &dyn Progress) -> Result<Digest> {
    let mut image = Image::new(disk.size(), target);
    encode::in_order(disk, progress, |index, cluster| image.put(index, &cluster))?;
    image.finish()?;
    digest(target)
}

/// The header is known last and lies first, so the digest takes a second pass, from the page cache.
fn digest(target: Target<'_>) -> Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; MIB as usize];
    let mut offset = 0;
    loop {
        match target.file.read_at(&mut buffer, offset).at("cannot read back", target.path)? {
            0 => return Ok(hasher.finish()),
            n => {
                hasher.update(&buffer[..n]);
                offset += n as u64;
            }
        }
    }
}

/// A guest cluster as it is stored; one of zeros is never made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cluster {
    /// A raw deflate stream, shorter than a cluster.
    Deflated(Vec<u8>),
    /// The bytes themselves, which do not get shorter.
    Plain(Vec<u8>),
}

/// The file while it is written.
struct Image<'a> {
    target: Target<'a>,
    size: u64,
    /// Where the next whole cluster goes.
    end: u64,
    /// The free rest of the host cluster that deflated ones are packed into.
    packing: std::ops::Range<u64>,
    refcounts: Refcounts,
    l1: Vec<u64>,
    /// The second-level table of the part of the guest that is written now.
    l2: Option<(u64, Vec<Mapping>)>,
}

impl<'a> Image<'a> {
    fn new(size: u64, target: Target<'a>) -> Self {
        let mut refcounts = Refcounts::default();
        refcounts.add(0..CLUSTER);
        let l1 = vec![0; size.div_ceil(CLUSTER * L2_ENTRIES) as usize];
        Self { target, size, end: CLUSTER, packing: 0..0, refcounts, l1, l2: None }
    }

    /// Stores the guest's cluster `index`; indices must rise.
    fn put(&mut self, index: u64, cluster: &Cluster) -> Result<()> {
        let table = index / L2_ENTRIES;
        if self.l2.as_ref().is_none_or(|(current, _)| *current != table) {
            self.finish_l2()?;
            self.l2 = Some((table, vec![Mapping::NONE; L2_ENTRIES as usize]));
        }
        let mapping = match cluster {
            Cluster::Plain(bytes) => Mapping::plain(self.whole(bytes)?),
            Cluster::Deflated(bytes) => Mapping::deflated(self.packed(bytes)?),
        };
        if let Some((_, entries)) = &mut self.l2 {
            entries[(index % L2_ENTRIES) as usize] = mapping;
        }
        Ok(())
    }

    /// Writes bytes into new clusters of their own; gives their offset.
    fn whole(&mut self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end;
        self.target.write_at(bytes, offset)?;
        self.end += (bytes.len() as u64).next_multiple_of(CLUSTER);
        self.refcounts.add(offset..self.end);
        Ok(offset)
    }

    /// Packs deflated bytes behind the ones before, where they may cross into a new cluster only if
    /// that one is next to it; gives their place.
    fn packed(&mut self, bytes: &[u8]) -> Result<std::ops::Range<u64>> {
        let length = bytes.len() as u64;
        if self.packing.start + length > self.packing.end {
            if self.packing.end != self.end {
                self.packing.start = self.end;
            }
            self.end += CLUSTER;
            self.packing.end = self.end;
        }
        let place = self.packing.start..self.packing.start + length;
        self.packing.start = place.end;
        self.target.write_at(bytes, place.start)?;
        self.refcounts.add(place.clone());
        Ok(place)
    }

    fn finish_l2(&mut self) -> Result<()> {
        if let Some((table, entries)) = self.l2.take() {
            let offset = self.whole(&tables::bytes(entries.iter().map(|m| m.0)))?;
            self.l1[table as usize] = tables::owned(offset);
        }
        Ok(())
    }

    /// Writes the tables and the header.
    fn finish(mut self) -> Result<()> {
        self.finish_l2()?;
        let l1_entries = self.l1.len() as u32;
        let l1_table = self.whole(&tables::bytes(self.l1.iter().copied()))?;
        let closed = self.refcounts.close(self.end);
        self.target.write_at(&closed.blocks, self.end)?;
        let refcount_table = self.end + closed.blocks.len() as u64;
        self.target.write_at(&closed.table, refcount_table)?;
        let end = refcount_table + closed.table.len() as u64;
        // readers want whole clusters, also where the last packed bytes end
        self.target.file.set_len(end).at("cannot set the length", self.target.path)?;
        let header = Header {
            size: self.size,
            l1_entries,
            l1_table,
            refcount_table,
            refcount_table_clusters: (closed.table.len() as u64 / CLUSTER) as u32,
        };
        self.target.write_at(&header.bytes(), 0)
    }
}
