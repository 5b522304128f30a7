//! Walks the members of an archive: their headers, and where their contents are.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::foreign::DEEPEST;
use super::header::Header;
use super::heads::{Head, Heads};
use super::pax::Records;
use crate::error::{Context, Error, Kind, Result};
use crate::tree::{Meta, TreePath};
use crate::units::Timestamp;

/// The longest name, in bytes (`PATH_MAX` in include/uapi/linux/limits.h).
const NAME_MAX: usize = 4096;
/// The number of bytes of a name that an error shows.
const SHOWN: usize = 300;

/// Attributes in forms that lose something in translation: refused rather than dropped.
const FOREIGN: [&[u8]; 4] = [b"GNU.sparse.", b"SCHILY.acl.", b"LIBARCHIVE.xattr.", b"RHT."];

/// One member of an archive, its extensions applied.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub path: TreePath,
    /// Mode, owner, time, attributes.
    pub meta: Meta,
    /// What it is.
    pub kind: MemberKind,
}

/// What a member is.
#[derive(Debug)]
pub enum MemberKind {
    /// A regular file, `length` bytes at `offset` of the archive.
    File {
        offset: u64,
        length: u64,
    },
    Directory,
    Symlink(Vec<u8>),
    /// A further name of an earlier member.
    HardLink(TreePath),
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
    Fifo,
}

/// Reads members from front to back.
pub struct Scanner<'a> {
    path: PathBuf,
    heads: Heads<BufReader<&'a File>>,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of the file; `path` is for errors.
    pub fn new(file: &'a File, path: &Path) -> Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, file);
        std::io::Seek::rewind(&mut reader).at("cannot seek", path)?;
        Ok(Self { path: path.to_owned(), heads: Heads::new(reader) })
    }

    /// The next member; none at the archive's end.
    ///
    /// # Errors
    /// An archive that ends without its end mark was cut off. Errors carry path and offset.
    pub fn next_member(&mut self) -> Result<Option<Member>> {
        let Some(head) = self.heads.next_head().map_err(|e| self.blame(e, "the archive"))? else {
            return Ok(None);
        };
        // the beginning of an impossible name says enough
        let shown = head.name[..head.name.len().min(SHOWN)].escape_ascii().to_string();
        member(head).map(Some).map_err(|e| self.blame(e, &format!("the member \"{shown}\"")))
    }

    fn blame(&self, error: Error, what: &str) -> Error {
        Error::new(error.kind(), format!("cannot read {what}"))
            .at(&self.path)
            .offset(self.heads.position())
            .because(error)
    }
}

fn member(head: Head) -> Result<Member> {
    let Head { header, records, name, link, offset, size } = head;
    refuse_foreign(&records)?;
    let is_file = matches!(header.kind(), b'0' | 0 | b'7');
    // the oldest tars mark a folder by its name alone
    let kind = if is_file && name.last() == Some(&b'/') {
        MemberKind::Directory
    } else if is_file {
        MemberKind::File { offset, length: size }
    } else {
        kind_without_content(&header, link)?
    };
    Ok(Member { path: checked(&name)?, meta: meta(&header, &records)?, kind })
}

fn refuse_foreign(records: &Records) -> Result<()> {
    let Some(keyword) = records.starting_with(&FOREIGN) else { return Ok(()) };
    let keyword = String::from_utf8_lossy(keyword);
    Err(Error::new(Kind::Refused, format!("it uses {keyword}"))
        .remedy("write it without --sparse and --acls, and with --xattrs --xattrs-include='*'"))
}

fn kind_without_content(header: &Header, link: Vec<u8>) -> Result<MemberKind> {
    Ok(match header.kind() {
        b'1' => MemberKind::HardLink(checked(&link)?),
        b'2' if link.is_empty() || link.contains(&0) || link.len() > NAME_MAX => {
            return Err(Error::new(
                Kind::Damaged,
                "as a symbolic link it leads to an impossible name",
            ));
        }
        b'2' => MemberKind::Symlink(link),
        b'3' => header.device().map(|(major, minor)| MemberKind::CharDevice(major, minor))?,
        b'4' => header.device().map(|(major, minor)| MemberKind::BlockDevice(major, minor))?,
        b'5' => MemberKind::Directory,
        b'6' => MemberKind::Fifo,
        other => {
            let shown = other.escape_ascii();
            let what = format!("members of type '{shown}' are not supported");
            return Err(Error::new(Kind::Refused, what)
                .remedy("write the archive with tar --format=pax and without --sparse"));
        }
    })
}

/// A name that a file can have: a longer one could nest folders thousands deep.
fn checked(name: &[u8]) -> Result<TreePath> {
    if name.len() > NAME_MAX {
        let message = format!("a name has {} bytes, more than {NAME_MAX}", name.len());
        return Err(Error::new(Kind::Damaged, message));
    }
    let path = TreePath::new(name)?;
    if path.as_bytes().split(|b| *b == b'/').count() > DEEPEST {
        let message = format!("a name lies in more than {DEEPEST} folders");
        return Err(Error::new(Kind::Damaged, message));
    }
    Ok(path)
}

fn meta(header: &Header, records: &Records) -> Result<Meta> {
    let id = |keyword, in_header: Result<u64>| {
        let number = records.number(keyword)?.map_or(in_header, Ok)?;
        u32::try_from(number)
            .map_err(|_| Error::new(Kind::Damaged, format!("{keyword} {number} is too large")))
    };
    let mtime = match records.time("mtime")? {
        Some(time) => time,
        None => Timestamp::from_seconds(header.mtime()?),
    };
    Ok(Meta {
        mode: header.mode()?,
        uid: id("uid", header.uid())?,
        gid: id("gid", header.gid())?,
        mtime,
        xattrs: records.xattrs(),
    })
}
