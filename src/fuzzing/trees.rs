//! Archives and cache entries.

use super::choice;
use super::memory::Memory;
use super::mend;
use crate::error::{Error, Kind};
use crate::format::encode::Bytes;
use crate::format::encode::cache::Entry as Encoded;
use crate::pack::Pack;
use crate::progress::Quiet;
use crate::tree::{Entry, Node, Tree, index, tar as archive};
use crate::units::Digest;

/// Bytes of the checksums at the end of an index, and in an entry of the cache of encoded regions.
const DIGEST: usize = 32;
const ENTRY_CHECKSUM: std::ops::Range<usize> = 56..88;

/// A root's archive: whatever could be read is written, and must read back.
pub fn tar(data: &[u8]) {
    let (choice, data) = choice(data);
    let mut bytes = data.to_vec();
    if choice & 1 == 0 {
        mend::tar(&mut bytes);
    }
    let (file, pack) = (Memory::of(&bytes), Memory::new());
    let Ok(tree) = archive::read(file.path(), pack.path(), &Quiet) else { return };
    check_tree(&tree);
    let mut again = Vec::new();
    archive::write(&tree, &mut again).expect("what was read can be written");
    let (file, pack) = (Memory::of(&again), Memory::new());
    let again = archive::read(file.path(), pack.path(), &Quiet).expect("what was written reads");
    assert_eq!(loaded(&again), loaded(&tree));
}

/// Checks what later rooms rely on.
fn check_tree(tree: &Tree) {
    for (path, entry) in tree {
        if let Some(parent) = path.parent() {
            let parent = tree.get(&parent).map(|entry| &entry.node);
            assert_eq!(parent, Some(&Node::Directory), "above {path}");
        } else {
            assert_eq!(entry.node, Node::Directory, "the root is a folder");
        }
        if let Node::HardLink(target) = &entry.node {
            let target = tree.get(target).map(|entry| &entry.node);
            assert!(matches!(target, Some(Node::File(_))), "{path} is a further name of a file");
        }
    }
}

/// The tree with all contents in memory, so that trees from different packs can be compared.
fn loaded(tree: &Tree) -> Tree {
    let mut out = Tree::new();
    for (path, entry) in tree {
        let node = match &entry.node {
            Node::File(content) => Node::File(content.read().expect("a content").to_vec().into()),
            node => node.clone(),
        };
        out.insert(path.clone(), Entry { meta: entry.meta.clone(), node });
    }
    out
}

/// Entries of both caches, with corrected checksums.
pub fn cache(data: &[u8]) {
    let (choice, data) = choice(data);
    match choice % 3 {
        0 => tree_index(data),
        1 => encoded(data),
        _ => record(data),
    }
}

fn tree_index(data: &[u8]) {
    let pack = Memory::of(&[7; 4096]);
    let pack = Pack::open(pack.path(), Digest::of("a pack")).expect("a pack");
    let open = |digest| match digest == pack.digest() {
        true => Ok(pack.clone()),
        false => Err(Error::new(Kind::Damaged, "no such pack")),
    };
    let body = &data[..data.len().saturating_sub(DIGEST)];
    let whole = [body, Digest::of(body).as_bytes()].concat();
    let Ok(layer) = index::decode(&whole, open) else { return };
    let again = index::decode(&index::encode(&layer), open);
    assert_eq!(again.expect("what was written reads"), layer);
}

fn encoded(data: &[u8]) {
    let mut bytes = data.to_vec();
    let places =
        bytes.get(12..16).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b));
    let table = (ENTRY_CHECKSUM.end as u64 + u64::from(places) * 16).min(bytes.len() as u64);
    let group = (ENTRY_CHECKSUM.end as u64 + 4 * 16).next_multiple_of(4096).min(bytes.len() as u64);
    if bytes.len() >= ENTRY_CHECKSUM.end {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes[..ENTRY_CHECKSUM.start]);
        hasher.update(&bytes[ENTRY_CHECKSUM.end..table as usize]);
        hasher.update(&bytes[group as usize..]);
        bytes[ENTRY_CHECKSUM].copy_from_slice(hasher.finalize().as_bytes());
    }
    let file = Memory::of(&bytes);
    let Ok(entry) = Encoded::open(file.path(), Digest::of("a key"), &(10..14)) else { return };
    let group = entry.group();
    let Bytes::Kept(origin) = group.bytes else { panic!("an entry is in a file") };
    assert!(origin.offset + origin.length == file.length());
    for place in group.places {
        assert!((10..14).contains(&place.index), "a chunk of this group");
        assert!(place.offset + place.length <= origin.length, "a place in the group");
    }
}

fn record(data: &[u8]) {
    let Ok(record) = crate::base::entry::parse(data) else { return };
    let text = serde_json::to_vec(&record).expect("JSON");
    assert_eq!(crate::base::entry::parse(&text).expect("what was written reads"), record);
}
