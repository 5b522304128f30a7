//! The resize inode, which holds the reserve of group descriptor blocks so that the filesystem
//! grows while it is mounted (`ext2fs_create_resize_inode` in lib/ext2fs/res_gdt.c; the kernel
//! checks the same shape in `verify_reserved_gdb`, fs/ext4/resize.c).
//!
//! `meta_bg` would need no reserve, but is used less often: mke2fs makes resize_inode by default,
//! nearly every filesystem that was ever grown online was grown this way, and beyond the reserve
//! the kernel continues with `meta_bg` by itself.

use super::extent::BODY;
use super::geometry::{BLOCK, BLOCK_BYTES, Geometry};
use super::record::put_u32;

/// Addresses in one block of the old block map.
const ADDRESSES: u64 = BLOCK / 4;
/// Addresses of data in the inode itself, and the place of the doubly indirect block after them.
const DIRECT: u64 = 12;
const DOUBLY: usize = 13;

/// Length of the resize inode in bytes: everything that a doubly indirect block can reach.
pub(super) const SIZE: u64 = (ADDRESSES * ADDRESSES + ADDRESSES + DIRECT) * BLOCK;

/// The inode's body; `doubly` is its doubly indirect block.
pub(super) fn body(doubly: u64) -> [u8; BODY] {
    let mut body = [0; BODY];
    put_u32(&mut body, DOUBLY * 4, doubly as u32);
    body
}

/// The doubly indirect block: for each reserved descriptor block its place after the first
/// superblock, at the index that is the descriptor block's number modulo the addresses in a block.
pub(super) fn doubly(geometry: &Geometry) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    for reserved in 0..geometry.reserved_descriptor_blocks {
        let number = geometry.descriptor_blocks + reserved;
        put_u32(&mut block, (number % ADDRESSES * 4) as usize, (1 + number) as u32);
    }
    block
}

/// The reserved blocks after the first superblock: each lists its copies in the groups with
/// backups.
pub(super) fn reserved(geometry: &Geometry) -> Vec<u8> {
    let backups: Vec<u64> = geometry.backups().map(|g| geometry.group_start(g)).collect();
    let mut blocks = vec![0; geometry.reserved_descriptor_blocks as usize * BLOCK_BYTES];
    for (i, block) in blocks.as_chunks_mut::<BLOCK_BYTES>().0.iter_mut().enumerate() {
        let offset = 1 + geometry.descriptor_blocks + i as u64;
        for (entry, start) in backups.iter().enumerate() {
            put_u32(block, entry * 4, (start + offset) as u32);
        }
    }
    blocks
}

/// Blocks that the resize inode counts as its own.
pub(super) fn blocks(geometry: &Geometry) -> u64 {
    1 + geometry.reserved_descriptor_blocks * (1 + geometry.backups().count() as u64)
}
