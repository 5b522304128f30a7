//! The root filesystem as a value: ordered entries with everything that a filesystem stores about
//! them.

mod diff;
pub mod index;
mod path;
pub mod tar;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use diff::{Layer, apply, diff};
pub use path::TreePath;

use crate::error::{Context, Error, Kind, Result};
use crate::pack::Pack;
use crate::units::Timestamp;

/// Permission bits and set-id bits of a mode: no file type.
pub const MODE_BITS: u16 = 0o7777;

/// What every entry has, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Permission and set-id bits ([`MODE_BITS`]); the file type follows from the [`Node`].
    pub mode: u16,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Time of last modification; the other times of an image are equal to it.
    pub mtime: Timestamp,
    /// Extended attributes by full name (`security.capability`), values as the kernel gives them to
    /// `getxattr` (POSIX ACLs in the version 2 form, which ext4's writer converts).
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Meta {
    /// An entry owned by root, without extended attributes.
    pub fn root(mode: u16, mtime: Timestamp) -> Self {
        Self { mode, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() }
    }
}

/// Where a file's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In memory: for files that are small or made by us.
    Bytes(Arc<[u8]>),
    /// In a pack, from `offset` (a multiple of [`crate::pack::ALIGN`]), `length` bytes.
    Packed {
        /// The pack.
        pack: Arc<Pack>,
        /// Bytes from the pack's start.
        offset: u64,
        /// Bytes.
        length: u64,
    },
}

impl Content {
    /// The file's length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Packed { length, .. } => *length,
        }
    }

    /// Fills `buffer` from `offset` (bytes from the content's start; the buffer must end within
    /// it).
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let start = offset as usize;
                buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
                Ok(())
            }
            Self::Packed { pack, offset: base, .. } => pack.read_at(buffer, base + offset),
        }
    }

    /// Writes all of it to `out`.
    pub fn copy_to(&self, out: &mut impl std::io::Write) -> Result<()> {
        let mut buffer = vec![0; self.length().min(1 << 18) as usize];
        let mut done = 0;
        while done < self.length() {
            let step = (self.length() - done).min(buffer.len() as u64) as usize;
            self.read_at(&mut buffer[..step], done)?;
            out.write_all(&buffer[..step]).doing("cannot write a file's content")?;
            done += step as u64;
        }
        Ok(())
    }

    /// All of it in memory; for small files.
    pub fn read(&self) -> Result<Arc<[u8]>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::Packed { pack, offset, length } => {
                let mut bytes = vec![0; *length as usize];
                pack.read_at(&mut bytes, *offset)?;
                Ok(bytes.into())
            }
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes().into())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().into())
    }
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File(Content),
    /// A folder.
    Directory,
    /// A symbolic link with its target, as bytes.
    Symlink(Vec<u8>),
    /// Another name of the regular file at this path, which is never itself a hard link.
    HardLink(TreePath),
    /// A character device.
    CharDevice {
        /// Device number, major part.
        major: u32,
        /// Device number, minor part.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Device number, major part.
        major: u32,
        /// Device number, minor part.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// One name in the tree. For a hard link, `meta` is a copy; its target's counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Mode, owner, times, attributes.
    pub meta: Meta,
    /// Kind and content.
    pub node: Node,
}

impl Entry {
    /// Bytes of content; 0 for anything but a file, and for a file's further names.
    pub fn length(&self) -> u64 {
        match &self.node {
            Node::File(content) => content.length(),
            _ => 0,
        }
    }
}

/// A whole root filesystem. Iterates by path bytes, so a folder comes before what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<TreePath, Entry>,
}

impl Tree {
    /// An empty tree, without even a root folder.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entry at `path`.
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<&Entry> {
        self.entries.get(path.as_ref())
    }

    /// The regular file at `path`, hard links followed, symbolic links not.
    pub fn file(&self, path: impl AsRef<[u8]>) -> Option<&Content> {
        match &self.get(path)?.node {
            Node::File(content) => Some(content),
            Node::HardLink(target) => self.file(target),
            _ => None,
        }
    }

    /// Puts an entry, replacing what was there. The caller provides the parents.
    pub fn insert(&mut self, path: TreePath, entry: Entry) -> Option<Entry> {
        self.entries.insert(path, entry)
    }

    /// Removes the one entry at `path`, not those below it.
    pub fn remove(&mut self, path: impl AsRef<[u8]>) -> Option<Entry> {
        self.entries.remove(path.as_ref())
    }

    /// Removes `path` and everything below it; returns the number of entries removed.
    pub fn remove_all(&mut self, path: &TreePath) -> usize {
        let doomed: Vec<TreePath> =
            self.entries.keys().filter(|p| p.starts_with(path)).cloned().collect();
        doomed.iter().filter(|p| self.entries.remove(*p).is_some()).count()
    }

    /// All entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&TreePath, &Entry)> {
        self.entries.iter()
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no names.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts a file owned by root, and creates the missing folders above it (0755, root, same time).
    ///
    /// # Errors
    /// When something above `path` is not a folder: writing through a symbolic link would put the
    /// file where the running system does not look for it.
    pub fn put_file(
        &mut self,
        path: &str,
        mode: u16,
        mtime: Timestamp,
        content: impl Into<Content>,
    ) -> Result<()> {
        let node = Node::File(content.into());
        self.put(path, Entry { meta: Meta::root(mode, mtime), node })
    }

    /// Puts a folder owned by root; an existing one keeps its contents.
    pub fn put_directory(&mut self, path: &str, mode: u16, mtime: Timestamp) -> Result<()> {
        self.put(path, Entry { meta: Meta::root(mode, mtime), node: Node::Directory })
    }

    /// Puts a symbolic link owned by root.
    pub fn put_symlink(&mut self, path: &str, target: &str, mtime: Timestamp) -> Result<()> {
        let node = Node::Symlink(target.as_bytes().to_vec());
        self.put(path, Entry { meta: Meta::root(0o777, mtime), node })
    }

    /// Puts any entry, and creates the missing folders above it.
    pub fn put(&mut self, path: &str, entry: Entry) -> Result<()> {
        let path = TreePath::new(path.as_bytes())?;
        for parent in path.ancestors() {
            match self.entries.get(&parent) {
                Some(Entry { node: Node::Directory, .. }) => {}
                Some(_) => {
                    return Err(Error::new(
                        Kind::Input,
                        format!("cannot put {path}: {parent} is not a folder"),
                    )
                    .remedy("name the place without symbolic links in it"));
                }
                None => {
                    let meta = Meta::root(0o755, entry.meta.mtime);
                    self.insert(parent, Entry { meta, node: Node::Directory });
                }
            }
        }
        self.insert(path, entry);
        Ok(())
    }
}

impl From<Layer> for Tree {
    /// The tree that results from applying the difference to an empty one.
    fn from(layer: Layer) -> Self {
        Self { entries: layer.put }
    }
}

impl<'a> IntoIterator for &'a Tree {
    type Item = (&'a TreePath, &'a Entry);
    type IntoIter = std::collections::btree_map::Iter<'a, TreePath, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn putting_a_file_makes_the_folders_above_it() {
        let mut tree = Tree::new();
        tree.put_file("/etc/slipway/a.json", 0o644, Timestamp::default(), "x").unwrap();
        let names: Vec<String> = tree.iter().map(|(p, _)| p.to_string()).collect();
        assert_eq!(names, ["/", "/etc", "/etc/slipway", "/etc/slipway/a.json"]);
    }

    #[test]
    fn a_file_is_not_put_through_a_symbolic_link() {
        let mut tree = Tree::new();
        tree.put_symlink("/bin", "usr/bin", Timestamp::default()).unwrap();
        assert!(tree.put_file("/bin/x", 0o755, Timestamp::default(), "x").is_err());
    }

    #[test]
    fn removing_a_folder_takes_what_is_below_and_nothing_beside() {
        let mut tree = Tree::new();
        for path in ["/a/b", "/a/c/d", "/a.txt", "/ab"] {
            tree.put_file(path, 0o644, Timestamp::default(), "x").unwrap();
        }
        assert_eq!(tree.remove_all(&TreePath::new(b"a").unwrap()), 4);
        assert_eq!(tree.len(), 3);
    }
}
