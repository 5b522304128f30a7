//! Group descriptors and inode bitmaps: Documentation/filesystems/ext4/group_descr.rst and
//! bitmaps.rst.

use super::checksum::Seed;
use super::geometry::{BLOCK_BYTES, DESCRIPTOR, Geometry};
use super::record::{Record, low_u16, low_u32};
use super::space::{Space, set_bits};

/// `bg_flags`: no inode of the group is in use; the kernel makes up its block map; the unused part
/// of its inode table is zero. The last is true because everything that no extent covers reads as
/// zeros.
const INODE_UNINIT: u16 = 1;
const BLOCK_UNINIT: u16 = 2;
const INODE_ZEROED: u16 = 4;

mod at {
    pub const BLOCK_BITMAP: usize = 0x00;
    pub const INODE_BITMAP: usize = 0x04;
    pub const INODE_TABLE: usize = 0x08;
    pub const FREE_BLOCKS: usize = 0x0C;
    pub const FREE_INODES: usize = 0x0E;
    pub const USED_FOLDERS: usize = 0x10;
    pub const FLAGS: usize = 0x12;
    pub const BLOCK_BITMAP_SUM: usize = 0x18;
    pub const INODE_BITMAP_SUM: usize = 0x1A;
    pub const UNUSED_INODES: usize = 0x1C;
    pub const CHECKSUM: usize = 0x1E;
    /// The start of the high halves: each is as far from here as its field is from the descriptor's
    /// start.
    pub const HIGH: usize = 0x20;
    pub const BLOCK_BITMAP_SUM_HIGH: usize = 0x38;
    pub const INODE_BITMAP_SUM_HIGH: usize = 0x3A;
}

/// What the descriptors need to know about the inodes, which are in use without gaps from the first
/// on.
#[derive(Clone, Debug)]
pub(super) struct InodeUse {
    /// Inodes in use, the reserved ones counted.
    pub used: u64,
    /// Folders in each group.
    pub folders: Vec<u32>,
}

impl InodeUse {
    fn in_group(&self, geometry: &Geometry, group: u32) -> u32 {
        let per_group = u64::from(geometry.inodes_per_group);
        self.used.saturating_sub(u64::from(group) * per_group).min(per_group) as u32
    }
}

/// The descriptors of all groups, padded to whole blocks, and the bitmaps that the kernel does not
/// make up: the block of each, and its bytes.
pub(super) fn encode(
    geometry: &Geometry,
    space: &Space<'_>,
    inodes: &InodeUse,
    seed: Seed,
) -> (Vec<u8>, Vec<(u64, Vec<u8>)>) {
    let mut table = Vec::with_capacity(geometry.descriptor_blocks as usize * BLOCK_BYTES);
    let mut bitmaps = Vec::new();
    for group in 0..geometry.groups {
        let mut record = descriptor(geometry, space, inodes, group);
        let mut flags = INODE_ZEROED;
        match space.map(group) {
            Some(map) => {
                let sum = seed.sum(&[&map[..]]);
                record.split_u32(at::BLOCK_BITMAP_SUM, at::BLOCK_BITMAP_SUM_HIGH, sum);
                bitmaps.push((geometry.block_bitmap(group), map.to_vec()));
            }
            None => flags |= BLOCK_UNINIT,
        }
        let used = inodes.in_group(geometry, group);
        if used > 0 {
            let map = inode_bitmap(used as usize, geometry.inodes_per_group as usize);
            let sum = seed.sum(&[&map[..geometry.inodes_per_group as usize / 8]]);
            record.split_u32(at::INODE_BITMAP_SUM, at::INODE_BITMAP_SUM_HIGH, sum);
            bitmaps.push((geometry.inode_bitmap(group), map));
        } else {
            flags |= INODE_UNINIT;
        }
        record.u16(at::FLAGS, flags);
        let sum = seed.sum(&[&group.to_le_bytes(), &record.0]);
        record.u16(at::CHECKSUM, low_u16(sum));
        table.extend_from_slice(&record.0);
    }
    table.resize(geometry.descriptor_blocks as usize * BLOCK_BYTES, 0);
    (table, bitmaps)
}

fn descriptor(
    geometry: &Geometry,
    space: &Space<'_>,
    inodes: &InodeUse,
    group: u32,
) -> Record<{ DESCRIPTOR as usize }> {
    let mut record = Record::new();
    for (at, block) in [
        (at::BLOCK_BITMAP, geometry.block_bitmap(group)),
        (at::INODE_BITMAP, geometry.inode_bitmap(group)),
        (at::INODE_TABLE, geometry.inode_table(group)),
    ] {
        record.split_u64(at, at + at::HIGH, block);
    }
    let unused = geometry.inodes_per_group - inodes.in_group(geometry, group);
    let folders = inodes.folders.get(group as usize).copied().unwrap_or(0);
    for (at, count) in [
        (at::FREE_BLOCKS, low_u32(space.free_in(group))),
        (at::FREE_INODES, unused),
        (at::USED_FOLDERS, folders),
        (at::UNUSED_INODES, unused),
    ] {
        record.split_u32(at, at + at::HIGH, count);
    }
    record
}

fn inode_bitmap(used: usize, per_group: usize) -> Vec<u8> {
    let mut map = vec![0; BLOCK_BYTES];
    set_bits(&mut map, 0, used);
    set_bits(&mut map, per_group, 8 * BLOCK_BYTES);
    map
}
