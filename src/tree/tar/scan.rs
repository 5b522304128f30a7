//! Walks the members of an archive: headers and where the contents lie.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::header::{BLOCK, Header};
use super::pax::Records;
use crate::error::{Context, Error, Kind, Result};
use crate::tree::{Meta, TreePath};
use crate::units::Timestamp;

/// The longest extended header or GNU long name that is read into memory, in bytes: the attributes of a file
/// take 64 KiB at the most, its names 4 KiB each.
const EXTENSION_MAX: u64 = 1 << 20;
/// The longest name, in bytes (`PATH_MAX` in include/uapi/linux/limits.h).
const NAME_MAX: usize = 4096;

/// How many folders a name may lie in: the deepest real ones, below node_modules, have some sixty.
const DEPTH_MAX: usize = 256;

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
    reader: BufReader<&'a File>,
    /// Bytes from the archive's start to where the reader stands.
    position: u64,
    length: u64,
    global: Records,
}

/// What extension members said about the member that follows.
#[derive(Default)]
struct Extensions {
    records: Option<Records>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<'a> Scanner<'a> {
    /// Stands at the start of the file; `path` is for errors.
    pub fn new(file: &'a File, path: &Path) -> Result<Self> {
        let length = file.metadata().at("cannot read the length", path)?.len();
        let mut reader = BufReader::with_capacity(1 << 16, file);
        std::io::Seek::rewind(&mut reader).at("cannot seek", path)?;
        Ok(Self { path: path.to_owned(), reader, position: 0, length, global: Records::default() })
    }

    /// The next member; none at the archive's end.
    ///
    /// # Errors
    /// An archive that ends without its end mark was cut off. Errors carry path and offset.
    pub fn next_member(&mut self) -> Result<Option<Member>> {
        let mut extensions = Extensions::default();
        loop {
            let start = self.position;
            let block = self.block()?;
            let parsed = Header::parse(block).and_then(|header| match header {
                Some(header) => self.member(&header, &mut extensions).map(|m| (m, false)),
                None => Ok((None, true)),
            });
            let (member, end) = parsed.map_err(|e| self.placed(e, start))?;
            if end || member.is_some() {
                return Ok(member);
            }
        }
    }

    fn placed(&self, error: Error, start: u64) -> Error {
        if error.path().is_some() {
            return error;
        }
        Error::new(error.kind(), "cannot read the archive")
            .at(&self.path)
            .offset(start)
            .because(error)
    }

    /// The member that the header begins, or none when it only says something about the next.
    fn member(&mut self, header: &Header, ext: &mut Extensions) -> Result<Option<Member>> {
        match header.kind() {
            b'x' | b'X' => {
                let mut records = self.global.clone();
                records.extend_from(&self.extension(header)?)?;
                ext.records = Some(records);
            }
            b'g' => {
                let bytes = self.extension(header)?;
                self.global.extend_from(&bytes)?;
                // they would be multiplied by the number of members
                if !self.global.xattrs().is_empty() {
                    let message = "the archive has attributes for all of its members at once";
                    return Err(Error::new(Kind::Refused, message)
                        .remedy("write it with GNU tar, which gives each member its own"));
                }
            }
            b'L' => ext.name = Some(until_zero(self.extension(header)?)),
            b'K' => ext.link = Some(until_zero(self.extension(header)?)),
            b'V' => self.skip(header.size()?)?,
            _ => return self.entry(header, std::mem::take(ext)).map(Some),
        }
        Ok(None)
    }

    fn entry(&mut self, header: &Header, ext: Extensions) -> Result<Member> {
        let records = ext.records.unwrap_or_else(|| self.global.clone());
        refuse_foreign(&records)?;
        let recorded = |keyword: &[u8]| records.get(keyword).map(<[u8]>::to_vec);
        let name = recorded(b"path").or(ext.name).unwrap_or_else(|| header.name());
        let link = recorded(b"linkpath").or(ext.link).unwrap_or_else(|| header.link());
        let is_file = matches!(header.kind(), b'0' | 0 | b'7');
        // the oldest tars know a folder by its name alone
        let kind = if is_file && name.last() == Some(&b'/') {
            MemberKind::Directory
        } else if is_file {
            let length = records.number("size")?.map_or_else(|| header.size(), Ok)?;
            let offset = self.position;
            self.skip(length)?;
            MemberKind::File { offset, length }
        } else {
            kind_without_content(header, link)?
        };
        Ok(Member { path: checked(&name)?, meta: meta(header, &records)?, kind })
    }

    fn block(&mut self) -> Result<[u8; BLOCK as usize]> {
        let mut block = [0; BLOCK as usize];
        self.fill(&mut block)?;
        Ok(block)
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        let size = header.size()?;
        if size > EXTENSION_MAX {
            return Err(Error::new(Kind::Damaged, "an extended header is too long"));
        }
        let mut bytes = vec![0; size.next_multiple_of(BLOCK) as usize];
        self.fill(&mut bytes)?;
        bytes.truncate(size as usize);
        Ok(bytes)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        if self.length - self.position < buffer.len() as u64 {
            return Err(self.cut_off());
        }
        self.reader.read_exact(buffer).at("cannot read the archive", &self.path)?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    fn skip(&mut self, size: u64) -> Result<()> {
        let padded = size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
        if self.length - self.position < padded {
            return Err(self.cut_off());
        }
        let step = i64::try_from(padded).map_err(|_| self.cut_off())?;
        self.reader.seek_relative(step).at("cannot seek in the archive", &self.path)?;
        self.position += padded;
        Ok(())
    }

    fn cut_off(&self) -> Error {
        Error::new(Kind::Damaged, "the archive ends too early").at(&self.path).offset(self.length)
    }
}

fn refuse_foreign(records: &Records) -> Result<()> {
    let Some(keyword) = records.starting_with(&FOREIGN) else { return Ok(()) };
    let keyword = String::from_utf8_lossy(keyword);
    Err(Error::new(Kind::Refused, format!("the archive uses {keyword}"))
        .remedy("write it without --sparse and --acls, and with --xattrs --xattrs-include='*'"))
}

fn kind_without_content(header: &Header, link: Vec<u8>) -> Result<MemberKind> {
    Ok(match header.kind() {
        b'1' => MemberKind::HardLink(checked(&link)?),
        b'2' if link.is_empty() || link.contains(&0) || link.len() > NAME_MAX => {
            return Err(Error::new(Kind::Damaged, "a symbolic link leads to an impossible name"));
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

/// A name that a file can have: a longer one would be a folder in a folder, thousands of times.
fn checked(name: &[u8]) -> Result<TreePath> {
    if name.len() > NAME_MAX {
        let message = format!("a name has more than {NAME_MAX} bytes");
        return Err(Error::new(Kind::Damaged, message));
    }
    let path = TreePath::new(name)?;
    if path.as_bytes().split(|b| *b == b'/').count() > DEPTH_MAX {
        let message = format!("a name lies in more than {DEPTH_MAX} folders");
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

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()));
    bytes
}
