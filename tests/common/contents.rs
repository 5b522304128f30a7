//! Whether a root filesystem holds a tree, by readers that slipway did not write.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;

use ext4_view::{Ext4, Ext4Read, FileType};
use slipway::tree::{Entry, Node, Tree, TreePath};
use slipway::units::Timestamp;

/// Opens the filesystem that begins at byte `start` of a file.
pub fn reader(file: File, start: u64) -> Ext4 {
    Ext4::load(Box::new(BundleReader { file, start })).unwrap()
}

/// Every name of the tree is in the filesystem with its kind, mode, owner, time and content, by
/// ext4-view, and no other name but lost+found is.
pub fn assert_holds(reader: &Ext4, tree: &Tree) {
    let mut names = BTreeSet::new();
    for (path, entry) in tree {
        let entry = match &entry.node {
            Node::HardLink(target) => tree.get(target).unwrap(),
            _ => entry,
        };
        assert_equal(reader, &absolute(path), entry);
        names.insert(absolute(path));
    }
    names.extend([b"/".to_vec(), b"/lost+found".to_vec()]);
    let mut found = BTreeSet::new();
    walk(reader, b"/", &mut found);
    assert_eq!(found, names);
}

struct BundleReader {
    file: File,
    start: u64,
}

impl Ext4Read for BundleReader {
    fn read(&mut self, at: u64, to: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.file.read_exact_at(to, self.start + at)?)
    }
}

fn absolute(path: &TreePath) -> Vec<u8> {
    [b"/", path.as_bytes()].concat()
}

fn assert_equal(reader: &Ext4, name: &[u8], entry: &Entry) {
    let shown = name.escape_ascii().to_string();
    let found = reader.symlink_metadata(name).unwrap_or_else(|e| panic!("{shown}: {e}"));
    assert_eq!(found.mode() & 0o7777, entry.meta.mode, "{shown}");
    assert_eq!((found.uid(), found.gid()), (entry.meta.uid, entry.meta.gid), "{shown}");
    let time = found.modified();
    assert_eq!((time.seconds(), time.nanoseconds()), {
        let Timestamp { seconds, nanos } = entry.meta.mtime;
        (seconds, nanos)
    });
    let kind = match &entry.node {
        Node::File(content) => {
            assert_eq!(reader.read(name).unwrap(), &*content.read().unwrap(), "{shown}");
            FileType::Regular
        }
        Node::Symlink(target) => {
            assert_eq!(reader.read_link(name).unwrap().as_ref(), &target[..], "{shown}");
            FileType::Symlink
        }
        Node::Directory => FileType::Directory,
        Node::CharDevice { .. } => FileType::CharacterDevice,
        Node::BlockDevice { .. } => FileType::BlockDevice,
        Node::Fifo => FileType::Fifo,
        Node::Socket => FileType::Socket,
        Node::HardLink(_) => panic!("a hard link to a hard link"),
    };
    assert_eq!(found.file_type(), kind, "{shown}");
}

fn walk(reader: &Ext4, folder: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    found.insert(folder.to_vec());
    for entry in reader.read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if matches!(entry.file_name().as_ref(), b"." | b"..") {
            continue;
        }
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            walk(reader, path.as_ref(), found);
        } else {
            found.insert(path.as_ref().to_vec());
        }
    }
}
