//! Folders as blocks of names: Documentation/filesystems/ext4/directory.rst.

use std::sync::Arc;

use super::checksum::Seed;
use super::geometry::BLOCK_BYTES;
use super::hash::NameHasher;
use super::htree;
use super::record::{put_u16, put_u32};
use crate::error::Result;

/// The longest name, in bytes (`EXT4_NAME_LEN`).
pub(super) const MAX_NAME: usize = 255;
/// Bytes of an entry before its name, and the unit of an entry's length.
const ENTRY_HEAD: usize = 8;
const ENTRY_ALIGN: usize = 4;
/// The checksum at a block's end looks like an unused entry of this length and type.
const TAIL: usize = 12;
const TAIL_TYPE: u8 = 0xDE;
/// Bytes of a block that entries can use.
pub(super) const ROOM: usize = BLOCK_BYTES - TAIL;

/// File types in entries (`EXT4_FT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FileType {
    Regular = 1,
    Directory = 2,
    CharDevice = 3,
    BlockDevice = 4,
    Fifo = 5,
    Socket = 6,
    Symlink = 7,
}

/// One name in a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    pub name: &'a [u8],
    pub inode: u32,
    pub kind: FileType,
}

impl Name<'_> {
    /// Bytes that it takes up in a block.
    pub fn length(&self) -> usize {
        (ENTRY_HEAD + self.name.len()).next_multiple_of(ENTRY_ALIGN)
    }

    pub fn write(&self, at: &mut [u8], length: usize) {
        put_u32(at, 0, self.inode);
        put_u16(at, 4, length as u16);
        at[6] = self.name.len() as u8;
        at[7] = self.kind as u8;
        at[ENTRY_HEAD..ENTRY_HEAD + self.name.len()].copy_from_slice(self.name);
    }
}

/// A folder, encoded.
#[derive(Debug)]
pub(super) struct Folder {
    /// Whole blocks.
    pub blocks: Arc<[u8]>,
    /// Whether they begin with an index.
    pub indexed: bool,
}

/// The parameters for encoding a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coder {
    pub seed: Seed,
    pub hasher: NameHasher,
}

impl Coder {
    /// Encodes the folder with inode `number`, whose own folder is `parent`.
    ///
    /// A folder that fits into one block has no index, as with the kernel. A folder without index
    /// gets `at_least` blocks (for lost+found, which must take files when no free block can be
    /// found).
    pub fn encode(
        self,
        number: u32,
        parent: u32,
        names: &[Name<'_>],
        at_least: usize,
    ) -> Result<Folder> {
        let seed = self.seed.of_inode(number);
        let dots = dots(number, parent);
        let length: usize = dots.iter().chain(names).map(Name::length).sum();
        if length > ROOM {
            let blocks = htree::encode(&dots, names, self.hasher, seed)?;
            return Ok(Folder { blocks: blocks.into(), indexed: true });
        }
        let mut blocks = Vec::new();
        push_leaf(&mut blocks, dots.iter().chain(names), seed);
        while blocks.len() < at_least * BLOCK_BYTES {
            push_leaf(&mut blocks, std::iter::empty(), seed);
        }
        Ok(Folder { blocks: blocks.into(), indexed: false })
    }
}

fn dots(number: u32, parent: u32) -> [Name<'static>; 2] {
    let dot = |name, inode| Name { name, inode, kind: FileType::Directory };
    [dot(b".", number), dot(b"..", parent)]
}

/// Appends a block with these names, which must fit; the last one's length reaches to the checksum.
pub(super) fn push_leaf<'n, 'a: 'n>(
    blocks: &mut Vec<u8>,
    names: impl Iterator<Item = &'n Name<'a>>,
    seed: Seed,
) {
    let start = blocks.len();
    blocks.resize(start + BLOCK_BYTES, 0);
    let block = &mut blocks[start..];
    let (mut at, mut last) = (0, 0);
    for name in names {
        let length = name.length();
        name.write(&mut block[at..], length);
        last = at;
        at += length;
    }
    put_u16(block, last + 4, (ROOM - last) as u16);
    let sum = seed.sum(&[&block[..ROOM]]);
    put_u16(block, ROOM + 4, TAIL as u16);
    block[ROOM + 7] = TAIL_TYPE;
    put_u32(block, ROOM + 8, sum);
}
