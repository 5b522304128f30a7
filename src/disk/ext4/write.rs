//! Writes one filesystem: first what the size alone determines, then the tree's contents, then the
//! inodes, which say where those are, and last the groups and the superblock, which count
//! everything.

use std::sync::Arc;

use super::checksum::Seed;
use super::extent::{self, BODY, Mapping};
use super::geometry::{BLOCK, BLOCK_BYTES, Geometry, INODE, Run};
use super::group::{self, InodeUse};
use super::inode::{self, EXTENTS_FL, INDEX_FL, Inode, JOURNAL, LOST_FOUND, RESIZE, S_IFREG};
use super::inventory::{Body, number};
use super::output::Output;
use super::parts::{Parts, is_long};
use super::place::{self, Places};
use super::space::Space;
use super::superblock::{self, Counts};
use super::{Params, journal, resize};
use crate::disk::Extent;
use crate::error::Result;

/// A filesystem under construction.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    geometry: &'a Geometry,
    params: &'a Params,
    parts: &'a Parts<'a>,
    seed: Seed,
    space: Space<'a>,
    out: Output,
    /// The inode tables of all groups with inodes in use, up to the last such inode, in whole
    /// blocks.
    tables: Vec<Arc<[u8]>>,
}

/// What an inode says about its content.
struct Form {
    size: u64,
    flags: u32,
    body: [u8; BODY],
    /// Blocks of the extent tree outside the inode.
    tree_blocks: u64,
}

impl<'a> Writer<'a> {
    pub fn new(geometry: &'a Geometry, params: &'a Params, parts: &'a Parts<'a>) -> Self {
        Self {
            geometry,
            params,
            parts,
            seed: Seed::of_filesystem(&params.uuid),
            space: Space::new(geometry),
            out: Output::default(),
            tables: tables(geometry, parts.inventory.inodes() as usize),
        }
    }

    pub fn write(mut self) -> Result<Vec<Extent>> {
        for number in 1..LOST_FOUND {
            self.put_inode(number, inode::unused(number, self.seed));
        }
        self.write_resize_inode()?;
        let journal_body = self.write_journal()?;
        let places = place::place(self.parts, self.seed, &mut self.space, &mut self.out)?;
        self.write_inodes(&places)?;
        self.write_table();
        self.write_groups(journal_body);
        Ok(self.out.finish())
    }

    fn put_inode(&mut self, number: u32, bytes: [u8; INODE as usize]) {
        let per_group = self.geometry.inodes_per_group as usize;
        let (group, index) = ((number as usize - 1) / per_group, (number as usize - 1) % per_group);
        let at = index * INODE as usize;
        // nobody else has the table yet, so nothing is cloned
        Arc::make_mut(&mut self.tables[group])[at..at + INODE as usize].copy_from_slice(&bytes);
    }

    /// A file that belongs to the filesystem itself.
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

    /// The extent tree of an inode; its blocks are already written.
    fn map(&mut self, number: u32, runs: &[Run]) -> Result<Mapping> {
        let tree = extent::encode(runs, self.seed.of_inode(number), &mut self.space)?;
        for (block, bytes) in &tree.blocks {
            self.out.blocks(*block, bytes);
        }
        Ok(tree)
    }

    fn write_inodes(&mut self, places: &Places) -> Result<()> {
        let parts = self.parts;
        for (index, item) in parts.inventory.items.iter().enumerate() {
            let runs = &places.runs[index];
            let attribute_block = places.attributes[index];
            let form = self.form(index, runs)?;
            let content = runs.iter().map(|run| run.length).sum::<u64>();
            let inode = Inode {
                number: number(index),
                mode: item.mode(),
                uid: item.meta.uid,
                gid: item.meta.gid,
                size: form.size,
                links: item.links(),
                blocks: content + form.tree_blocks + u64::from(attribute_block != 0),
                flags: form.flags,
                body: form.body,
                time: item.meta.mtime,
                attribute_block,
                attributes: &parts.attributes[index].body,
            };
            self.put_inode(inode.number, inode.encode(self.seed));
        }
        Ok(())
    }

    fn form(&mut self, index: usize, runs: &[Run]) -> Result<Form> {
        let plain = |size, body| Ok(Form { size, flags: 0, body, tree_blocks: 0 });
        let (size, flags) = match &self.parts.inventory.items[index].body {
            Body::Special(_, _, body) => return plain(0, **body),
            Body::Symlink(target) if !is_long(target) => {
                let mut body = [0; BODY];
                body[..target.len()].copy_from_slice(target);
                return plain(target.len() as u64, body);
            }
            Body::Symlink(target) => (target.len() as u64, 0),
            Body::File(content) => (content.length(), 0),
            Body::Folder { .. } => {
                let indexed = matches!(&self.parts.folders[index], Some(f) if f.indexed);
                let size = runs.iter().map(|run| run.length * BLOCK).sum();
                (size, if indexed { INDEX_FL } else { 0 })
            }
        };
        let tree = self.map(number(index), runs)?;
        let tree_blocks = tree.blocks.len() as u64;
        Ok(Form { size, flags: flags | EXTENTS_FL, body: tree.body, tree_blocks })
    }

    fn write_table(&mut self) {
        for (group, table) in (0..).zip(std::mem::take(&mut self.tables)) {
            self.out.bytes(self.geometry.inode_table(group) * BLOCK, table);
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
        let table: Arc<[u8]> = table.into();
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

/// Empty tables for this many inodes. They become extents without copying: a copy would take as
/// much memory again, and touching new memory costs more than writing to it.
fn tables(geometry: &Geometry, inodes: usize) -> Vec<Arc<[u8]>> {
    let bytes = (inodes * INODE as usize).next_multiple_of(BLOCK_BYTES);
    let group = geometry.table_blocks() as usize * BLOCK_BYTES;
    let lengths = (0..bytes).step_by(group).map(|at| group.min(bytes - at));
    lengths.map(|length| std::iter::repeat_n(0, length).collect()).collect()
}
