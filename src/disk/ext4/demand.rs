//! How much a tree needs, and the smallest disk that provides it.

use std::collections::HashMap;

use super::extent;
use super::geometry::{BLOCK, Geometry};
use super::parts::Parts;
use super::sources::BlocksFrom;
use super::space::CLUSTER;
use super::xattr;
use crate::error::{Error, Kind, Result};
use crate::units::MIB;

/// A file is split at fixed metadata and at the longest extent. There are at least this many blocks
/// between two such places, except at the file's ends and after the journal.
const UNBROKEN: u64 = 1 << 14;
const EXTRA_EXTENTS: u64 = 3;
/// Bytes of disk for each additional inode.
const BYTES_PER_INODE: u64 = 16384;

/// What has to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    inodes: u64,
    blocks: u64,
    packs: u64,
}

impl Demand {
    /// The demand of the parts to be written; extent trees count with their largest size.
    pub fn of(parts: &Parts<'_>) -> Self {
        let trees = parts.sources.of.iter().map(|source| match source {
            BlocksFrom::Nothing => 0,
            BlocksFrom::InPack { blocks, .. } | BlocksFrom::Apart { blocks } => {
                tree_blocks(*blocks)
            }
        });
        let folders = parts.folders.iter().flatten().map(|folder| {
            let blocks = folder.blocks.len() as u64 / BLOCK;
            blocks + tree_blocks(blocks)
        });
        let blocks = trees.chain(folders).sum::<u64>()
            + parts.sources.blocks()
            + attribute_blocks(parts)
            + parts.long_symlinks();
        let packs = parts.sources.packs.len() as u64;
        Self { inodes: parts.inventory.inodes(), blocks, packs }
    }

    /// The geometry for `size` bytes, or an error that says which size would be enough.
    pub fn geometry(self, size: u64) -> Result<Geometry> {
        match Geometry::new(size)? {
            Some(geometry) if self.missing(&geometry) == 0 => Ok(geometry),
            _ => {
                let needed = self.smallest(size)?;
                let message = format!(
                    "the root filesystem needs {} MiB, the disk leaves it {} MiB",
                    needed / MIB,
                    size / MIB
                );
                let more = (needed - size).div_ceil(MIB);
                Err(Error::new(Kind::NoSpace, message)
                    .remedy(format!("choose a disk size that is at least {more} MiB larger")))
            }
        }
    }

    /// The smallest sufficient size in bytes, in whole MiB and not below `from`.
    pub fn smallest(self, from: u64) -> Result<u64> {
        let mut size = from.max(self.blocks * BLOCK).next_multiple_of(MIB);
        loop {
            let missing = match Geometry::new(size)? {
                Some(geometry) => self.missing(&geometry),
                None => 1,
            };
            if missing == 0 {
                return Ok(size);
            }
            // a larger disk has at least as much metadata, so this never skips a sufficient size
            size += missing.next_multiple_of(MIB);
        }
    }

    /// Bytes by which a geometry is too small.
    fn missing(self, geometry: &Geometry) -> u64 {
        let fixed = geometry.overhead() + 1 + tree_blocks(geometry.journal_blocks);
        let padding = (geometry.fixed().len() as u64 + self.packs) * (CLUSTER - 1);
        let usable = geometry.blocks.saturating_sub(fixed + padding);
        let blocks = self.blocks.saturating_sub(usable);
        let inodes = self.inodes.saturating_sub(geometry.inodes());
        (blocks * BLOCK).max(inodes * BYTES_PER_INODE / 2)
    }
}

/// Blocks of attributes; as many inodes as allowed share equal ones.
fn attribute_blocks(parts: &Parts<'_>) -> u64 {
    let mut users: HashMap<&[u8], u32> = HashMap::new();
    for block in parts.attributes.iter().filter_map(|a| a.block.as_deref()) {
        *users.entry(block).or_default() += 1;
    }
    users.values().map(|users| u64::from(users.div_ceil(xattr::MAX_SHARED))).sum()
}

fn tree_blocks(blocks: u64) -> u64 {
    extent::most_blocks(blocks / UNBROKEN + EXTRA_EXTENTS)
}
