//! Gives everything that depends on the tree its blocks, in a fixed order: the packs, folders, attributes, long symbolic
//! links, contents outside of packs. These come last, because their lengths differ from customer to customer: the base's
//! folders stay where they are in all images of it.

use std::collections::HashMap;

use super::checksum::Seed;
use super::geometry::{BLOCK, BLOCK_BYTES, Run};
use super::inventory::Body;
use super::output::Output;
use super::parts::{Parts, is_long};
use super::sources::{BlocksFrom, Laid, blocks, slice};
use super::space::Space;
use super::xattr;
use crate::error::Result;
use crate::tree::Content;

/// Where each inode's blocks are, by its index.
#[derive(Debug)]
pub(super) struct Places {
    /// The content's blocks.
    pub runs: Vec<Vec<Run>>,
    /// The block with attributes; 0 for none.
    pub attributes: Vec<u64>,
}

/// Places all parts and writes their bytes.
pub(super) fn place(
    parts: &Parts<'_>,
    seed: Seed,
    space: &mut Space<'_>,
    out: &mut Output,
) -> Result<Places> {
    let mut runs = packed(parts, space, out)?;
    folders(parts, space, out, &mut runs)?;
    let attributes = attributes(parts, seed, space, out)?;
    symlinks(parts, space, out, &mut runs)?;
    others(parts, space, out, &mut runs)?;
    Ok(Places { runs, attributes })
}

fn packed(parts: &Parts<'_>, space: &mut Space<'_>, out: &mut Output) -> Result<Vec<Vec<Run>>> {
    let mut laid = Vec::with_capacity(parts.sources.packs.len());
    for pack in &parts.sources.packs {
        let (place, data) = Laid::lay(pack, space)?;
        data.into_iter().for_each(|(offset, data)| out.data(offset, data));
        laid.push(place);
    }
    let mut all = Vec::with_capacity(parts.inventory.items.len());
    for source in &parts.sources.of {
        all.push(match source {
            BlocksFrom::InPack { pack, first, blocks } => {
                let runs = laid[*pack].find(*first, *blocks);
                runs.iter().for_each(|run| space.claim(*run));
                runs
            }
            BlocksFrom::Apart { .. } | BlocksFrom::Nothing => Vec::new(),
        });
    }
    Ok(all)
}

fn others(
    parts: &Parts<'_>,
    space: &mut Space<'_>,
    out: &mut Output,
    all: &mut [Vec<Run>],
) -> Result<()> {
    let items = parts.sources.of.iter().zip(&parts.inventory.items);
    for ((source, item), place) in items.zip(all) {
        if let (BlocksFrom::Apart { blocks }, Body::File(content)) = (source, &item.body) {
            *place = apart(content, *blocks, space, out)?;
        }
    }
    Ok(())
}

fn apart(
    content: &Content,
    count: u64,
    space: &mut Space<'_>,
    out: &mut Output,
) -> Result<Vec<Run>> {
    let runs = space.take(count)?;
    let mut from = 0;
    for run in &runs {
        let to = (from + run.length * BLOCK).min(content.length());
        out.data(run.start * BLOCK, slice(content, from, to));
        from = to;
    }
    Ok(runs)
}

fn folders(
    parts: &Parts<'_>,
    space: &mut Space<'_>,
    out: &mut Output,
    all: &mut [Vec<Run>],
) -> Result<()> {
    for (folder, place) in parts.folders.iter().zip(all) {
        let Some(folder) = folder else { continue };
        let content = Content::Bytes(folder.blocks.clone());
        *place = apart(&content, blocks(content.length()), space, out)?;
    }
    Ok(())
}

/// A block of attributes, with its number and the number of inodes that use it.
struct Shared<'p> {
    number: u64,
    users: u32,
    bytes: &'p [u8],
}

/// Equal blocks of attributes are shared, as the kernel shares them.
fn attributes(
    parts: &Parts<'_>,
    seed: Seed,
    space: &mut Space<'_>,
    out: &mut Output,
) -> Result<Vec<u64>> {
    let mut shared: Vec<Shared<'_>> = Vec::new();
    let mut open: HashMap<&[u8], usize> = HashMap::new();
    let mut numbers = Vec::with_capacity(parts.attributes.len());
    for attributes in &parts.attributes {
        let Some(bytes) = attributes.block.as_deref() else {
            numbers.push(0);
            continue;
        };
        let found = open.get(bytes).copied().filter(|i| shared[*i].users < xattr::MAX_SHARED);
        let index = match found {
            Some(index) => index,
            None => {
                shared.push(Shared { number: space.take_one()?, users: 0, bytes });
                open.insert(bytes, shared.len() - 1);
                shared.len() - 1
            }
        };
        shared[index].users += 1;
        numbers.push(shared[index].number);
    }
    for Shared { number, users, bytes } in shared {
        out.blocks(number, &xattr::seal(bytes, number, users, seed));
    }
    Ok(numbers)
}

fn symlinks(
    parts: &Parts<'_>,
    space: &mut Space<'_>,
    out: &mut Output,
    all: &mut [Vec<Run>],
) -> Result<()> {
    for (item, place) in parts.inventory.items.iter().zip(all) {
        if let Body::Symlink(target) = item.body
            && is_long(target)
        {
            let start = space.take_one()?;
            let mut bytes = target.to_vec();
            bytes.resize(BLOCK_BYTES, 0);
            out.blocks(start, &bytes);
            *place = vec![Run { start, length: 1 }];
        }
    }
    Ok(())
}
