//! Where the bytes of a file are.

use super::volume::{Inode, Volume};
use crate::error::Result;
use crate::inspect::source::le;

/// `i_flags`: an extent tree in the body; encrypted contents (inodes.rst).
const EXTENTS: u32 = 0x8_0000;
const ENCRYPTED: u32 = 0x800;
/// A node of the tree: its magic, bytes of its header and of an entry (ifork.rst).
const MAGIC: u16 = 0xF30A;
const HEADER: usize = 12;
const ENTRY: usize = 12;
/// The deepest tree (`EXT4_MAX_EXTENT_DEPTH`).
const DEPTH: u16 = 5;
/// Blocks of the longest extent that was written; a longer one is only reserved (`EXT_INIT_MAX_LEN`).
const WRITTEN: u16 = 1 << 15;

/// Blocks of a file that follow each other on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) struct Run {
    /// The first block's number in the file.
    pub logical: u64,
    /// Its number in the filesystem.
    pub physical: u64,
    /// Blocks.
    pub length: u64,
}

/// The runs that hold bytes, in order; what is between them reads as zeros.
pub(in crate::inspect) fn runs(volume: &Volume, inode: &Inode) -> Result<Vec<Run>> {
    if inode.flags & ENCRYPTED != 0 {
        return Err(
            volume.refused("the root filesystem has encrypted files, which slipway does not read")
        );
    }
    if inode.flags & EXTENTS == 0 {
        if inode.size == 0 {
            return Ok(Vec::new());
        }
        let message = "the root filesystem has files without extents, as ext3 writes them, which slipway does not read";
        return Err(volume.refused(message));
    }
    let mut runs = Vec::new();
    let depth = le::u16_at(&inode.body, 6);
    if depth > DEPTH {
        return Err(
            volume.damaged(format!("inode {} has too deep a tree of extents", inode.number), 0)
        );
    }
    gather(volume, inode, &inode.body, depth, &mut runs)?;
    Ok(runs)
}

fn gather(
    volume: &Volume,
    inode: &Inode,
    node: &[u8],
    depth: u16,
    runs: &mut Vec<Run>,
) -> Result<()> {
    let wrong = || volume.damaged(format!("inode {} has broken extents", inode.number), 0);
    let entries = usize::from(le::u16_at(node, 2));
    let whole = le::u16_at(node, 0) == MAGIC && le::u16_at(node, 6) == depth;
    if !whole || HEADER + entries * ENTRY > node.len() {
        return Err(wrong());
    }
    for entry in node[HEADER..].chunks_exact(ENTRY).take(entries) {
        if depth > 0 {
            let below = u64::from(le::u16_at(entry, 8)) << 32 | u64::from(le::u32_at(entry, 4));
            gather(volume, inode, &volume.node(below)?, depth - 1, runs)?;
            continue;
        }
        let (logical, length) = (u64::from(le::u32_at(entry, 0)), le::u16_at(entry, 4));
        let physical = u64::from(le::u16_at(entry, 6)) << 32 | u64::from(le::u32_at(entry, 8));
        if length == 0 {
            return Err(wrong());
        }
        if length > WRITTEN {
            continue;
        }
        let run = Run { logical, physical, length: length.into() };
        let inside = physical > 0 && physical + run.length <= volume.blocks;
        if !inside || runs.last().is_some_and(|last: &Run| last.logical + last.length > logical) {
            return Err(wrong());
        }
        runs.push(run);
    }
    Ok(())
}
