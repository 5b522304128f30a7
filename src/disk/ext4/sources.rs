//! Which contents stay where their pack puts them, and which get separate blocks.

use std::collections::HashMap;
use std::sync::Arc;

use super::geometry::{BLOCK, Run};
use super::inventory::{Body, Inventory};
use super::space::Space;
use crate::disk::Data;
use crate::error::{Error, Kind, Result};
use crate::pack::Pack;
use crate::tree::Content;
use crate::units::Digest;

/// Where a file's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlocksFrom {
    /// Nothing to place: not a file, or an empty one.
    Nothing,
    /// Blocks of a pack, by the pack's index, claimed by this file alone.
    InPack { pack: usize, first: u64, blocks: u64 },
    /// In memory, in a pack that is not placed, or in a part of a pack that another file already
    /// claims.
    Apart { blocks: u64 },
}

/// The packs, each once, and the source of each inode's bytes.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub packs: Vec<&'a Arc<Pack>>,
    pub of: Vec<BlocksFrom>,
}

impl<'a> Sources<'a> {
    /// Decides in the inodes' order: the first file that uses a part of a pack stays there. Two
    /// files with the same part are not one file with two names, and ext4 shares no blocks between
    /// inodes.
    pub fn decide(inventory: &Inventory<'_>, packs: &'a [Arc<Pack>]) -> Result<Self> {
        let mut sources = Self { packs: Vec::new(), of: Vec::with_capacity(inventory.items.len()) };
        let mut indexes: HashMap<Digest, usize> = HashMap::new();
        for pack in packs {
            indexes.entry(pack.digest()).or_insert_with(|| {
                sources.packs.push(pack);
                sources.packs.len() - 1
            });
        }
        let mut claimed: Vec<Vec<bool>> =
            sources.packs.iter().map(|p| vec![false; blocks(p.length()) as usize]).collect();
        for item in &inventory.items {
            let source = match item.body {
                Body::File(content) => {
                    decide(content, &indexes, &mut claimed).map_err(|e| item.blame(e))?
                }
                _ => BlocksFrom::Nothing,
            };
            sources.of.push(source);
        }
        Ok(sources)
    }

    /// Blocks of all packs and of the contents outside them.
    pub fn blocks(&self) -> u64 {
        let apart = self.of.iter().map(|source| match source {
            BlocksFrom::Apart { blocks } => *blocks,
            BlocksFrom::Nothing | BlocksFrom::InPack { .. } => 0,
        });
        self.packs.iter().map(|pack| blocks(pack.length())).chain(apart).sum()
    }
}

fn decide(
    content: &Content,
    indexes: &HashMap<Digest, usize>,
    claimed: &mut [Vec<bool>],
) -> Result<BlocksFrom> {
    let count = blocks(content.length());
    let Content::Packed { pack, offset, length } = content else {
        return Ok(if count == 0 {
            BlocksFrom::Nothing
        } else {
            BlocksFrom::Apart { blocks: count }
        });
    };
    if offset.checked_add(*length).is_none_or(|end| end > pack.length()) {
        return Err(Error::new(Kind::Damaged, "its content is beyond the end of the pack"));
    }
    // a pack that is not on the disk as a whole, such as an archive: only the parts in use are
    // taken from it
    let Some(&index) = indexes.get(&pack.digest()) else {
        return Ok(if count == 0 {
            BlocksFrom::Nothing
        } else {
            BlocksFrom::Apart { blocks: count }
        });
    };
    let first = offset / BLOCK;
    let wanted = &mut claimed[index][first as usize..(first + count) as usize];
    if count == 0 {
        Ok(BlocksFrom::Nothing)
    } else if !offset.is_multiple_of(BLOCK) || wanted.contains(&true) {
        Ok(BlocksFrom::Apart { blocks: count })
    } else {
        wanted.fill(true);
        Ok(BlocksFrom::InPack { pack: index, first, blocks: count })
    }
}

/// Blocks that hold `bytes`.
pub(super) fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK)
}

/// A pack on the disk: its blocks in order.
#[derive(Debug)]
pub(super) struct Laid(Vec<Run>);

impl Laid {
    /// Places a whole pack, whether or not files still use all of it, so that its bytes have the
    /// same places in every image. This does not yet mark any of its blocks as taken.
    pub fn lay(pack: &Arc<Pack>, space: &mut Space<'_>) -> Result<(Self, Vec<(u64, Data)>)> {
        let runs = space.pass_pack(blocks(pack.length()))?;
        let mut offset = 0;
        let mut data = Vec::with_capacity(runs.len());
        for run in &runs {
            let length = (run.length * BLOCK).min(pack.length() - offset);
            let content = Content::Packed { pack: pack.clone(), offset, length };
            data.push((run.start * BLOCK, content.into()));
            offset += length;
        }
        Ok((Self(runs), data))
    }

    /// The places of `count` blocks of the pack, from block `first` on.
    pub fn find(&self, first: u64, count: u64) -> Vec<Run> {
        let (mut skip, mut left) = (first, count);
        let mut found = Vec::with_capacity(1);
        for run in &self.0 {
            if left == 0 {
                break;
            }
            if skip >= run.length {
                skip -= run.length;
                continue;
            }
            let length = left.min(run.length - skip);
            found.push(Run { start: run.start + skip, length });
            (skip, left) = (0, left - length);
        }
        found
    }
}

/// The bytes `from..to` of a content, as data of a disk.
pub(super) fn slice(content: &Content, from: u64, to: u64) -> Data {
    let part = match content {
        Content::Bytes(bytes) if from == 0 && to == bytes.len() as u64 => {
            Content::Bytes(bytes.clone())
        }
        Content::Bytes(bytes) => Content::Bytes(bytes[from as usize..to as usize].into()),
        Content::Packed { pack, offset, .. } => {
            Content::Packed { pack: pack.clone(), offset: offset + from, length: to - from }
        }
    };
    part.into()
}
