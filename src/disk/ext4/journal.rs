//! An empty journal: Documentation/filesystems/ext4/journal.rst. Only its first block is not zero.

use super::geometry::BLOCK_BYTES;

const MAGIC: u32 = 0xC03B_3998;
/// Block type "superblock, version 2".
const SUPERBLOCK_V2: u32 = 4;
/// Byte offsets in the journal's superblock; everything there is big-endian.
const AT_MAGIC: usize = 0x00;
const AT_TYPE: usize = 0x04;
const AT_BLOCK_SIZE: usize = 0x0C;
const AT_LENGTH: usize = 0x10;
const AT_FIRST: usize = 0x14;
const AT_SEQUENCE: usize = 0x18;
const AT_UUID: usize = 0x30;
const AT_USERS: usize = 0x40;

/// The first block of an empty journal of `blocks` blocks. Its features stay clear: the kernel sets
/// its own at the first mount.
pub(super) fn superblock(blocks: u64, uuid: &[u8; 16]) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut put = |at: usize, value: u32| block[at..at + 4].copy_from_slice(&value.to_be_bytes());
    put(AT_MAGIC, MAGIC);
    put(AT_TYPE, SUPERBLOCK_V2);
    put(AT_BLOCK_SIZE, BLOCK_BYTES as u32);
    put(AT_LENGTH, blocks as u32);
    put(AT_FIRST, 1);
    put(AT_SEQUENCE, 1);
    put(AT_USERS, 1);
    block[AT_UUID..AT_UUID + uuid.len()].copy_from_slice(uuid);
    block
}
