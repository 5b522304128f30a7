//! Places and encodes everything, in one order: what the size alone fixes, the packs, then the rest.

use std::collections::HashMap;

use super::checksum::Seed;
use super::dir::{Coder, Folder};
use super::extent::{self, BODY, Mapping};
use super::geometry::{BLOCK, BLOCK_BYTES, Geometry, INODE, Run};
use super::group::{self, InodeUse};
use super::inode::{self, EXTENTS_FL, INDEX_FL, Inode, JOURNAL, LOST_FOUND, RESIZE, S_IFREG};
use super::inventory::{Body, Inventory, Item, number};
use super::output::Output;
use super::sources::{Laid, Source, Sources, blocks, slice};
use super::space::Space;
use super::superblock::{self, Counts};
use super::xattr::{self, Attributes};
use super::{Params, journal, resize};
use crate::disk::Extent;
use crate::error::Result;
use crate::tree::Content;

/// A symbolic link shorter than this lies in the inode.
const FAST_SYMLINK: usize = BODY;
/// Blocks that mke2fs gives lost+found, so that files can be saved on a full disk.
const LOST_FOUND_BLOCKS: usize = 4;

/// All that can be encoded before anything has a place.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub inventory: Inventory<'a>,
    pub sources: Sources<'a>,
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

fn is_long(target: &[u8]) -> bool {
    target.len() >= FAST_SYMLINK
}

/// Writes one filesystem.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    geometry: &'a Geometry,
    params: &'a Params,
    parts: &'a Parts<'a>,
    seed: Seed,
    space: Space<'a>,
    out: Output,
    /// The inode table of all groups, without gaps between them.
    table: Vec<u8>,
    /// The blocks of each inode's content.
    runs: Vec<Vec<Run>>,
    /// The block with each inode's attributes; 0 for none.
    attribute_blocks: Vec<u64>,
}

impl<'a> Writer<'a> {
    pub fn new(geometry: &'a Geometry, params: &'a Params, parts: &'a Parts<'a>) -> Self {
        let count = parts.inventory.items.len();
        Self {
            geometry,
            params,
            parts,
            seed: Seed::of_filesystem(&params.uuid),
            space: Space::new(geometry),
            out: Output::default(),
            table: vec![0; parts.inventory.inodes() as usize * INODE as usize],
            runs: vec![Vec::new(); count],
            attribute_blocks: vec![0; count],
        }
    }

    pub fn write(mut self) -> Result<Vec<Extent>> {
        for number in 1..LOST_FOUND {
            self.put_inode(number, inode::unused(number, self.seed));
        }
        self.write_resize_inode()?;
        let journal_body = self.write_journal()?;
        self.place_contents()?;
        self.place_folders()?;
        self.place_attributes()?;
        self.place_symlinks()?;
        self.write_inodes()?;
        self.write_table();
        self.write_groups(journal_body);
        Ok(self.out.finish())
    }

    fn put_inode(&mut self, number: u32, bytes: [u8; INODE as usize]) {
        let at = (number as usize - 1) * INODE as usize;
        self.table[at..at + INODE as usize].copy_from_slice(&bytes);
    }

    /// A file of the filesystem's own.
    fn reserved_file(&self, number: u32, size: u64, blocks: u64) -> Inode<'static> {
        Inode {
            number,
            mode: S_IFREG | 0o600,
            uid: 0,
            gid: 0,
            size,
            links: 1,
            blocks,
            flags: 0,
            body: [0; BODY],
            time: self.params.time,
            attribute_block: 0,
            attributes: &[],
        }
    }

    fn write_resize_inode(&mut self) -> Result<()> {
        let doubly = self.space.take_one()?;
        self.out.blocks(doubly, &resize::doubly(self.geometry));
        let first = 1 + self.geometry.descriptor_blocks;
        self.out.blocks(first, &resize::reserved(self.geometry));
        let mut inode = self.reserved_file(RESIZE, resize::SIZE, resize::blocks(self.geometry));
        inode.body = resize::body(doubly);
        self.put_inode(RESIZE, inode.encode(self.seed));
        Ok(())
    }

    fn write_journal(&mut self) -> Result<[u8; BODY]> {
        let blocks = self.geometry.journal_blocks;
        let runs = self.space.take(blocks)?;
        if let Some(first) = runs.first() {
            self.out.blocks(first.start, &journal::superblock(blocks, &self.params.uuid));
        }
        let tree = self.map(JOURNAL, &runs)?;
        let total = blocks + tree.blocks.len() as u64;
        let mut inode = self.reserved_file(JOURNAL, blocks * BLOCK, total);
        inode.flags = EXTENTS_FL;
        inode.body = tree.body;
        self.put_inode(JOURNAL, inode.encode(self.seed));
        Ok(tree.body)
    }

    /// The extent tree of an inode, its blocks written.
    fn map(&mut self, number: u32, runs: &[Run]) -> Result<Mapping> {
        let tree = extent::encode(runs, self.seed.of_inode(number), &mut self.space)?;
        for (block, bytes) in &tree.blocks {
            self.out.blocks(*block, bytes);
        }
        Ok(tree)
    }

    fn place_contents(&mut self) -> Result<()> {
        let parts = self.parts;
        let mut laid = Vec::with_capacity(parts.sources.packs.len());
        for pack in &parts.sources.packs {
            let (place, data) = Laid::lay(pack, &mut self.space)?;
            data.into_iter().for_each(|(offset, data)| self.out.data(offset, data));
            laid.push(place);
        }
        for (index, (source, item)) in
            parts.sources.of.iter().zip(&parts.inventory.items).enumerate()
        {
            let runs = match (source, &item.body) {
                (Source::InPack { pack, first, blocks }, _) => {
                    let runs = laid[*pack].find(*first, *blocks);
                    runs.iter().for_each(|run| self.space.claim(*run));
                    runs
                }
                (Source::Apart { blocks }, Body::File(content)) => self.place(content, *blocks)?,
                _ => continue,
            };
            self.runs[index] = runs;
        }
        Ok(())
    }

    fn place(&mut self, content: &Content, count: u64) -> Result<Vec<Run>> {
        let runs = self.space.take(count)?;
        let mut from = 0;
        for run in &runs {
            let to = (from + run.length * BLOCK).min(content.length());
            self.out.data(run.start * BLOCK, slice(content, from, to));
            from = to;
        }
        Ok(runs)
    }

    fn place_folders(&mut self) -> Result<()> {
        let parts = self.parts;
        for (index, folder) in parts.folders.iter().enumerate() {
            let Some(folder) = folder else { continue };
            let runs = self.space.take(blocks(folder.blocks.len() as u64))?;
            let mut rest = &folder.blocks[..];
            for run in &runs {
                let (part, after) = rest.split_at(run.length as usize * BLOCK_BYTES);
                self.out.blocks(run.start, part);
                rest = after;
            }
            self.runs[index] = runs;
        }
        Ok(())
    }

    /// Equal blocks of attributes are shared, as the kernel shares them.
    fn place_attributes(&mut self) -> Result<()> {
        let parts = self.parts;
        let mut shared: Vec<(u64, u32, Vec<u8>)> = Vec::new();
        let mut open: HashMap<&[u8], usize> = HashMap::new();
        for (index, attributes) in parts.attributes.iter().enumerate() {
            let Some(bytes) = &attributes.block else { continue };
            let found = open.get(&bytes[..]).copied().filter(|i| shared[*i].1 < xattr::MAX_SHARED);
            let place = match found {
                Some(place) => place,
                None => {
                    shared.push((self.space.take_one()?, 0, bytes.clone()));
                    open.insert(bytes, shared.len() - 1);
                    shared.len() - 1
                }
            };
            shared[place].1 += 1;
            self.attribute_blocks[index] = shared[place].0;
        }
        for (number, users, mut bytes) in shared {
            xattr::seal(&mut bytes, number, users, self.seed);
            self.out.blocks(number, &bytes);
        }
        Ok(())
    }

    fn place_symlinks(&mut self) -> Result<()> {
        let parts = self.parts;
        for (index, item) in parts.inventory.items.iter().enumerate() {
            if let Body::Symlink(target) = item.body
                && is_long(target)
            {
                let block = self.space.take_one()?;
                let mut bytes = target.to_vec();
                bytes.resize(BLOCK_BYTES, 0);
                self.out.blocks(block, &bytes);
                self.runs[index] = vec![Run { start: block, length: 1 }];
            }
        }
        Ok(())
    }

    fn write_inodes(&mut self) -> Result<()> {
        let parts = self.parts;
        for (index, item) in parts.inventory.items.iter().enumerate() {
            let number = number(index);
            let runs = std::mem::take(&mut self.runs[index]);
            let attribute_block = self.attribute_blocks[index];
            let mut blocks = runs.iter().map(|run| run.length).sum::<u64>();
            blocks += u64::from(attribute_block != 0);
            let (size, flags, body) = match &item.body {
                Body::Special(_, _, body) => (0, 0, **body),
                Body::Symlink(target) if !is_long(target) => {
                    let mut body = [0; BODY];
                    body[..target.len()].copy_from_slice(target);
                    (target.len() as u64, 0, body)
                }
                body => {
                    let tree = self.map(number, &runs)?;
                    blocks += tree.blocks.len() as u64;
                    let (size, flags) = self.size(index, body);
                    (size, flags | EXTENTS_FL, tree.body)
                }
            };
            let inode = Inode {
                number,
                mode: item.mode(),
                uid: item.meta.uid,
                gid: item.meta.gid,
                size,
                links: item.links(),
                blocks,
                flags,
                body,
                time: item.meta.mtime,
                attribute_block,
                attributes: &parts.attributes[index].body,
            };
            self.put_inode(number, inode.encode(self.seed));
        }
        Ok(())
    }

    fn size(&self, index: usize, body: &Body<'_>) -> (u64, u32) {
        match (body, &self.parts.folders[index]) {
            (Body::File(content), _) => (content.length(), 0),
            (Body::Symlink(target), _) => (target.len() as u64, 0),
            (_, Some(folder)) => {
                (folder.blocks.len() as u64, if folder.indexed { INDEX_FL } else { 0 })
            }
            _ => (0, 0),
        }
    }

    fn write_table(&mut self) {
        let mut table = std::mem::take(&mut self.table);
        table.resize(table.len().next_multiple_of(BLOCK_BYTES), 0);
        let group_bytes = self.geometry.table_blocks() as usize * BLOCK_BYTES;
        for (group, bytes) in table.chunks(group_bytes).enumerate() {
            self.out.blocks(self.geometry.inode_table(group as u32), bytes);
        }
    }

    fn write_groups(&mut self, journal_body: [u8; BODY]) {
        let inodes = self.inode_use();
        let (table, bitmaps) = group::encode(self.geometry, &self.space, &inodes, self.seed);
        for (block, bytes) in bitmaps {
            self.out.blocks(block, &bytes);
        }
        let counts = Counts {
            free_blocks: self.space.free(),
            free_inodes: self.geometry.inodes() - inodes.used,
            journal_body,
            journal_bytes: self.geometry.journal_blocks * BLOCK,
        };
        let record = superblock::encode(self.geometry, self.params, &counts);
        let table: std::sync::Arc<[u8]> = table.into();
        for group in std::iter::once(0).chain(self.geometry.backups()) {
            let start = self.geometry.group_start(group) * BLOCK;
            let offset = if group == 0 { superblock::FIRST_AT } else { start };
            self.out.bytes(offset, superblock::seal(record.clone(), group).0);
            self.out.bytes(start + BLOCK, table.clone());
        }
    }

    fn inode_use(&self) -> InodeUse {
        let mut folders = vec![0; self.geometry.groups as usize];
        for (index, item) in self.parts.inventory.items.iter().enumerate() {
            if matches!(item.body, Body::Folder { .. }) {
                folders[((number(index) - 1) / self.geometry.inodes_per_group) as usize] += 1;
            }
        }
        InodeUse { used: self.parts.inventory.inodes(), folders }
    }
}
