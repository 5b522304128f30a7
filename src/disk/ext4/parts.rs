//! Everything that can be encoded before anything has a place.

use super::dir::{Coder, Folder};
use super::extent::BODY;
use super::inode::LOST_FOUND;
use super::inventory::{Body, Inventory, Item, number};
use super::sources::Sources;
use super::xattr::{self, Attributes};
use crate::error::Result;

/// Blocks that mke2fs gives lost+found, so that files can be saved on a full disk.
const LOST_FOUND_BLOCKS: usize = 4;

/// A tree, taken apart. The lists use the index of [`Inventory::items`].
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub inventory: Inventory<'a>,
    pub sources: Sources<'a>,
    /// The blocks of folders.
    pub folders: Vec<Option<Folder>>,
    pub attributes: Vec<Attributes>,
}

impl<'a> Parts<'a> {
    pub fn encode(inventory: Inventory<'a>, sources: Sources<'a>, coder: Coder) -> Result<Self> {
        let mut folders = Vec::with_capacity(inventory.items.len());
        let mut attributes = Vec::with_capacity(inventory.items.len());
        for (index, item) in inventory.items.iter().enumerate() {
            let at_least = if number(index) == LOST_FOUND { LOST_FOUND_BLOCKS } else { 1 };
            folders.push(match &item.body {
                Body::Folder { names, parent } => {
                    let folder = coder.encode(number(index), *parent, names, at_least);
                    Some(folder.map_err(|e| item.blame(e))?)
                }
                _ => None,
            });
            attributes.push(xattr::encode(&item.meta.xattrs).map_err(|e| item.blame(e))?);
        }
        Ok(Self { inventory, sources, folders, attributes })
    }

    /// How many symbolic links need a block.
    pub fn long_symlinks(&self) -> u64 {
        let long = |item: &&Item<'_>| matches!(item.body, Body::Symlink(t) if is_long(t));
        self.inventory.items.iter().filter(long).count() as u64
    }
}

/// Whether a symbolic link's target, with the zero after it that the kernel requires, does not fit
/// into the inode.
pub(super) fn is_long(target: &[u8]) -> bool {
    target.len() >= BODY
}
