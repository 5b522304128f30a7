//! Without compression, for those who run the image where it is written.
//!
//! The order is: the header, the clusters that the disk uses, in its order, the tables, the
//! reference counts. As in the compressed form, the tables come after the clusters that they
//! describe.

use std::ops::Range;

use super::refcounts::Refcounts;
use super::tables::{Header, L2_ENTRIES, Mapping, TABLE_ENTRY, bytes, owned};
use super::{CLUSTER, Compression};
use crate::disk::Disk;
use crate::error::Result;
use crate::format::host::{self, HostFile, Part, sectors_of};
use crate::format::used::used;

/// The guest's sectors, in bytes: readers round other sizes, each in its own direction.
const SECTOR: u64 = 512;

/// The file of a disk.
///
/// # Errors
/// [`crate::error::Kind::Input`] for a disk that does not consist of whole sectors.
pub fn layout(disk: &Disk) -> Result<HostFile> {
    sectors_of(disk, SECTOR)?;
    let size = disk.size();
    let runs: Vec<Range<u64>> = used(disk, CLUSTER).collect();
    let mut parts = Vec::new();
    let mut end = CLUSTER;
    for run in &runs {
        parts.push(Part::disk(end, run.start * CLUSTER..(run.end * CLUSTER).min(size)));
        end += (run.end - run.start) * CLUSTER;
    }
    let mut l1 = vec![0; size.div_ceil(CLUSTER * L2_ENTRIES) as usize];
    let entry = |n| Mapping::plain((1 + n) * CLUSTER).0.to_be_bytes();
    for (index, table) in host::tables::<{ TABLE_ENTRY as usize }>(&runs, L2_ENTRIES, entry) {
        l1[index as usize] = owned(end);
        parts.push(Part::bytes(end, table));
        end += CLUSTER;
    }
    let (l1_entries, l1_table) = (l1.len() as u32, end);
    let l1 = bytes(l1.into_iter());
    end += l1.len() as u64;
    parts.push(Part::bytes(l1_table, l1));
    let mut refcounts = Refcounts::default();
    refcounts.add(0..end);
    let counts = refcounts.close(end);
    let refcount_table = end + counts.blocks.len() as u64;
    let header = Header {
        compression: Compression::Deflate,
        size,
        l1_entries,
        l1_table,
        refcount_table,
        refcount_table_clusters: (counts.table.len() as u64 / CLUSTER) as u32,
    };
    let length = refcount_table + counts.table.len() as u64;
    parts.push(Part::bytes(0, header.bytes()));
    parts.push(Part::bytes(end, counts.blocks));
    parts.push(Part::bytes(refcount_table, counts.table));
    HostFile::new(length, parts)
}
