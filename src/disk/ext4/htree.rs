//! The index of large folders: blocks of names in the order of their hashes, below one or two
//! levels of hashes (Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories").

use super::checksum::Seed;
use super::dir::{Name, ROOM, push_leaf};
use super::geometry::BLOCK_BYTES;
use super::hash::{NameHash, NameHasher};
use super::record::{put_u16, put_u32};
use crate::error::{Error, Kind, Result};

/// Hash version half MD4 (`DX_HASH_HALF_MD4`); the superblock says whether it is signed.
pub(super) const HALF_MD4: u8 = 1;
/// Bytes of `struct dx_root_info`.
const INFO_LENGTH: u8 = 8;
/// The entries of the index begin after the two dots and the info; in a node, after one empty name.
const ROOT_START: usize = 24 + INFO_LENGTH as usize;
const NODE_START: usize = 8;
/// Bytes of an entry of the index; the first one's hash makes room for limit and count.
const ENTRY: usize = 8;
/// Bytes of the checksum at the end (`struct dx_tail`).
const TAIL: usize = 8;
const ROOT_LIMIT: usize = (BLOCK_BYTES - ROOT_START - TAIL) / ENTRY;
const NODE_LIMIT: usize = (BLOCK_BYTES - NODE_START - TAIL) / ENTRY;
/// How full we make leaves. Full ones would split at the first package upgrade, which puts new
/// names beside the old; the kernel's own splits leave them half empty. e2fsck -D also leaves a
/// fifth free.
const FILL: usize = ROOM * 4 / 5;

/// A place in the index: from which hash on, and in which block of the folder.
type Place = (u32, u32);

pub(super) fn encode(
    dots: &[Name<'_>; 2],
    names: &[Name<'_>],
    hasher: NameHasher,
    seed: Seed,
) -> Result<Vec<u8>> {
    let mut sorted: Vec<(NameHash, &Name<'_>)> =
        names.iter().map(|name| (hasher.hash(name.name), name)).collect();
    sorted.sort_unstable_by_key(|(hash, name)| (*hash, name.name));
    let leaves = split(&sorted);
    let nodes = if leaves.len() > ROOT_LIMIT { leaves.len().div_ceil(NODE_LIMIT) } else { 0 };
    if nodes > ROOT_LIMIT {
        return Err(Error::new(Kind::Input, "the folder holds more names than ext4 can index")
            .remedy("spread the files over several folders"));
    }
    let places = places(&sorted, &leaves, 1 + nodes as u32);
    let mut blocks = vec![0; (1 + nodes) * BLOCK_BYTES];
    write_dots(&mut blocks, dots, u8::from(nodes > 0));
    if nodes == 0 {
        write_index(&mut blocks[..BLOCK_BYTES], ROOT_START, ROOT_LIMIT, &places, seed);
    } else {
        let (root, rest) = blocks.split_at_mut(BLOCK_BYTES);
        let mut upper = Vec::with_capacity(nodes);
        for (i, part) in places.chunks(NODE_LIMIT).enumerate() {
            upper.push((part[0].0, 1 + i as u32));
            let node = &mut rest[i * BLOCK_BYTES..][..BLOCK_BYTES];
            put_u16(node, 4, BLOCK_BYTES as u16);
            write_index(node, NODE_START, NODE_LIMIT, part, seed);
        }
        write_index(root, ROOT_START, ROOT_LIMIT, &upper, seed);
    }
    for leaf in leaves {
        push_leaf(&mut blocks, sorted[leaf].iter().map(|(_, name)| *name), seed);
    }
    Ok(blocks)
}

/// Ranges of names that go into one block each.
fn split(sorted: &[(NameHash, &Name<'_>)]) -> Vec<std::ops::Range<usize>> {
    let mut leaves = Vec::new();
    let (mut start, mut length) = (0, 0);
    for (i, (_, name)) in sorted.iter().enumerate() {
        if length + name.length() > FILL && i > start {
            leaves.push(start..i);
            (start, length) = (i, 0);
        }
        length += name.length();
    }
    leaves.push(start..sorted.len());
    leaves
}

/// Where each leaf begins. The lowest bit of a hash says that the leaf continues with the last hash
/// of the one before it.
fn places(
    sorted: &[(NameHash, &Name<'_>)],
    leaves: &[std::ops::Range<usize>],
    first_block: u32,
) -> Vec<Place> {
    let place = |(i, leaf): (usize, &std::ops::Range<usize>)| {
        let hash = sorted[leaf.start].0.0;
        let goes_on = leaf.start > 0 && sorted[leaf.start - 1].0.0 == hash;
        (hash | u32::from(goes_on), first_block + i as u32)
    };
    leaves.iter().enumerate().map(place).collect()
}

fn write_dots(root: &mut [u8], [dot, dot_dot]: &[Name<'_>; 2], levels: u8) {
    let length = dot.length();
    dot.write(root, length);
    dot_dot.write(&mut root[length..], BLOCK_BYTES - length);
    let info = &mut root[ROOT_START - usize::from(INFO_LENGTH)..];
    info[4] = HALF_MD4;
    info[5] = INFO_LENGTH;
    info[6] = levels;
}

fn write_index(block: &mut [u8], start: usize, limit: usize, places: &[Place], seed: Seed) {
    for (i, (hash, target)) in places.iter().enumerate() {
        put_u32(block, start + i * ENTRY, *hash);
        put_u32(block, start + i * ENTRY + 4, *target);
    }
    put_u16(block, start, limit as u16);
    put_u16(block, start + 2, places.len() as u16);
    let sum = seed.sum(&[&block[..start + places.len() * ENTRY], &[0; TAIL]]);
    put_u32(block, start + limit * ENTRY + 4, sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ext4::dir::FileType;

    #[test]
    fn a_hash_that_goes_on_in_the_next_leaf_is_marked_there() {
        let name = Name { name: b"n", inode: 12, kind: FileType::Regular };
        let sorted: Vec<(NameHash, &Name<'_>)> =
            [(2, 0), (4, 1), (4, 2), (4, 3), (8, 0)].map(|hash| (hash, &name)).into();
        let places = places(&sorted, &[0..2, 2..3, 3..4, 4..5], 1);
        assert_eq!(places, [(2, 1), (5, 2), (5, 3), (8, 4)]);
    }
}
