//! The names in a folder.

use super::volume::Volume;
use crate::error::Result;
use crate::inspect::source::le;

/// Bytes of an entry before its name (directory.rst).
const HEAD: usize = 8;
/// The unit of an entry's length.
const ALIGN: usize = 4;

/// The names in a folder's blocks and the inodes that they lead to, in the order of the disk, without `.` and `..`.
///
/// An index is passed over: its blocks are written so that they read as entries that are not in use.
pub(in crate::inspect) fn names(volume: &Volume, blocks: &[u8]) -> Result<Vec<(u32, Vec<u8>)>> {
    let mut names = Vec::new();
    for block in blocks.chunks(volume.block as usize) {
        let mut at = 0;
        while at + HEAD <= block.len() {
            let (inode, name) = (le::u32_at(block, at), usize::from(block[at + 6]));
            let length = match usize::from(le::u16_at(block, at + 4)) {
                // a whole block of 64 KiB does not fit the field (`ext4_rec_len_from_disk`)
                0 | 0xFFFF if block.len() == 1 << 16 => block.len() - at,
                length => length,
            };
            let fits =
                length >= HEAD + name && at + length <= block.len() && length.is_multiple_of(ALIGN);
            if !fits || length < HEAD {
                return Err(volume.damaged("a folder has an entry of an impossible length", 0));
            }
            let name = &block[at + HEAD..][..name];
            at += length;
            if inode == 0 || name == b"." || name == b".." {
                continue;
            }
            if name.is_empty() || name.iter().any(|b| matches!(b, b'/' | 0)) {
                return Err(volume.damaged("a folder has a name that no file can have", 0));
            }
            names.push((inode, name.to_vec()));
        }
    }
    Ok(names)
}
