//! Goes through the folders of the root filesystem.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, EntryKind, shown};
use crate::error::Result;
use crate::inspect::ext::extents::{self, Run};
use crate::inspect::ext::folder;
use crate::inspect::ext::volume::{Inode, ROOT, Volume};
use crate::inspect::source::le;
use crate::progress::Progress;
use crate::units::MIB;

/// Limits of what is believed: names in all folders, bytes of all paths, bytes of all folders, and bytes of one path
/// (`PATH_MAX` of Linux).
const NAMES: usize = 4 << 20;
const PATHS: usize = 512 * MIB as usize;
const FOLDERS: u64 = 256 * MIB;
const LONGEST: usize = 4096;
/// Symbolic links up to this length are in the inode (Documentation/filesystems/ext4/ifork.rst).
const SHORT_LINK: u64 = 60;
/// Types in `i_mode` (inodes.rst).
const TYPE: u16 = 0xF000;
const PERMISSIONS: u16 = 0o7777;

/// The permission of everybody to read a file, and to look for a name in a folder.
const MAY_READ: u16 = 0o004;
const MAY_SEARCH: u16 = 0o001;

/// A folder that is still to be read.
struct Folder {
    inode: Inode,
    path: Vec<u8>,
    /// Whether everybody may look for names in it.
    open: bool,
}

/// All names, sorted, and for each the inode whose bytes are the file's; none for a name without bytes of its own.
pub(super) fn entries(
    volume: &Volume,
    progress: &dyn Progress,
) -> Result<Vec<(Entry, Option<Inode>)>> {
    let root = volume.inode(ROOT)?;
    let mut search = Search {
        volume,
        found: BTreeMap::new(),
        seen: BTreeSet::from([ROOT]),
        paths: 0,
        folders: 0,
    };
    let mut left =
        vec![Folder { open: root.mode & MAY_SEARCH != 0, inode: root, path: Vec::new() }];
    while let Some(folder) = left.pop() {
        progress.go_on()?;
        search.read(&folder, &mut left)?;
    }
    search.finish()
}

struct Search<'a> {
    volume: &'a Volume,
    /// By path: the inode, and whether everybody gets there.
    found: BTreeMap<Vec<u8>, (Inode, bool)>,
    /// Folders; a folder with two names would be a circle.
    seen: BTreeSet<u32>,
    paths: usize,
    folders: u64,
}

impl Search<'_> {
    fn read(&mut self, folder: &Folder, left: &mut Vec<Folder>) -> Result<()> {
        let endless =
            || self.volume.damaged("its folders have too many names, or contain themselves", 0);
        self.folders = self.folders.saturating_add(folder.inode.size);
        if self.folders > FOLDERS {
            return Err(endless());
        }
        for (number, name) in folder::names(self.volume, &whole(self.volume, &folder.inode)?)? {
            let path = [&folder.path[..], b"/", &name].concat();
            self.paths += path.len();
            if path.len() > LONGEST || self.paths > PATHS || self.found.len() >= NAMES {
                return Err(endless());
            }
            let inode = self.volume.inode(number)?;
            if kind(&inode) == EntryKind::Folder {
                if !self.seen.insert(number) {
                    return Err(endless());
                }
                let open = folder.open && inode.mode & MAY_SEARCH != 0;
                left.push(Folder { inode: inode.clone(), path: path.clone(), open });
            }
            self.found.insert(path, (inode, folder.open));
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<(Entry, Option<Inode>)>> {
        let mut first: BTreeMap<u32, String> = BTreeMap::new();
        let mut entries = Vec::with_capacity(self.found.len());
        for (path, (inode, open)) in self.found {
            let path = shown(&path);
            let mut entry = entry(self.volume, path.clone(), &inode)?;
            entry.public = open && inode.mode & MAY_READ != 0;
            match first.get(&inode.number) {
                Some(name) => {
                    entry = Entry {
                        kind: EntryKind::HardLink,
                        target: Some(name.clone()),
                        size: None,
                        device: None,
                        ..entry
                    };
                    entries.push((entry, None));
                }
                None => {
                    first.insert(inode.number, path);
                    let file = entry.kind == EntryKind::File;
                    entries.push((entry, file.then_some(inode)));
                }
            }
        }
        entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        Ok(entries)
    }
}

fn kind(inode: &Inode) -> EntryKind {
    match inode.mode & TYPE {
        0x8000 => EntryKind::File,
        0x4000 => EntryKind::Folder,
        0xA000 => EntryKind::Symlink,
        0x2000 => EntryKind::CharDevice,
        0x6000 => EntryKind::BlockDevice,
        0x1000 => EntryKind::Fifo,
        0xC000 => EntryKind::Socket,
        _ => EntryKind::Other,
    }
}

fn entry(volume: &Volume, path: String, inode: &Inode) -> Result<Entry> {
    let kind = kind(inode);
    let (mut size, mut target, mut numbers) = (None, None, None);
    match kind {
        EntryKind::File => size = Some(inode.size),
        EntryKind::Symlink => target = Some(shown(&link(volume, inode)?)),
        EntryKind::CharDevice | EntryKind::BlockDevice => numbers = Some(device(inode)),
        EntryKind::Folder | EntryKind::Fifo | EntryKind::Socket => {}
        EntryKind::HardLink | EntryKind::Other => {
            return Err(volume.damaged(format!("{path} has an unknown type"), 0));
        }
    }
    let (mode, uid, gid) = (inode.mode & PERMISSIONS, inode.uid, inode.gid);
    Ok(Entry {
        path,
        kind,
        mode,
        uid,
        gid,
        size,
        target,
        device: numbers,
        sha256: None,
        public: false,
    })
}

fn link(volume: &Volume, inode: &Inode) -> Result<Vec<u8>> {
    if inode.size < SHORT_LINK {
        return Ok(inode.body[..inode.size as usize].to_vec());
    }
    if inode.size > LONGEST as u64 {
        return Err(
            volume.damaged(format!("inode {} is a link of an impossible length", inode.number), 0)
        );
    }
    whole(volume, inode)
}

/// Small numbers are in the old form, others in the new (`old_decode_dev`, `new_decode_dev` in include/linux/kdev_t.h).
fn device(inode: &Inode) -> (u32, u32) {
    match le::u32_at(&inode.body, 0) {
        0 => {
            let new = le::u32_at(&inode.body, 4);
            ((new & 0xF_FF00) >> 8, new & 0xFF | new >> 12 & 0xF_FF00)
        }
        old => (old >> 8 & 0xFF, old & 0xFF),
    }
}

/// All bytes of a folder or a link, whose length was checked: they have no holes.
fn whole(volume: &Volume, inode: &Inode) -> Result<Vec<u8>> {
    let runs = extents::runs(volume, inode)?;
    let blocks: u64 = runs.iter().map(|run| run.length).sum();
    if blocks * volume.block < inode.size {
        return Err(volume.damaged(format!("inode {} has no place for its bytes", inode.number), 0));
    }
    let mut bytes = vec![0; inode.size as usize];
    let mut left = &mut bytes[..];
    for Run { physical, length, .. } in runs {
        let (part, rest) =
            left.split_at_mut((length * volume.block).min(left.len() as u64) as usize);
        volume.read(part, volume.place(physical)?)?;
        left = rest;
    }
    Ok(bytes)
}
