//! An image file made from a tree, and what judges say of it.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ext4_view::{Ext4, Ext4Read, FileType};
use slipway::disk::ext4::{self, Params};
use slipway::disk::{Disk, Extent};
use slipway::pack::{Pack, PackWriter};
use slipway::tree::{Entry, Meta, Node, Tree, TreePath};
use slipway::units::Timestamp;

pub const TIME: Timestamp = Timestamp { seconds: 1_790_000_000, nanos: 0 };

pub fn params(size: u64) -> Params {
    Params {
        size,
        uuid: *b"0123456789abcdef",
        hash_seed: *b"fedcba9876543210",
        time: TIME,
        label: "root".into(),
    }
}

pub fn path(name: &[u8]) -> TreePath {
    TreePath::new(name).unwrap()
}

pub fn node(node: Node) -> Entry {
    Entry {
        meta: Meta::root(0o640, Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 }),
        node,
    }
}

pub fn folder() -> Entry {
    node(Node::Directory)
}

pub fn file(bytes: impl Into<Vec<u8>>) -> Entry {
    node(Node::File(bytes.into().into()))
}

/// A pack with these contents, each with its offset; the file is gone, only the handle is left.
pub fn pack(contents: &[&[u8]]) -> (Arc<Pack>, Vec<u64>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = PackWriter::create(file.path()).unwrap();
    let offsets = contents.iter().map(|content| writer.add(*content).unwrap().0).collect();
    let (digest, _) = writer.finish().unwrap();
    (Pack::open(file.path(), digest).unwrap(), offsets)
}

pub struct Image {
    pub file: tempfile::NamedTempFile,
    pub extents: Vec<Extent>,
}

impl Image {
    /// Builds the tree and writes it to a sparse file. What lies over one another or outside is refused.
    pub fn of(tree: &Tree, packs: &[Arc<Pack>], size: u64) -> Self {
        Self::of_extents(ext4::build(tree, packs, &params(size)).unwrap(), size)
    }

    /// Writes extents to a sparse file.
    pub fn of_extents(extents: Vec<Extent>, size: u64) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(size).unwrap();
        for extent in Disk::new(size, extents.clone()).unwrap().extents() {
            let mut buffer = vec![0; extent.data.length() as usize];
            extent.data.read_at(&mut buffer, 0).unwrap();
            file.as_file().write_all_at(&buffer, extent.offset).unwrap();
        }
        Self { file, extents }
    }

    /// e2fsck ends with 0 and says nothing but its passes and its summary.
    pub fn assert_clean(&self) {
        assert_clean(self.file.path());
    }

    /// What debugfs prints on one request.
    pub fn debugfs(&self, request: &[u8]) -> String {
        let mut requests = tempfile::NamedTempFile::new().unwrap();
        requests.write_all(request).unwrap();
        let out = Command::new("debugfs")
            .env("TZ", "UTC")
            .env("DEBUGFS_PAGER", "__none__")
            .arg("-f")
            .arg(requests.path())
            .arg(self.file.path())
            .output()
            .unwrap();
        assert!(out.status.success());
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    pub fn stat(&self, path: &[u8]) -> String {
        self.debugfs(&[b"stat \"/", path, b"\"\n"].concat())
    }

    /// An attribute's value, as debugfs writes it to a file.
    pub fn attribute(&self, path: &str, name: &str) -> Vec<u8> {
        let out = tempfile::NamedTempFile::new().unwrap();
        self.debugfs(format!("ea_get -f {} /{path} {name}\n", out.path().display()).as_bytes());
        std::fs::read(out.path()).unwrap()
    }

    pub fn reader(&self) -> Ext4 {
        Ext4::load(Box::new(Reader(self.file.reopen().unwrap()))).unwrap()
    }

    /// Every name of the tree is in the image with its kind, mode, owner, time and content, by ext4-view,
    /// and no other name but lost+found is.
    pub fn assert_holds(&self, tree: &Tree) {
        let reader = self.reader();
        let mut names = BTreeSet::new();
        for (path, entry) in tree {
            let entry = match &entry.node {
                Node::HardLink(target) => tree.get(target).unwrap(),
                _ => entry,
            };
            assert_equal(&reader, &absolute(path), entry);
            names.insert(absolute(path));
        }
        names.extend([b"/".to_vec(), b"/lost+found".to_vec()]);
        let mut found = BTreeSet::new();
        walk(&reader, b"/", &mut found);
        assert_eq!(found, names);
    }
}

pub fn assert_clean(path: &Path) {
    let out = Command::new("e2fsck").arg("-fn").arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    let quiet = text.lines().all(|line| line.starts_with("Pass ") || line.contains(" files ("));
    assert!(out.status.success() && quiet, "{text}{errors}");
}

struct Reader(std::fs::File);

impl Ext4Read for Reader {
    fn read(&mut self, at: u64, to: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.0.read_exact_at(to, at)?)
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
