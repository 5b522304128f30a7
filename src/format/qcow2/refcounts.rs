//! Counts how many times each cluster of the file is used.

use std::ops::Range;

use super::tables::{self, TABLE_ENTRY};
use super::{CLUSTER, CLUSTER_BITS};

/// Bytes of a count.
const COUNT: u64 = 2;
/// Counts of a block, which is one cluster.
const BLOCK_COUNTS: u64 = CLUSTER / COUNT;
/// Entries of one cluster of the table of blocks.
const TABLE_ENTRIES: u64 = CLUSTER / TABLE_ENTRY;

/// The counts of the clusters so far. Two bytes per 64 KiB of the file, so 32 MiB per TiB.
#[derive(Clone, Debug, Default)]
pub struct Refcounts(Vec<u16>);

/// The counts in the file's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The blocks, which belong at the offset that was passed to [`Refcounts::close`].
    pub blocks: Vec<u8>,
    /// The table of the blocks, which follows them.
    pub table: Vec<u8>,
}

impl Refcounts {
    /// Counts one more use of every cluster that these bytes of the file touch.
    pub fn add(&mut self, place: Range<u64>) {
        let last = (place.end - 1) >> CLUSTER_BITS;
        for cluster in place.start >> CLUSTER_BITS..=last {
            let index = cluster as usize;
            if self.0.len() <= index {
                self.0.resize(index + 1, 0);
            }
            // deflate leaves at least 64 bytes of a cluster (it shrinks by at most a factor of
            // 1,032), and zstd a frame with a header and a block (RFC 8878: 14 bytes), so fewer
            // than five thousand touch one cluster of the file
            self.0[index] += 1;
        }
    }

    /// Also counts the blocks and their table, which will start at `end`.
    pub fn close(mut self, end: u64) -> Closed {
        let used = end >> CLUSTER_BITS;
        let blocks = blocks_for(used);
        self.add(end..end + clusters_for(used) * CLUSTER);
        let offsets = (0..blocks).map(|i| end + i * CLUSTER);
        let table = tables::bytes(offsets);
        let mut bytes: Vec<u8> = self.0.iter().flat_map(|count| count.to_be_bytes()).collect();
        bytes.resize((blocks * CLUSTER) as usize, 0);
        Closed { blocks: bytes, table }
    }
}

/// The number of clusters that the counts of `used` clusters take, including their own counts.
pub fn clusters_for(used: u64) -> u64 {
    let blocks = blocks_for(used);
    blocks + blocks.div_ceil(TABLE_ENTRIES)
}

/// The smallest number of blocks that hold the counts of `used` clusters, of themselves, and of
/// their table.
fn blocks_for(used: u64) -> u64 {
    let mut blocks = 1;
    loop {
        let all = used + blocks + u64::div_ceil(blocks, TABLE_ENTRIES);
        if all <= blocks * BLOCK_COUNTS {
            return blocks;
        }
        blocks = all.div_ceil(BLOCK_COUNTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_their_own_counts_too() {
        assert_eq!(blocks_for(1), 1);
        assert_eq!(blocks_for(BLOCK_COUNTS - 2), 1);
        assert_eq!(blocks_for(BLOCK_COUNTS - 1), 2);
        assert_eq!(blocks_for(BLOCK_COUNTS * 2 - 3), 2);
        assert_eq!(blocks_for(BLOCK_COUNTS * 2 - 2), 3);
    }

    #[test]
    fn every_cluster_that_bytes_touch_is_counted() {
        let mut refcounts = Refcounts::default();
        refcounts.add(0..CLUSTER);
        refcounts.add(CLUSTER..CLUSTER + 9);
        refcounts.add(CLUSTER + 9..2 * CLUSTER + 1);
        assert_eq!(refcounts.0, [1, 2, 1]);
    }
}
