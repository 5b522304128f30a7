//! The content of a root before packages are installed in it.

use crate::error::Result;
use crate::tree::{Content, Entry, Meta, Node, Tree, TreePath};
use crate::units::Timestamp;

use super::{LayerSpec, Root};

/// The files that dpkg leaves out of every package.
pub const DPKG: &str = include_str!("files/dpkg.cfg");
const INITRAMFS: &str = include_str!("files/initramfs.conf");
const INITRAMFS_HOOK: &str = include_str!("files/initramfs-hook");

/// All texts that go into a base, for the key of its cache entry.
pub const TEXTS: &str = concat!(
    include_str!("files/dpkg.cfg"),
    include_str!("files/initramfs.conf"),
    include_str!("files/initramfs-hook"),
);

/// Folders whose contents are left out, but which maintainer scripts expect: without man1,
/// update-alternatives fails in openjdk's script.
const WANTED_FOLDERS: [&str; 2] = ["/usr/share/man/man1", "/usr/share/man/man8"];

/// The files that a base has before its first package.
pub fn base() -> Result<Tree> {
    let time = Timestamp::default();
    let mut tree = Tree::new();
    for folder in WANTED_FOLDERS {
        tree.put_directory(folder, 0o755, time)?;
    }
    tree.put_file("/etc/dpkg/dpkg.cfg.d/90-slipway", 0o644, time, DPKG)?;
    tree.put_file("/etc/initramfs-tools/conf.d/slipway", 0o644, time, INITRAMFS)?;
    tree.put_file("/etc/initramfs-tools/hooks/slipway", 0o755, time, INITRAMFS_HOOK)?;
    Ok(tree)
}

/// A tree without device nodes, which a user namespace cannot make, and without sockets, which tar
/// does not know. Its /dev is empty, because mmdebstrap fills it itself and, in a user namespace,
/// stops at an existing link.
pub fn without_devices(tree: &Tree) -> Tree {
    let mut rest = Tree::new();
    let in_dev = |path: &TreePath| path.as_bytes().starts_with(b"dev/");
    for (path, entry) in tree.iter().filter(|(p, e)| !is_device(e) && !in_dev(p)) {
        rest.insert(path.clone(), entry.clone());
    }
    rest
}

/// The parent's tree and the layer's files.
pub fn layer(parent: &Root, spec: &LayerSpec) -> Result<Tree> {
    let mut tree = without_devices(&parent.tree);
    for folder in WANTED_FOLDERS {
        tree.put_directory(folder, 0o755, parent.time)?;
    }
    for (path, mode, bytes) in &spec.files {
        let node = Node::File(Content::from(bytes.clone()));
        tree.put(path, Entry { meta: Meta::root(*mode, parent.time), node })?;
    }
    Ok(tree)
}

/// Puts the parent's device nodes back, and removes those that the run made for itself.
pub fn restore_devices(tree: &mut Tree, parent: &Tree) {
    let dev = TreePath::new(b"dev").unwrap_or_default();
    let below: Vec<TreePath> =
        tree.iter().map(|(p, _)| p).filter(|p| p.starts_with(&dev)).cloned().collect();
    for path in below {
        tree.remove(&path);
    }
    let from_parent = parent.iter().filter(|(p, e)| p.starts_with(&dev) || is_device(e));
    for (path, entry) in from_parent {
        tree.insert(path.clone(), entry.clone());
    }
}

/// Gives every entry the time that it had in `before`, and new entries `time`: for a run that only
/// adds.
pub fn restore_times(tree: &mut Tree, before: &Tree, time: Timestamp) {
    let paths: Vec<TreePath> = tree.iter().map(|(path, _)| path.clone()).collect();
    for path in paths {
        let Some(mut entry) = tree.remove(&path) else { continue };
        entry.meta.mtime = before.get(&path).map_or(time, |before| before.meta.mtime);
        tree.insert(path, entry);
    }
}

fn is_device(entry: &Entry) -> bool {
    matches!(entry.node, Node::CharDevice { .. } | Node::BlockDevice { .. } | Node::Socket)
}
