//! Extended attributes, in the inode and in one block:
//! Documentation/filesystems/ext4/attributes.rst.

use std::collections::BTreeMap;

use super::acl;
use super::checksum::Seed;
use super::geometry::BLOCK_BYTES;
use super::inode::ATTRIBUTES_ROOM;
use super::record::{put_u16, put_u32};
use crate::error::{Error, Kind, Result};

const MAGIC: u32 = 0xEA02_0000;
/// Bytes of the headers in the inode and in the block.
const BODY_HEADER: usize = 4;
const BLOCK_HEADER: usize = 32;
/// Bytes of an entry before its name; the multiple that entries and values are padded to; the zeros
/// after the entries.
const ENTRY: usize = 16;
const ALIGN: usize = 4;
const END: usize = 4;
/// Bytes of the longest name, including its prefix (`XATTR_NAME_MAX`).
const MAX_NAME: usize = 255;
/// The number of inodes that may share a block (`EXT4_XATTR_REFCOUNT_MAX`).
pub(super) const MAX_SHARED: u32 = 1024;
/// The places of the block's number of users and of its checksum.
const AT_USERS: usize = 4;
const AT_BLOCKS: usize = 8;
const AT_HASH: usize = 12;
const AT_CHECKSUM: usize = 16;

/// Prefixes that become a number (`EXT4_XATTR_INDEX_*`); the first two are whole names.
const ACL_ACCESS: (&[u8], u8) = (b"system.posix_acl_access", 2);
const ACL_DEFAULT: (&[u8], u8) = (b"system.posix_acl_default", 3);
const PREFIXES: [(&[u8], u8); 3] = [(b"user.", 1), (b"trusted.", 4), (b"security.", 6)];

/// One attribute. The order is that of a block: number, length of name, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute<'a> {
    index: u8,
    name_length: usize,
    name: &'a [u8],
    value: Vec<u8>,
}

/// The attributes of one inode, encoded.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// The part in the inode; empty for none.
    pub body: Vec<u8>,
    /// The part in a block, without its number of users and checksum (see [`seal`]).
    pub block: Option<Vec<u8>>,
}

/// Encodes attributes: as many as fit into the inode, which costs no block, the others into a
/// block.
pub(super) fn encode(xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Attributes> {
    if xattrs.is_empty() {
        return Ok(Attributes::default());
    }
    let mut all = xattrs
        .iter()
        .map(|(name, value)| Attribute::new(name, value))
        .collect::<Result<Vec<_>>>()?;
    all.sort();
    let room = ATTRIBUTES_ROOM - BODY_HEADER - END;
    let (inside, outside) = choose(&all, room);
    let needed: usize = outside.iter().map(|a| a.room()).sum();
    let limit = BLOCK_BYTES - BLOCK_HEADER - END;
    if needed > limit {
        let message = format!("the extended attributes take {needed} bytes, ext4 has {limit}");
        return Err(Error::new(Kind::Input, message).remedy("shorten or remove some of them"));
    }
    let body = if inside.is_empty() { Vec::new() } else { body(&inside) };
    Ok(Attributes { body, block: (!outside.is_empty()).then(|| block(&outside)) })
}

impl<'a> Attribute<'a> {
    fn new(full: &'a [u8], value: &[u8]) -> Result<Self> {
        let made =
            |index, name: &'a [u8], value| Ok(Self { index, name_length: name.len(), name, value });
        for (name, index) in [ACL_ACCESS, ACL_DEFAULT] {
            if full == name {
                return made(index, &full[full.len()..], acl::to_disk(value)?);
            }
        }
        let found = PREFIXES.iter().find_map(|(p, index)| Some((full.strip_prefix(*p)?, *index)));
        match found {
            Some((name, index)) if !name.is_empty() && full.len() <= MAX_NAME => {
                made(index, name, value.to_vec())
            }
            _ => Err(Error::new(
                Kind::Input,
                format!("ext4 has no extended attribute \"{}\"", full.escape_ascii()),
            )
            .remedy("use a name of up to 255 bytes that begins with user., trusted. or security.")),
        }
    }

    fn entry_length(&self) -> usize {
        (ENTRY + self.name.len()).next_multiple_of(ALIGN)
    }

    fn room(&self) -> usize {
        self.entry_length() + self.value.len().next_multiple_of(ALIGN)
    }

    /// `ext4_xattr_hash_entry` in fs/ext4/xattr.c.
    fn hash(&self) -> u32 {
        let name = self.name.iter().fold(0_u32, |h, byte| h.rotate_left(5) ^ u32::from(*byte));
        self.value.chunks(4).fold(name, |h, bytes| {
            let word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
            h.rotate_left(16) ^ word
        })
    }
}

type Split<'s, 'a> = (Vec<&'s Attribute<'a>>, Vec<&'s Attribute<'a>>);

fn choose<'s, 'a>(all: &'s [Attribute<'a>], room: usize) -> Split<'s, 'a> {
    let mut left = room;
    all.iter().partition(|attribute| {
        let fits = attribute.room() <= left;
        left -= if fits { attribute.room() } else { 0 };
        fits
    })
}

fn body(attributes: &[&Attribute<'_>]) -> Vec<u8> {
    let mut body = vec![0; ATTRIBUTES_ROOM];
    put_u32(&mut body, 0, MAGIC);
    // value offsets count from the first entry; the kernel keeps no hashes here
    write(&mut body[BODY_HEADER..], 0, attributes, false);
    body
}

fn block(attributes: &[&Attribute<'_>]) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    put_u32(&mut block, 0, MAGIC);
    put_u32(&mut block, AT_BLOCKS, 1);
    let hash = attributes.iter().fold(0_u32, |h, a| h.rotate_left(16) ^ a.hash());
    put_u32(&mut block, AT_HASH, hash);
    write(&mut block, BLOCK_HEADER, attributes, true);
    block
}

/// Entries from `start` on, values from the end backwards, as the kernel arranges them.
fn write(area: &mut [u8], start: usize, attributes: &[&Attribute<'_>], hashed: bool) {
    let (mut at, mut value_at) = (start, area.len());
    for attribute in attributes {
        value_at -= attribute.value.len().next_multiple_of(ALIGN);
        area[value_at..value_at + attribute.value.len()].copy_from_slice(&attribute.value);
        let entry = &mut area[at..];
        entry[0] = attribute.name.len() as u8;
        entry[1] = attribute.index;
        put_u16(entry, 2, if attribute.value.is_empty() { 0 } else { value_at as u16 });
        put_u32(entry, 8, attribute.value.len() as u32);
        put_u32(entry, 12, if hashed { attribute.hash() } else { 0 });
        entry[ENTRY..ENTRY + attribute.name.len()].copy_from_slice(attribute.name);
        at += attribute.entry_length();
    }
}

/// The bytes on disk of a block that `users` inodes use: with that count, and with the checksum,
/// which includes the block's number.
pub(super) fn seal(block: &[u8], number: u64, users: u32, seed: Seed) -> Vec<u8> {
    let mut block = block.to_vec();
    put_u32(&mut block, AT_USERS, users);
    let sum = seed.sum(&[&number.to_le_bytes(), &block]);
    put_u32(&mut block, AT_CHECKSUM, sum);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, usize)]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        pairs.iter().map(|(n, length)| (n.as_bytes().to_vec(), vec![7; *length])).collect()
    }

    #[test]
    fn small_attributes_lie_in_the_inode_and_large_ones_in_a_block() {
        let small = encode(&map(&[("security.capability", 20)])).unwrap();
        assert!(small.body.len() == ATTRIBUTES_ROOM && small.block.is_none());
        let both = encode(&map(&[("security.capability", 20), ("user.large", 500)])).unwrap();
        assert!(!both.body.is_empty() && both.block.is_some());
    }

    #[test]
    fn what_ext4_cannot_keep_is_refused() {
        for pairs in [
            &[("user.a", 4050)][..],
            &[("user.", 1)],
            &[("system.other", 1)],
            &[("user.a", 2100), ("user.b", 2100)],
        ] {
            assert!(encode(&map(pairs)).is_err(), "{pairs:?}");
        }
        assert!(encode(&map(&[("user.a", 4000)])).is_ok());
    }
}
