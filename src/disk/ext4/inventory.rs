//! A tree's entries as inodes with numbers, names and link counts; nothing here knows about blocks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::dir::{FileType, MAX_NAME, Name};
use super::extent::BODY;
use super::geometry::BLOCK_BYTES;
use super::inode::{
    LOST_FOUND, ROOT, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK, check_time,
    device,
};
use crate::error::{Error, Kind, Result};
use crate::tree::{Content, Entry, MODE_BITS, Meta, Node, Tree, TreePath};
use crate::units::Timestamp;

/// The folder in which e2fsck puts files that lost their name.
const LOST_FOUND_NAME: &[u8] = b"lost+found";
/// The largest number of links of an inode (`EXT4_LINK_MAX`); a folder with more subfolders counts
/// 1 (`dir_nlink`).
const MAX_LINKS: u32 = 65_000;

/// What an inode is.
#[derive(Debug)]
pub(super) enum Body<'a> {
    File(&'a Content),
    Folder {
        names: Vec<Name<'a>>,
        parent: u32,
    },
    Symlink(&'a [u8]),
    /// A device, a pipe or a socket: the type in the mode, the type in folders, and `i_block`.
    Special(u16, FileType, Box<[u8; BODY]>),
}

/// One inode.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub path: &'a [u8],
    pub meta: Cow<'a, Meta>,
    pub body: Body<'a>,
    links: u32,
}

impl Item<'_> {
    pub fn mode(&self) -> u16 {
        let kind = match self.body {
            Body::File(_) => S_IFREG,
            Body::Folder { .. } => S_IFDIR,
            Body::Symlink(_) => S_IFLNK,
            Body::Special(kind, ..) => kind,
        };
        kind | self.meta.mode & MODE_BITS
    }

    pub fn links(&self) -> u16 {
        if self.links > MAX_LINKS { 1 } else { self.links as u16 }
    }

    fn kind(&self) -> FileType {
        match self.body {
            Body::File(_) => FileType::Regular,
            Body::Folder { .. } => FileType::Directory,
            Body::Symlink(_) => FileType::Symlink,
            Body::Special(_, kind, _) => kind,
        }
    }

    /// An error about this inode.
    pub fn blame(&self, error: Error) -> Error {
        blame(self.path, error)
    }
}

/// All inodes: the root, lost+found, and the others in the tree's order, those that this image alone may have behind all
/// that its base has: a file more or less of a customer does not give the base's files other numbers.
#[derive(Debug)]
pub(super) struct Inventory<'a> {
    pub items: Vec<Item<'a>>,
    by_path: HashMap<&'a [u8], usize>,
}

/// The number of the inode at an index of [`Inventory::items`].
pub(super) fn number(index: usize) -> u32 {
    if index == 0 { ROOT } else { LOST_FOUND - 1 + index as u32 }
}

impl<'a> Inventory<'a> {
    /// Numbers the tree's entries. A missing root folder or lost+found is created (owned by root,
    /// 0755 and 0700, from `time`): a tree without entries is an empty filesystem, and fsck expects
    /// lost+found.
    pub fn of(tree: &'a Tree, time: Timestamp) -> Result<Self> {
        let mut inventory = Self {
            items: Vec::with_capacity(tree.len() + 2),
            by_path: HashMap::with_capacity(tree.len() + 2),
        };
        inventory.add_fixed(tree, b"", 0o755, time)?;
        let lost_found = inventory.add_fixed(tree, LOST_FOUND_NAME, 0o700, time)?;
        let inodes = || {
            tree.into_iter().filter(|(path, entry)| {
                let is_fixed = path.is_root() || path.as_bytes() == LOST_FOUND_NAME;
                !is_fixed && !matches!(entry.node, Node::HardLink(_))
            })
        };
        // what is added to a base has the time of the image
        for is_added in [false, true] {
            for (path, entry) in inodes().filter(|(_, e)| (e.meta.mtime == time) == is_added) {
                inventory.add(path.as_bytes(), entry)?;
            }
        }
        let mut hard_links = Vec::new();
        for (path, entry) in tree {
            match &entry.node {
                _ if path.is_root() => {}
                Node::HardLink(target) => hard_links.push((path.as_bytes(), target)),
                _ => {
                    let index = inventory.by_path[path.as_bytes()];
                    inventory.add_name(path.as_bytes(), index)?;
                }
            }
        }
        if tree.get(LOST_FOUND_NAME).is_none() {
            inventory.add_name(LOST_FOUND_NAME, lost_found)?;
        }
        for (path, target) in hard_links {
            inventory.add_hard_link(path, target).map_err(|e| blame(path, e))?;
        }
        Ok(inventory)
    }

    /// The number of inodes in use, including the reserved ones.
    pub fn inodes(&self) -> u64 {
        u64::from(LOST_FOUND) + self.items.len() as u64 - 2
    }

    fn add_fixed(
        &mut self,
        tree: &'a Tree,
        path: &'static [u8],
        mode: u16,
        time: Timestamp,
    ) -> Result<usize> {
        let meta = match tree.get(path) {
            None => Cow::Owned(Meta::root(mode, time)),
            Some(Entry { meta, node: Node::Directory }) => Cow::Borrowed(meta),
            Some(_) => return Err(blame(path, Error::new(Kind::Input, "it is not a folder"))),
        };
        let body = Body::Folder { names: Vec::new(), parent: ROOT };
        self.push(Item { path, meta, body, links: 2 })
    }

    fn push(&mut self, item: Item<'a>) -> Result<usize> {
        check_time(item.meta.mtime).map_err(|e| item.blame(e))?;
        let index = self.items.len();
        self.by_path.insert(item.path, index);
        self.items.push(item);
        Ok(index)
    }

    fn add(&mut self, path: &'a [u8], entry: &'a Entry) -> Result<()> {
        let body = body(&entry.node).map_err(|e| blame(path, e))?;
        let links = if matches!(body, Body::Folder { .. }) { 2 } else { 1 };
        self.push(Item { path, meta: Cow::Borrowed(&entry.meta), body, links }).map(drop)
    }

    /// Puts the name into the folder above, and the folder's number into a folder of that name.
    fn add_name(&mut self, path: &'a [u8], index: usize) -> Result<()> {
        let (folder, name) = split(path);
        if name.len() > MAX_NAME {
            let message = format!("the name has {} bytes, ext4 has {MAX_NAME}", name.len());
            return Err(blame(path, Error::new(Kind::Input, message).remedy("shorten the name")));
        }
        let Some(&above) = self.by_path.get(folder) else {
            let error = Error::new(Kind::Input, "the folder above it is not in the tree");
            return Err(blame(path, error.remedy("add the folder, with its mode and owner")));
        };
        let entry = Name { name, inode: number(index), kind: self.items[index].kind() };
        let Item { body: Body::Folder { names, .. }, links, .. } = &mut self.items[above] else {
            return Err(blame(path, Error::new(Kind::Input, "what is above it is not a folder")));
        };
        names.push(entry);
        if entry.kind == FileType::Directory {
            *links += 1;
        }
        if let Body::Folder { parent, .. } = &mut self.items[index].body {
            *parent = number(above);
        }
        Ok(())
    }

    fn add_hard_link(&mut self, path: &'a [u8], target: &TreePath) -> Result<()> {
        let Some(&index) = self.by_path.get(target.as_bytes()) else {
            let message =
                format!("{target}, which it is a hard link to, is not a file in the tree");
            return Err(Error::new(Kind::Input, message).remedy("add the file, or remove the link"));
        };
        let item = &mut self.items[index];
        if matches!(item.body, Body::Folder { .. }) {
            let message = format!("{target}, which it is a hard link to, is a folder");
            return Err(Error::new(Kind::Input, message).remedy("use a symbolic link"));
        }
        item.links += 1;
        if item.links > MAX_LINKS {
            let message = format!("{target} has more than {MAX_LINKS} hard links");
            return Err(Error::new(Kind::Input, message).remedy("copy the file for some of them"));
        }
        self.add_name(path, index)
    }
}

fn body(node: &Node) -> Result<Body<'_>> {
    let special = |mode, kind, body| Ok(Body::Special(mode, kind, Box::new(body)));
    match node {
        Node::File(content) => Ok(Body::File(content)),
        Node::Directory => Ok(Body::Folder { names: Vec::new(), parent: ROOT }),
        Node::Symlink(target) if target.is_empty() || target.len() >= BLOCK_BYTES => {
            let message = format!("a symbolic link to {} bytes is refused", target.len());
            Err(Error::new(Kind::Input, message).remedy("use a target of 1 to 4095 bytes"))
        }
        Node::Symlink(target) => Ok(Body::Symlink(target)),
        Node::CharDevice { major, minor } => {
            special(S_IFCHR, FileType::CharDevice, device(*major, *minor)?)
        }
        Node::BlockDevice { major, minor } => {
            special(S_IFBLK, FileType::BlockDevice, device(*major, *minor)?)
        }
        Node::Fifo => special(S_IFIFO, FileType::Fifo, [0; BODY]),
        Node::Socket => special(S_IFSOCK, FileType::Socket, [0; BODY]),
        // handled after all others: its target may come later
        Node::HardLink(_) => Err(Error::new(Kind::Input, "a hard link is not an inode")),
    }
}

/// Folder and name of a path.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(cut) => (&path[..cut], &path[cut + 1..]),
        None => (b"", path),
    }
}

fn blame(path: &[u8], error: Error) -> Error {
    error.at(Path::new("/").join(OsStr::from_bytes(path)))
}
