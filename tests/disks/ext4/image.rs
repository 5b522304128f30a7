//! An image file made from a tree, and the judges' verdicts on it.

use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ext4_view::Ext4;
use slipway::disk::ext4::{self, Params};
use slipway::disk::{Disk, Extent};
use slipway::pack::{Pack, PackWriter};
use slipway::tree::{Entry, Meta, Node, Tree, TreePath};
use slipway::units::Timestamp;

use crate::common::contents;

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

/// A pack with these contents, each with its offset; the file is deleted, and only the handle is
/// left.
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
    /// Builds the tree and writes it to a sparse file. Extents that overlap or lie outside are
    /// refused.
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

    /// e2fsck ends with 0 and prints nothing but its passes and its summary.
    pub fn assert_clean(&self) {
        assert_clean(self.file.path());
    }

    /// What debugfs prints for one request.
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
        contents::reader(self.file.reopen().unwrap(), 0)
    }

    /// Every name of the tree is in the image, and no other name but lost+found is.
    pub fn assert_holds(&self, tree: &Tree) {
        contents::assert_holds(&self.reader(), tree);
    }
}

pub fn assert_clean(path: &Path) {
    let out = Command::new("e2fsck").arg("-fn").arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    let quiet = text.lines().all(|line| line.starts_with("Pass ") || line.contains(" files ("));
    assert!(out.status.success() && quiet, "{text}{errors}");
}
