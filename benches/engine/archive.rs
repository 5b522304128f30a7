//! The input of the first rows: one tar, read in the same way for us and for the crate we compare
//! with.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use mkext4::sink::FileSink;
use mkext4::{FsBuilder, InodeHandle, Meta, Options, ROOT, SpecialKind};
use slipway::pack::Pack;
use slipway::tree::{self, Content, Entry, Node, Tree, TreePath};
use slipway::units::{Digest, Timestamp};

/// One member, as the tar crate returns it.
pub struct Member {
    path: Vec<u8>,
    meta: tree::Meta,
    kind: Kind,
}

enum Kind {
    File { offset: u64, length: u64 },
    Directory,
    Symlink(Vec<u8>),
    HardLink(Vec<u8>),
    Char(u32, u32),
    Block(u32, u32),
    Fifo,
}

fn trimmed(path: &[u8]) -> Vec<u8> {
    let path = path.strip_prefix(b".").unwrap_or(path);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    path.strip_suffix(b"/").unwrap_or(path).to_vec()
}

/// An archive's file. The tar crate seeks before each header, even to the next byte, and a buffered
/// reader discards its buffer at every seek; this one keeps it where it can.
struct Headers {
    file: BufReader<File>,
    at: u64,
}

impl Headers {
    fn open(path: &Path) -> Self {
        // enough for a header and its neighbours: after large contents the buffer is filled anew
        let file = BufReader::with_capacity(8 << 10, File::open(path).unwrap());
        Self { file, at: 0 }
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Headers {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(distance) => {
                self.file.seek_relative(distance)?;
                self.at = self.at.wrapping_add_signed(distance);
            }
            SeekFrom::Start(_) | SeekFrom::End(_) => self.at = self.file.seek(to)?,
        }
        Ok(self.at)
    }
}

/// The headers of an archive; the contents stay where they are.
pub fn members(path: &Path) -> Vec<Member> {
    let mut archive = tar::Archive::new(Headers::open(path));
    archive.entries_with_seek().unwrap().map(|entry| member(&mut entry.unwrap())).collect()
}

fn member<R: Read>(entry: &mut tar::Entry<'_, R>) -> Member {
    let mut xattrs = BTreeMap::new();
    let mut nanos = 0;
    if let Some(extensions) = entry.pax_extensions().unwrap() {
        for extension in extensions.map(Result::unwrap) {
            let (key, value) = (extension.key_bytes(), extension.value_bytes());
            if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                xattrs.insert(name.to_vec(), value.to_vec());
            } else if key == b"mtime" {
                let text = std::str::from_utf8(value).unwrap();
                let digits = text.split_once('.').map_or("0", |(_, fraction)| fraction);
                nanos = format!("{digits:0<9}").parse().unwrap();
            }
        }
    }
    let header = entry.header();
    let device =
        || (header.device_major().unwrap().unwrap(), header.device_minor().unwrap().unwrap());
    let link = || entry.link_name_bytes().unwrap().into_owned();
    let kind = match header.entry_type() {
        tar::EntryType::Directory => Kind::Directory,
        tar::EntryType::Symlink => Kind::Symlink(link()),
        tar::EntryType::Link => Kind::HardLink(trimmed(&link())),
        tar::EntryType::Char => Kind::Char(device().0, device().1),
        tar::EntryType::Block => Kind::Block(device().0, device().1),
        tar::EntryType::Fifo => Kind::Fifo,
        _ => Kind::File { offset: entry.raw_file_position(), length: entry.size() },
    };
    let meta = tree::Meta {
        mode: header.mode().unwrap() as u16 & tree::MODE_BITS,
        uid: header.uid().unwrap() as u32,
        gid: header.gid().unwrap() as u32,
        mtime: Timestamp { seconds: header.mtime().unwrap() as i64, nanos },
        xattrs,
    };
    Member { path: trimmed(&entry.path_bytes()), meta, kind }
}

/// The archive as our tree: contents stay in it.
pub fn tree(archive: &Path) -> Tree {
    // the digest only distinguishes packs
    let pack = Pack::open(archive, Digest::of("the archive")).unwrap();
    let mut tree = Tree::new();
    for Member { path, meta, kind } in members(archive) {
        let node = match kind {
            Kind::File { offset, length } => {
                Node::File(Content::Packed { pack: pack.clone(), offset, length })
            }
            Kind::Directory => Node::Directory,
            Kind::Symlink(target) => Node::Symlink(target),
            Kind::HardLink(target) => Node::HardLink(TreePath::new(&target).unwrap()),
            Kind::Char(major, minor) => Node::CharDevice { major, minor },
            Kind::Block(major, minor) => Node::BlockDevice { major, minor },
            Kind::Fifo => Node::Fifo,
        };
        tree.insert(TreePath::new(&path).unwrap(), Entry { meta, node });
    }
    tree
}

/// Feeds the same archive to the crate mkext4: a filesystem of `size` bytes in a file.
pub fn mkext4(archive: &Path, size: u64, out: &Path) {
    let mut builder = FsBuilder::new(Options::new(size, *b"0123456789abcdef", 0)).unwrap();
    let mut handles: HashMap<Vec<u8>, InodeHandle> = HashMap::from([(Vec::new(), ROOT)]);
    let mut contents = Vec::new();
    for Member { path, meta, kind } in members(archive) {
        if path.is_empty() {
            continue;
        }
        let cut = path.iter().rposition(|b| *b == b'/');
        let parent = handles[cut.map_or(&path[..0], |cut| &path[..cut])];
        let name = std::str::from_utf8(&path[cut.map_or(0, |cut| cut + 1)..]).unwrap();
        let time = (meta.mtime.seconds, meta.mtime.nanos);
        let theirs = Meta::new(meta.mode, meta.uid, meta.gid, time);
        let special =
            |builder: &mut FsBuilder, kind| builder.mknod(parent, name, theirs, kind).unwrap();
        let handle = match kind {
            Kind::File { offset, length } => {
                let handle = builder.file(parent, name, theirs, length).unwrap();
                if length > 0 {
                    contents.push((handle, offset, length));
                }
                handle
            }
            Kind::Directory => builder.mkdir(parent, name, theirs).unwrap(),
            Kind::Symlink(target) => {
                let target = std::str::from_utf8(&target).unwrap();
                builder.symlink(parent, name, target, theirs).unwrap()
            }
            Kind::HardLink(target) => {
                builder.hardlink(parent, name, handles[&target]).unwrap();
                continue;
            }
            Kind::Char(major, minor) => special(&mut builder, SpecialKind::Char { major, minor }),
            Kind::Block(major, minor) => special(&mut builder, SpecialKind::Block { major, minor }),
            Kind::Fifo => special(&mut builder, SpecialKind::Fifo),
        };
        for (name, value) in &meta.xattrs {
            // it does not know ACLs in the archive's form
            if !name.starts_with(b"system.") {
                let name = std::str::from_utf8(name).unwrap();
                builder.set_xattr(handle, name, value).unwrap();
            }
        }
        handles.insert(path, handle);
    }
    let layout = builder.seal().unwrap();
    let mut sink = FileSink::create(out, size).unwrap();
    let mut writer = layout.writer(&mut sink).unwrap();
    let mut file = BufReader::with_capacity(1 << 18, File::open(archive).unwrap());
    for (handle, offset, length) in contents {
        file.seek(SeekFrom::Start(offset)).unwrap();
        writer.fill(handle, &mut (&mut file).take(length)).unwrap();
    }
    writer.finish().unwrap();
}
