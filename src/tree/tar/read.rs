//! From an archive's members to a tree: hard links settled, contents copied into a pack.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::scan::{Member, MemberKind, Scanner};
use crate::error::{Context, Error, Kind, Result};
use crate::pack::{Pack, PackWriter};
use crate::progress::Progress;
use crate::tree::{Content, Entry, Meta, Node, Tree, TreePath};
use crate::units::Timestamp;

/// A scanned archive: everything that a tree has, with the contents still in the archive.
#[derive(Debug)]
pub struct Archive {
    file: File,
    path: PathBuf,
    entries: BTreeMap<TreePath, (Meta, Found)>,
}

#[derive(Debug)]
enum Found {
    File { offset: u64, length: u64 },
    Other(Node),
}

/// Reads a whole archive: contents go into a new pack at `pack`.
pub fn read(archive: &Path, pack: &Path, progress: &dyn Progress) -> Result<Tree> {
    Ok(Archive::open(archive)?.into_tree(pack, None, progress)?.0)
}

impl Archive {
    /// Scans the headers of an uncompressed archive.
    ///
    /// # Errors
    /// Damage, and anything that cannot be kept exactly (sparse files, textual ACLs), is an error
    /// with the offset.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).at("cannot open the archive", path)?;
        let mut scanner = Scanner::new(&file, path)?;
        let mut names = Names::default();
        while let Some(Member { path: name, meta, kind }) = scanner.next_member()? {
            let found = match kind {
                MemberKind::File { offset, length } => Found::File { offset, length },
                MemberKind::Directory => Found::Other(Node::Directory),
                MemberKind::Symlink(target) => Found::Other(Node::Symlink(target)),
                MemberKind::CharDevice(major, minor) => {
                    Found::Other(Node::CharDevice { major, minor })
                }
                MemberKind::BlockDevice(major, minor) => {
                    Found::Other(Node::BlockDevice { major, minor })
                }
                MemberKind::Fifo => Found::Other(Node::Fifo),
                MemberKind::HardLink(target) => {
                    names.link(name, &target).map_err(|e| e.at(path))?;
                    continue;
                }
            };
            names.put(name, meta, found);
        }
        let mut entries = names.settle();
        complete_folders(&mut entries).map_err(|e| e.at(path))?;
        Ok(Self { file, path: path.to_owned(), entries })
    }

    /// Whether it has an entry of this name.
    pub fn holds(&self, path: impl AsRef<[u8]>) -> bool {
        self.entries.contains_key(path.as_ref())
    }

    /// Forgets the entries for which `keep` says no. It is asked about each entry, also below a
    /// folder.
    ///
    /// A further name of a forgotten file takes its place.
    pub fn retain(&mut self, keep: impl Fn(&TreePath) -> bool) {
        let doomed: Vec<TreePath> = self.entries.keys().filter(|p| !keep(p)).cloned().collect();
        for path in doomed {
            if let Some(gone) = self.entries.remove(&path) {
                self.rename_links(&path, gone);
            }
        }
    }

    fn rename_links(&mut self, gone: &TreePath, content: (Meta, Found)) {
        if !matches!(content.1, Found::File { .. }) {
            return;
        }
        let is_link = |found: &Found| matches!(found, Found::Other(Node::HardLink(t)) if t == gone);
        let mut links = self.entries.iter_mut().filter(|(_, (_, found))| is_link(found));
        let Some((heir, first)) = links.next() else { return };
        *first = content;
        for (_, (_, found)) in links {
            *found = Found::Other(Node::HardLink(heir.clone()));
        }
    }

    /// Copies the contents into a new pack at `pack`, in the tree's order; returns the tree and the
    /// pack.
    ///
    /// A file with the same bytes as the file at the same path of `parent` refers to the parent's
    /// content instead, so that a layer's pack holds only what the layer adds.
    pub fn into_tree(
        self,
        pack: &Path,
        parent: Option<&Tree>,
        progress: &dyn Progress,
    ) -> Result<(Tree, Arc<Pack>)> {
        let Self { file, path, entries } = self;
        let mut source =
            TarSource { reader: BufReader::with_capacity(1 << 18, &file), path: &path };
        let mut writer = PackWriter::create(pack)?;
        let mut packed = BTreeMap::new();
        let mut tree = Tree::new();
        for (path, (meta, found)) in entries {
            let (offset, length) = match found {
                Found::Other(node) => {
                    tree.insert(path, Entry { meta, node });
                    continue;
                }
                Found::File { offset, length } => (offset, length),
            };
            progress.go_on()?;
            progress.advance(length);
            if let Some(content) = source.known(&path, offset, length, parent)? {
                tree.insert(path, Entry { meta, node: Node::File(content) });
            } else {
                let added = writer.add(source.content(offset, length)?);
                // an error about the pack names it itself
                let (at, _) =
                    added.map_err(|e| if e.path().is_none() { e.at(source.path) } else { e })?;
                packed.insert(path, (meta, at, length));
            }
        }
        let pack = writer.open()?;
        for (path, (meta, offset, length)) in packed {
            let content = Content::Packed { pack: pack.clone(), offset, length };
            tree.insert(path, Entry { meta, node: Node::File(content) });
        }
        Ok((tree, pack))
    }
}

/// The archive's bytes.
struct TarSource<'a> {
    reader: BufReader<&'a File>,
    path: &'a Path,
}

impl<'a> TarSource<'a> {
    fn content(&mut self, offset: u64, length: u64) -> Result<impl Read> {
        self.reader.seek(SeekFrom::Start(offset)).at("cannot seek", self.path)?;
        Ok((&mut self.reader).take(length))
    }

    /// The content if it needs no place in the pack: it is empty, or the parent has it at the same
    /// path.
    fn known(
        &mut self,
        path: &TreePath,
        offset: u64,
        length: u64,
        parent: Option<&Tree>,
    ) -> Result<Option<Content>> {
        if length == 0 {
            return Ok(Some(Content::Bytes(Arc::new([]))));
        }
        match parent.and_then(|parent| parent.file(path)) {
            Some(content) if self.equals(offset, length, content)? => Ok(Some(content.clone())),
            _ => Ok(None),
        }
    }

    fn equals(&mut self, offset: u64, length: u64, known: &Content) -> Result<bool> {
        if known.length() != length {
            return Ok(false);
        }
        let archive = self.path;
        let mut mine = self.content(offset, length)?;
        let mut ours = vec![0; 1 << 16];
        let mut theirs = vec![0; 1 << 16];
        let mut done = 0;
        while done < length {
            let step = (length - done).min(ours.len() as u64) as usize;
            mine.read_exact(&mut ours[..step]).at("cannot read the archive", archive)?;
            known.read_at(&mut theirs[..step], done)?;
            if ours[..step] != theirs[..step] {
                return Ok(false);
            }
            done += step as u64;
        }
        Ok(true)
    }
}

/// The names that the archive has assigned so far. A member that uses a name again takes it from
/// the earlier file, which stays under its other names.
#[derive(Default)]
struct Names {
    /// Indexes into `inodes`.
    names: BTreeMap<TreePath, usize>,
    inodes: Vec<(Meta, Found)>,
}

impl Names {
    fn put(&mut self, name: TreePath, meta: Meta, found: Found) {
        self.names.insert(name, self.inodes.len());
        self.inodes.push((meta, found));
    }

    /// # Errors
    /// A link to a name that the archive has not had before, or to a folder: every extractor
    /// refuses it.
    fn link(&mut self, name: TreePath, target: &TreePath) -> Result<()> {
        let Some(inode) = self.names.get(target) else {
            let message =
                format!("{name} is a hard link to {target}, which the archive does not hold");
            return Err(Error::new(Kind::Damaged, message));
        };
        // an empty folder in its place would be a loss, and no filesystem has such links
        if matches!(self.inodes[*inode].1, Found::Other(Node::Directory)) {
            let message = format!("{name} is a hard link to {target}, which is a folder");
            return Err(Error::new(Kind::Damaged, message));
        }
        self.names.insert(name, *inode);
        Ok(())
    }

    /// Makes a file's first name, in the tree's order, the file itself, and its other names hard
    /// links to it. Which name comes first in an archive depends on the folder order of the machine
    /// that wrote it.
    fn settle(self) -> BTreeMap<TreePath, (Meta, Found)> {
        let mut inodes: Vec<_> = self.inodes.into_iter().map(|(meta, f)| (meta, Some(f))).collect();
        let mut first: BTreeMap<usize, (TreePath, Option<Node>)> = BTreeMap::new();
        let mut entries = BTreeMap::new();
        for (name, inode) in self.names {
            let (meta, content) = &mut inodes[inode];
            let found = match (content.take(), first.get(&inode)) {
                (Some(found), _) => {
                    // our trees have hard links only to files: a second name of a symbolic link
                    // becomes a copy of it
                    let copy = match &found {
                        Found::File { .. } => None,
                        Found::Other(node) => Some(node.clone()),
                    };
                    first.insert(inode, (name.clone(), copy));
                    found
                }
                (None, Some((_, Some(copy)))) => Found::Other(copy.clone()),
                (None, Some((head, None))) => Found::Other(Node::HardLink(head.clone())),
                (None, None) => continue,
            };
            entries.insert(name, (meta.clone(), found));
        }
        entries
    }
}

/// Adds the folders that the archive left out, and refuses names below something that is not a
/// folder.
fn complete_folders(entries: &mut BTreeMap<TreePath, (Meta, Found)>) -> Result<()> {
    let is_folder = |(_, found): &(Meta, Found)| matches!(found, Found::Other(Node::Directory));
    if entries.get(&TreePath::root()).is_some_and(|root| !is_folder(root)) {
        return Err(Error::new(Kind::Damaged, "the archive's root is no folder"));
    }
    let mut missing = LeftOut::default();
    for path in entries.keys() {
        let mut above = path.parent();
        // the folders above an existing folder are checked when that folder's turn comes
        while let Some(folder) = above {
            match entries.get(&folder) {
                Some(found) if is_folder(found) => break,
                Some(_) => {
                    let message = format!("{folder} has names below it and is no folder");
                    return Err(Error::new(Kind::Damaged, message));
                }
                None if !missing.add(&folder)? => break,
                None => above = folder.parent(),
            }
        }
    }
    let folder = || (Meta::root(0o755, Timestamp::default()), Found::Other(Node::Directory));
    entries.extend(missing.folders.into_iter().map(|path| (path, folder())));
    Ok(())
}

/// How many folders an archive may leave out, and how many bytes their names may have together.
/// Anything else that we keep takes as much room in the archive; these cost it only a few bytes
/// each.
const LEFT_OUT_MAX: (usize, usize) = (100_000, 16 << 20);

/// Folders that the archive left out.
#[derive(Default)]
struct LeftOut {
    folders: BTreeSet<TreePath>,
    bytes: usize,
}

impl LeftOut {
    /// Adds a folder, and says whether it is new.
    fn add(&mut self, folder: &TreePath) -> Result<bool> {
        if !self.folders.insert(folder.clone()) {
            return Ok(false);
        }
        self.bytes += folder.as_bytes().len();
        if self.folders.len() <= LEFT_OUT_MAX.0 && self.bytes <= LEFT_OUT_MAX.1 {
            return Ok(true);
        }
        Err(Error::new(Kind::Damaged, "the archive leaves out too many of its folders")
            .remedy("write it with tar, which puts every folder into it"))
    }
}
