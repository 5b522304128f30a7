//! Everything that follows from the size of the partition alone: counts, and the places of fixed
//! metadata.
//!
//! The arithmetic is mke2fs's (misc/mke2fs.c and lib/ext2fs/initialize.c of e2fsprogs), so that our
//! filesystems look ordinary to every tool.

use crate::error::{Error, Kind, Result};

/// Bytes of a block.
pub(super) const BLOCK: u64 = 4096;
/// The same for slices.
pub(super) const BLOCK_BYTES: usize = BLOCK as usize;
/// Blocks of a group: as many as a bitmap of one block has bits.
pub(super) const GROUP_BLOCKS: u64 = 8 * BLOCK;
/// Bytes of a group descriptor with the `64bit` feature.
pub(super) const DESCRIPTOR: u64 = 64;
/// Bytes of an inode.
pub(super) const INODE: u64 = 256;
/// The number of groups whose bitmaps and inode tables are stored together, as a power of two;
/// mke2fs's default.
pub(super) const FLEX_LOG: u32 = 4;
const FLEX: u32 = 1 << FLEX_LOG;

/// Bytes of disk for each inode: `inode_ratio` of mke2fs.conf.
const INODE_RATIO: u64 = 16384;
/// mke2fs keeps descriptors in reserve for growth to this multiple of the first size …
const GROWTH: u64 = 1024;
/// … and we keep enough for at least 1 TiB, so that the smallest disk can also become a large one.
const GROWTH_FLOOR: u64 = (1 << 40) / BLOCK;
/// The resize inode holds block numbers of 32 bits, and no reserve may be larger than the number of
/// addresses in one block.
const MAX_BLOCKS: u64 = u32::MAX as u64;
const MAX_RESERVED: u64 = BLOCK / 4;
/// A last group with fewer usable blocks than this is left off, as in mke2fs.
const MIN_TAIL: u64 = 50;

/// Consecutive blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub start: u64,
    pub length: u64,
}

impl Run {
    pub fn end(self) -> u64 {
        self.start + self.length
    }
}

/// Counts and places of one filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub blocks: u64,
    pub groups: u32,
    pub descriptor_blocks: u64,
    pub reserved_descriptor_blocks: u64,
    pub inodes_per_group: u32,
    pub journal_blocks: u64,
}

impl Geometry {
    /// The geometry for a partition of `size` bytes; none if its own metadata does not fit.
    pub fn new(size: u64) -> Result<Option<Self>> {
        let mut blocks = size / BLOCK;
        if blocks > MAX_BLOCKS {
            return Err(Error::new(Kind::Input, "the disk is larger than 16 TiB")
                .remedy("choose a smaller size; the root filesystem can grow later"));
        }
        loop {
            let geometry = Self::of_blocks(blocks);
            let Some(last) = geometry.groups.checked_sub(1) else { return Ok(None) };
            let tail = geometry.group_blocks(last);
            if tail >= geometry.fixed_in(last) + MIN_TAIL {
                let free = blocks.saturating_sub(geometry.overhead());
                return Ok((free > MIN_TAIL).then_some(geometry));
            }
            blocks -= tail;
        }
    }

    fn of_blocks(blocks: u64) -> Self {
        let groups = blocks.div_ceil(GROUP_BLOCKS);
        let descriptor_blocks = (groups * DESCRIPTOR).div_ceil(BLOCK);
        let grown = (blocks * GROWTH).clamp(GROWTH_FLOOR, MAX_BLOCKS);
        let grown_descriptors = (grown.div_ceil(GROUP_BLOCKS) * DESCRIPTOR).div_ceil(BLOCK);
        let reserved = grown_descriptors.saturating_sub(descriptor_blocks).min(MAX_RESERVED);
        let per_group = (blocks * BLOCK / INODE_RATIO).div_ceil(groups.max(1));
        Self {
            blocks,
            groups: groups as u32,
            descriptor_blocks,
            reserved_descriptor_blocks: reserved,
            inodes_per_group: per_group.next_multiple_of(BLOCK / INODE).max(BLOCK / INODE) as u32,
            journal_blocks: journal_blocks(blocks),
        }
    }

    pub fn inodes(&self) -> u64 {
        u64::from(self.groups) * u64::from(self.inodes_per_group)
    }

    /// Blocks of one group's inode table.
    pub fn table_blocks(&self) -> u64 {
        u64::from(self.inodes_per_group) * INODE / BLOCK
    }

    pub fn group_start(&self, group: u32) -> u64 {
        u64::from(group) * GROUP_BLOCKS
    }

    pub fn group_blocks(&self, group: u32) -> u64 {
        (self.blocks - self.group_start(group)).min(GROUP_BLOCKS)
    }

    /// Whether a group begins with a superblock: `sparse_super` keeps them in 0, 1 and the powers
    /// of 3, 5 and 7.
    pub fn has_super(&self, group: u32) -> bool {
        let power_of = |base: u32| {
            std::iter::successors(Some(base), |n| n.checked_mul(base))
                .take_while(|n| *n <= group)
                .any(|n| n == group)
        };
        group <= 1 || [3, 5, 7].into_iter().any(power_of)
    }

    /// Groups with a backup of the superblock, ascending.
    pub fn backups(&self) -> impl Iterator<Item = u32> {
        (1..self.groups).filter(|g| self.has_super(*g))
    }

    /// Blocks of superblock, descriptors and their reserve at the start of a group.
    pub fn super_blocks(&self, group: u32) -> u64 {
        if self.has_super(group) {
            1 + self.descriptor_blocks + self.reserved_descriptor_blocks
        } else {
            0
        }
    }

    fn flex_groups(&self, first: u32) -> u64 {
        u64::from(FLEX.min(self.groups - first))
    }

    /// Where the bitmaps and tables of a flex group are: in its first group, which is never a
    /// partial one unless it is the only one.
    fn flex_start(&self, first: u32) -> u64 {
        self.group_start(first) + self.super_blocks(first)
    }

    /// Bitmaps and tables of a whole flex group, for each first group of one.
    pub fn tables(&self) -> impl Iterator<Item = (u32, Run)> {
        (0..self.groups).step_by(FLEX as usize).map(|first| {
            let length = self.flex_groups(first) * (2 + self.table_blocks());
            (first, Run { start: self.flex_start(first), length })
        })
    }

    pub fn block_bitmap(&self, group: u32) -> u64 {
        self.flex_start(group - group % FLEX) + u64::from(group % FLEX)
    }

    pub fn inode_bitmap(&self, group: u32) -> u64 {
        self.block_bitmap(group) + self.flex_groups(group - group % FLEX)
    }

    pub fn inode_table(&self, group: u32) -> u64 {
        let first = group - group % FLEX;
        let tables = self.flex_start(first) + 2 * self.flex_groups(first);
        tables + u64::from(group % FLEX) * self.table_blocks()
    }

    fn fixed_in(&self, group: u32) -> u64 {
        let tables = self.flex_groups(group - group % FLEX) * (2 + self.table_blocks());
        self.super_blocks(group) + if group.is_multiple_of(FLEX) { tables } else { 0 }
    }

    /// All blocks that contents cannot use, in order: superblocks with descriptors, bitmaps, inode
    /// tables.
    pub fn fixed(&self) -> Vec<Run> {
        let run = |group| Run { start: self.group_start(group), length: self.fixed_in(group) };
        (0..self.groups).map(run).filter(|run| run.length > 0).collect()
    }

    /// Blocks of metadata whose number follows from the size: `s_overhead_clusters`.
    pub fn overhead(&self) -> u64 {
        let fixed: u64 = (0..self.groups).map(|g| self.fixed_in(g)).sum();
        fixed + self.journal_blocks
    }
}

/// Blocks of the journal: `ext2fs_default_journal_size` in lib/ext2fs/mkjournal.c.
fn journal_blocks(blocks: u64) -> u64 {
    const KI: u64 = 1 << 10;
    match blocks {
        b if b < 32 * KI => KI,
        b if b < 256 * KI => 4 * KI,
        b if b < 512 * KI => 8 * KI,
        b if b < 4096 * KI => 16 * KI,
        b if b < 8192 * KI => 32 * KI,
        b if b < 16384 * KI => 64 * KI,
        b if b < 32768 * KI => 128 * KI,
        _ => 256 * KI,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{GIB, MIB};

    fn geometry(size: u64) -> Geometry {
        Geometry::new(size).unwrap().unwrap()
    }

    #[test]
    fn the_counts_are_those_of_mke2fs() {
        let g = geometry(8 * GIB);
        assert_eq!((g.blocks, g.inodes(), g.journal_blocks), (2_097_152, 524_288, 16_384));
        assert_eq!((g.reserved_descriptor_blocks, g.overhead()), (1023, 58_505));
        let g = geometry(100 * GIB);
        assert_eq!((g.blocks, g.inodes(), g.journal_blocks), (26_214_400, 6_553_600, 131_072));
        assert_eq!((g.reserved_descriptor_blocks, g.overhead()), (1024, 557_842));
        assert_eq!(geometry(2 * GIB).overhead(), 26_150);
    }

    #[test]
    fn every_size_can_grow_to_one_tebibyte() {
        for size in [16 * MIB, 100 * MIB, GIB, 64 * GIB, 900 * GIB] {
            let g = geometry(size);
            let descriptors = (g.descriptor_blocks + g.reserved_descriptor_blocks) * 64;
            assert!(descriptors * GROUP_BLOCKS * BLOCK >= 1 << 40, "{size}");
        }
    }

    #[test]
    fn fixed_metadata_of_any_size_lies_apart_and_inside() {
        for mib in (16..3000).step_by(7) {
            let g = geometry(mib * MIB);
            let mut end = 0;
            for run in g.fixed() {
                assert!(run.start >= end && run.end() <= g.blocks, "{mib} MiB");
                end = run.end();
            }
            assert!(g.blocks <= mib * MIB / BLOCK);
        }
    }

    #[test]
    fn a_disk_too_small_for_its_own_metadata_has_no_geometry() {
        assert_eq!(Geometry::new(0).unwrap(), None);
        assert_eq!(Geometry::new(4 * MIB).unwrap(), None);
        assert!(Geometry::new(1 << 50).is_err());
    }
}
