//! A difference between trees (or a whole tree, as the difference to nothing) as bytes: the names,
//! attributes and places of contents of a cache entry.
//!
//! ```text
//! magic   "slipway tree 1\n"
//! packs   count, then 32 bytes of SHA-256 each
//! removed count, then a path each
//! entries count, then path, mode, uid, gid, seconds, nanoseconds, attributes, node each
//! digest  SHA-256 of all before it
//! ```
//! Numbers are LEB128 (seconds zigzag first). A path is the number of bytes that it shares with the
//! path before it, and the rest: neighbours in a tree share most of their names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Content, Entry, Layer, Meta, Node, TreePath};
use crate::error::{Error, Kind, Result};
use crate::pack::Pack;
use crate::units::{Digest, Timestamp};

const MAGIC: &[u8] = b"slipway tree 1\n";
const DIGEST_LENGTH: usize = 32;

// kinds of nodes
const BYTES: u64 = 0;
const PACKED: u64 = 1;
const DIRECTORY: u64 = 2;
const SYMLINK: u64 = 3;
const HARD_LINK: u64 = 4;
const CHAR_DEVICE: u64 = 5;
const BLOCK_DEVICE: u64 = 6;
const FIFO: u64 = 7;
const SOCKET: u64 = 8;

/// Writes a difference; equal differences give equal bytes, and the last 32 are their digest.
pub fn encode(layer: &Layer) -> Vec<u8> {
    let packs: BTreeSet<Digest> = layer.put.values().filter_map(pack_of).collect();
    let packs: Vec<Digest> = packs.into_iter().collect();
    let mut out = Writer { bytes: MAGIC.to_vec(), last: Vec::new() };
    out.number(packs.len() as u64);
    for digest in &packs {
        out.bytes.extend_from_slice(digest.as_bytes());
    }
    out.number(layer.removed.len() as u64);
    for path in &layer.removed {
        out.path(path);
    }
    out.last.clear();
    out.number(layer.put.len() as u64);
    for (path, entry) in &layer.put {
        out.path(path);
        out.meta(&entry.meta);
        out.node(&entry.node, &packs);
    }
    let digest = Digest::of(&out.bytes);
    out.bytes.extend_from_slice(digest.as_bytes());
    out.bytes
}

/// The digest at the end of an encoded difference: it covers names, attributes and (through the
/// packs' digests) contents.
pub fn digest_of(encoded: &[u8]) -> Digest {
    Digest::of(&encoded[..encoded.len().saturating_sub(DIGEST_LENGTH)])
}

/// Reads a difference; `pack` opens the packs that it names.
///
/// # Errors
/// [`Kind::Damaged`] when the bytes are not what [`encode`] wrote.
pub fn decode(encoded: &[u8], pack: impl Fn(Digest) -> Result<Arc<Pack>>) -> Result<Layer> {
    let (bytes, digest) =
        encoded.split_last_chunk::<DIGEST_LENGTH>().ok_or_else(|| wrong("it is too short"))?;
    if Digest::of(bytes).as_bytes() != digest {
        return Err(wrong("its digest is wrong"));
    }
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| wrong("it has another version"))?;
    let mut input = IndexReader { rest, last: Vec::new() };
    let mut packs = Vec::new();
    for _ in 0..input.number()? {
        let digest = Digest::from_bytes(*input.chunk::<DIGEST_LENGTH>()?);
        packs.push(pack(digest)?);
    }
    let removed = (0..input.number()?).map(|_| input.path()).collect::<Result<_>>()?;
    input.last.clear();
    let mut put = BTreeMap::new();
    for _ in 0..input.number()? {
        let path = input.path()?;
        let meta = input.meta()?;
        put.insert(path, Entry { meta, node: input.node(&packs)? });
    }
    if !input.rest.is_empty() {
        return Err(wrong("bytes are left over"));
    }
    Ok(Layer { put, removed })
}

fn pack_of(entry: &Entry) -> Option<Digest> {
    match &entry.node {
        Node::File(Content::Packed { pack, .. }) => Some(pack.digest()),
        _ => None,
    }
}

fn wrong(why: &str) -> Error {
    Error::new(Kind::Damaged, format!("the tree's index is damaged: {why}"))
}

struct Writer {
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn path(&mut self, path: &TreePath) {
        let path = path.as_bytes();
        let shared = self.last.iter().zip(path).take_while(|(a, b)| a == b).count();
        self.number(shared as u64);
        self.text(&path[shared..]);
        self.last = path.to_vec();
    }

    fn meta(&mut self, meta: &Meta) {
        self.number(meta.mode.into());
        self.number(meta.uid.into());
        self.number(meta.gid.into());
        let seconds = meta.mtime.seconds;
        self.number((seconds << 1 ^ seconds >> 63) as u64);
        self.number(meta.mtime.nanos.into());
        self.number(meta.xattrs.len() as u64);
        for (name, value) in &meta.xattrs {
            self.text(name);
            self.text(value);
        }
    }

    fn node(&mut self, node: &Node, packs: &[Digest]) {
        match node {
            Node::File(Content::Bytes(bytes)) => {
                self.number(BYTES);
                self.text(bytes);
            }
            Node::File(Content::Packed { pack, offset, length }) => {
                let place = packs.partition_point(|digest| *digest < pack.digest());
                for number in [PACKED, place as u64, *offset, *length] {
                    self.number(number);
                }
            }
            Node::Directory => self.number(DIRECTORY),
            Node::Symlink(target) => {
                self.number(SYMLINK);
                self.text(target);
            }
            Node::HardLink(target) => {
                self.number(HARD_LINK);
                self.text(target.as_bytes());
            }
            Node::CharDevice { major, minor } => self.device(CHAR_DEVICE, *major, *minor),
            Node::BlockDevice { major, minor } => self.device(BLOCK_DEVICE, *major, *minor),
            Node::Fifo => self.number(FIFO),
            Node::Socket => self.number(SOCKET),
        }
    }

    fn device(&mut self, kind: u64, major: u32, minor: u32) {
        self.number(kind);
        self.number(major.into());
        self.number(minor.into());
    }
}

struct IndexReader<'a> {
    rest: &'a [u8],
    last: Vec<u8>,
}

impl<'a> IndexReader<'a> {
    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or_else(|| wrong("it ends early"))?;
        self.rest = rest;
        Ok(chunk)
    }

    fn number<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.chunk()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return T::try_from(number).map_err(|_| wrong("a number is too large"));
            }
        }
        Err(wrong("a number is too long"))
    }

    fn text(&mut self) -> Result<&'a [u8]> {
        let length: usize = self.number()?;
        let (text, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| wrong("it ends early"))?;
        self.rest = rest;
        Ok(text)
    }

    fn path(&mut self) -> Result<TreePath> {
        let shared: usize = self.number()?;
        if shared > self.last.len() {
            return Err(wrong("a path is too short"));
        }
        self.last.truncate(shared);
        let rest = self.text()?;
        self.last.extend_from_slice(rest);
        TreePath::new(&self.last)
    }

    fn meta(&mut self) -> Result<Meta> {
        let (mode, uid, gid) = (self.number()?, self.number()?, self.number()?);
        let zigzag: u64 = self.number()?;
        let seconds = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        let mtime = Timestamp { seconds, nanos: self.number()? };
        let mut xattrs = BTreeMap::new();
        for _ in 0..self.number()? {
            xattrs.insert(self.text()?.to_vec(), self.text()?.to_vec());
        }
        Ok(Meta { mode, uid, gid, mtime, xattrs })
    }

    fn node(&mut self, packs: &[Arc<Pack>]) -> Result<Node> {
        Ok(match self.number::<u64>()? {
            BYTES => Node::File(Content::Bytes(self.text()?.into())),
            PACKED => Node::File(self.packed(packs)?),
            DIRECTORY => Node::Directory,
            SYMLINK => Node::Symlink(self.text()?.to_vec()),
            HARD_LINK => Node::HardLink(TreePath::new(self.text()?)?),
            CHAR_DEVICE => Node::CharDevice { major: self.number()?, minor: self.number()? },
            BLOCK_DEVICE => Node::BlockDevice { major: self.number()?, minor: self.number()? },
            FIFO => Node::Fifo,
            SOCKET => Node::Socket,
            _ => return Err(wrong("an entry has an unknown kind")),
        })
    }

    fn packed(&mut self, packs: &[Arc<Pack>]) -> Result<Content> {
        let (place, offset, length): (usize, u64, u64) =
            (self.number()?, self.number()?, self.number()?);
        let pack = packs.get(place).ok_or_else(|| wrong("it names an unknown pack"))?;
        if offset.checked_add(length).is_none_or(|end| end > pack.length()) {
            return Err(wrong("a content is outside its pack"));
        }
        Ok(Content::Packed { pack: pack.clone(), offset, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::PackWriter;

    fn sample(folder: &std::path::Path) -> (Layer, Arc<Pack>) {
        let mut writer = PackWriter::create(folder.join("pack")).unwrap();
        let (offset, length) = writer.add(&b"content"[..]).unwrap();
        let pack = Pack::open(folder.join("pack"), writer.finish().unwrap().0).unwrap();
        let content = Content::Packed { pack: pack.clone(), offset, length };
        let mtime = Timestamp { seconds: -5, nanos: 999_999_999 };
        let mut meta = Meta { uid: u32::MAX, ..Meta::root(0o6755, mtime) };
        meta.xattrs.insert(b"security.capability".to_vec(), b"\0\n\xff".to_vec());
        let path = |text: &str| TreePath::new(text.as_bytes()).unwrap();
        let nodes = [
            ("", Node::Directory),
            ("a", Node::File(content)),
            ("a-link", Node::HardLink(path("a"))),
            ("b", Node::File(Content::from("inline"))),
            ("c", Node::Symlink(b"\xff/../x".to_vec())),
            ("d", Node::CharDevice { major: 5, minor: u32::MAX }),
            ("e", Node::BlockDevice { major: 8, minor: 0 }),
            ("f", Node::Fifo),
            ("g", Node::Socket),
        ];
        let entry = |node| Entry { meta: meta.clone(), node };
        let put = nodes.into_iter().map(|(p, node)| (path(p), entry(node))).collect();
        (Layer { put, removed: [path("x/y"), path("x/z")].into() }, pack)
    }

    #[test]
    fn a_difference_reads_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (layer, pack) = sample(folder.path());
        let bytes = encode(&layer);
        assert_eq!(decode(&bytes, |_| Ok(pack.clone())).unwrap(), layer);
        assert_eq!(bytes, encode(&layer));
    }

    #[test]
    fn a_changed_or_cut_index_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (layer, pack) = sample(folder.path());
        let bytes = encode(&layer);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], |_| Ok(pack.clone())).is_err());
            let mut changed = bytes.clone();
            changed[cut] ^= 0x40;
            assert!(decode(&changed, |_| Ok(pack.clone())).is_err());
        }
    }

    #[test]
    fn a_digest_over_nonsense_does_not_make_it_sense() {
        let folder = tempfile::tempdir().unwrap();
        let (layer, pack) = sample(folder.path());
        let bytes = encode(&layer);
        let body = &bytes[..bytes.len() - DIGEST_LENGTH];
        for cut in 0..body.len() {
            let mut short = body[..cut].to_vec();
            let digest = Digest::of(&short);
            short.extend_from_slice(digest.as_bytes());
            assert!(decode(&short, |_| Ok(pack.clone())).is_err());
        }
    }
}
