//! The members of an archive, one after the other, as described by their headers, extended headers
//! and GNU long names. Every reader of somebody else's archive uses this.

use std::fs::File;
use std::io::{self, BufReader, Read};

use super::header::{BLOCK, Header};
use super::pax::Records;
use crate::error::{Error, Kind, Result};

/// The longest extended header or GNU long name that is read into memory, in bytes: the attributes
/// of a file take at most 64 KiB, and its names 4 KiB each.
const EXTENSION_MAX: u64 = 1 << 20;

/// Where an archive is read from.
pub trait Skip: Read {
    /// Skips `count` bytes. If there are fewer, the next read reports it at the latest.
    fn skip(&mut self, count: u64) -> io::Result<()>;
}

impl Skip for BufReader<&File> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let step = i64::try_from(count).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        self.seek_relative(step)
    }
}

/// A reader that cannot seek: an archive that is being unpacked.
#[derive(Debug)]
pub struct Stream<R>(pub R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Skip for Stream<R> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        match io::copy(&mut self.0.by_ref().take(count), &mut io::sink())? {
            read if read == count => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// One member: its header, and the extensions before it.
#[derive(Clone)]
pub struct Head {
    /// Its own header.
    pub header: Header,
    /// Extended records, including those for all members.
    pub records: Records,
    /// Its name, wherever it was written.
    pub name: Vec<u8>,
    /// A link's target.
    pub link: Vec<u8>,
    /// Where its content begins in the archive.
    pub offset: u64,
    /// Bytes of its content.
    pub size: u64,
}

/// What extended headers said about the member that follows.
#[derive(Default)]
struct Extensions {
    records: Option<Records>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// Reads heads from front to back.
pub struct Heads<R> {
    reader: R,
    /// Bytes from the archive's start to where the reader stands.
    position: u64,
    /// Bytes of the last member's content that were not read yet.
    left: u64,
    /// The zeros after them.
    padding: u64,
    global: Records,
}

impl<R: Skip> Heads<R> {
    /// The reader stands at the archive's start.
    pub fn new(reader: R) -> Self {
        Self { reader, position: 0, left: 0, padding: 0, global: Records::default() }
    }

    /// Bytes from the archive's start to the next read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next member; none at the archive's end. Any unread content of the last one is skipped.
    ///
    /// # Errors
    /// An archive that ends without its end mark, or within it, was cut off. The mark is two blocks
    /// of zeros (POSIX.1-2017, pax, "ustar Interchange Format"). Other readers only warn about a
    /// single one and continue.
    pub fn next_head(&mut self) -> Result<Option<Head>> {
        let rest = self.left.checked_add(self.padding).ok_or_else(cut_off)?;
        self.reader.skip(rest).map_err(failure)?;
        (self.position, self.left, self.padding) = (self.position + rest, 0, 0);
        let mut extensions = Extensions::default();
        loop {
            let Some(header) = Header::parse(self.block()?)? else { return self.end() };
            if let Some(head) = self.head(header, &mut extensions)? {
                return Ok(Some(head));
            }
        }
    }

    /// The end mark's second block.
    fn end(&mut self) -> Result<Option<Head>> {
        if self.block()?.iter().any(|&byte| byte != 0) {
            return Err(Error::new(Kind::Damaged, "the archive continues after half an end mark"));
        }
        Ok(None)
    }

    fn block(&mut self) -> Result<[u8; BLOCK as usize]> {
        let mut block = [0; BLOCK as usize];
        self.fill(&mut block)?;
        Ok(block)
    }

    /// The member that the header begins, or none when it only says something about the next.
    fn head(&mut self, header: Header, ext: &mut Extensions) -> Result<Option<Head>> {
        match header.kind() {
            b'x' | b'X' => {
                let mut records = self.global.clone();
                records.extend_from(&self.extension(&header)?)?;
                ext.records = Some(records);
            }
            b'g' => {
                let bytes = self.extension(&header)?;
                self.global.extend_from(&bytes)?;
                // each member would keep a copy of them
                if !self.global.xattrs().is_empty() {
                    let message = "the archive has attributes for all of its members at once";
                    return Err(Error::new(Kind::Refused, message)
                        .remedy("write it with GNU tar, which gives each member its own"));
                }
            }
            b'L' => ext.name = Some(until_zero(self.extension(&header)?)),
            b'K' => ext.link = Some(until_zero(self.extension(&header)?)),
            b'V' => self.content_of(header.size()?)?,
            _ => return self.complete(header, std::mem::take(ext)).map(Some),
        }
        if self.left > 0 {
            let rest = self.left + self.padding;
            self.reader.skip(rest).map_err(failure)?;
            (self.position, self.left, self.padding) = (self.position + rest, 0, 0);
        }
        Ok(None)
    }

    fn complete(&mut self, header: Header, ext: Extensions) -> Result<Head> {
        let records = ext.records.unwrap_or_else(|| self.global.clone());
        let recorded = |keyword: &[u8]| records.get(keyword).map(<[u8]>::to_vec);
        let name = recorded(b"path").or(ext.name).unwrap_or_else(|| header.name());
        let link = recorded(b"linkpath").or(ext.link).unwrap_or_else(|| header.link());
        // links, devices, folders and pipes have none, whatever their field says
        let size = match header.kind() {
            b'1'..=b'6' => 0,
            _ => records.number("size")?.map_or_else(|| header.size(), Ok)?,
        };
        let offset = self.position;
        self.content_of(size)?;
        Ok(Head { header, records, name, link, offset, size })
    }

    fn content_of(&mut self, size: u64) -> Result<()> {
        let padded = size.checked_next_multiple_of(BLOCK).ok_or_else(cut_off)?;
        (self.left, self.padding) = (size, padded - size);
        Ok(())
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
        self.reader.read_exact(buffer).map_err(failure)?;
        self.position += buffer.len() as u64;
        Ok(())
    }
}

/// The content of the last member.
impl<R: Skip> Read for Heads<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.reader.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

fn failure(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => cut_off(),
        _ => Error::new(Kind::Io, "cannot read the archive").because(error),
    }
}

fn cut_off() -> Error {
    Error::new(Kind::Damaged, "the archive ends too early")
}

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()));
    bytes
}
