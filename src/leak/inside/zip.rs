//! The members of a zip file (PKWARE's APPNOTE.TXT 6.3.10; its sections are cited).

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;

use super::kind::ZIP_END;
use crate::units::{KIB, MIB};

/// The end of the list (4.3.16), and the longest comment behind it.
const END: usize = 22;
const COMMENT: u64 = 64 * KIB;
/// Where the end for large files is (4.3.15), and the end itself (4.3.14).
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LENGTH: u64 = 20;
const LARGE_END: &[u8] = b"PK\x06\x06";
const LARGE_LENGTH: usize = 56;
/// A line of the list (4.3.12), and a member's own header (4.3.7).
const LINE: &[u8] = b"PK\x01\x02";
const LINE_LENGTH: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: usize = 30;
/// The extra field with large sizes (4.5.3), and what a size says that is there.
const LARGE_FIELD: u16 = 1;
const ELSEWHERE: u32 = u32::MAX;
/// The largest list, in bytes.
const LIST: u64 = 64 * MIB;
/// Methods (4.4.5).
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub name: Vec<u8>,
    flags: u16,
    method: u16,
    packed: u64,
    /// Where its own header is, in bytes from the file's start.
    at: u64,
}

/// Whether a file ends as a zip file does: whatever is before it, as a script that starts a jar.
pub(super) fn is_one<R: Read + Seek>(from: &mut R) -> io::Result<bool> {
    Ok(end(from)?.is_some())
}

/// All members.
pub(super) fn members<R: Read + Seek>(from: &mut R) -> io::Result<Vec<Head>> {
    let (end, at) = end(from)?.ok_or_else(|| wrong("has no end"))?;
    let (mut size, mut start) = (u64::from(u32_at(&end, 12)), u64::from(u32_at(&end, 16)));
    let mut behind = at;
    if let Some((large, place)) = large_end(from, at)? {
        (size, start, behind) = (u64_at(&large, 40), u64_at(&large, 48), place);
    }
    if size > LIST {
        return Err(wrong("lists too much to be held in memory"));
    }
    // offsets count from the zip file's own start, which something else may precede
    let list = behind.checked_sub(size).ok_or_else(|| wrong("has a list without a place"))?;
    let before = list.checked_sub(start).ok_or_else(|| wrong("has a list without a place"))?;
    from.seek(SeekFrom::Start(list))?;
    let mut bytes = vec![0; size as usize];
    from.read_exact(&mut bytes)?;
    let (mut heads, mut rest) = (Vec::new(), &bytes[..]);
    while rest.starts_with(LINE) {
        let (head, length) = line(rest, before)?;
        rest = rest.get(length..).ok_or_else(|| wrong("has a list that is cut off"))?;
        if !head.name.ends_with(b"/") {
            heads.push(head);
        }
    }
    Ok(heads)
}

impl Head {
    /// Whether it needs a password (4.4.4).
    pub fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Its bytes; none for a method that is not read here.
    pub fn open<'r, R: Read + Seek>(
        &self,
        from: &'r mut R,
    ) -> io::Result<Option<Box<dyn Read + 'r>>> {
        from.seek(SeekFrom::Start(self.at))?;
        let mut local = [0; LOCAL_LENGTH];
        from.read_exact(&mut local)?;
        if !local.starts_with(LOCAL) {
            return Err(wrong("lists a member that is not there"));
        }
        let more = i64::from(u16_at(&local, 26)) + i64::from(u16_at(&local, 28));
        from.seek(SeekFrom::Current(more))?;
        let packed = from.take(self.packed);
        Ok(match self.method {
            STORED => Some(Box::new(packed)),
            DEFLATED => Some(Box::new(DeflateDecoder::new(BufReader::new(packed)))),
            _ => None,
        })
    }
}

/// The end of the list and where it is; none where a file has none.
fn end<R: Read + Seek>(from: &mut R) -> io::Result<Option<([u8; END], u64)>> {
    let length = from.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(END as u64 + COMMENT);
    from.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    from.take(END as u64 + COMMENT).read_to_end(&mut bytes)?;
    for at in (0..(bytes.len() + 1).saturating_sub(END)).rev() {
        let found: Option<&[u8; END]> = bytes[at..].first_chunk();
        let Some(found) = found.filter(|found| found.starts_with(ZIP_END)) else { continue };
        if at + END + usize::from(u16_at(found, 20)) == bytes.len() {
            return Ok(Some((*found, start + at as u64)));
        }
    }
    Ok(None)
}

/// The end of a large file's list, where there is one before the other end.
fn large_end<R: Read + Seek>(from: &mut R, end: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
    let Some(at) = end.checked_sub(LOCATOR_LENGTH) else { return Ok(None) };
    from.seek(SeekFrom::Start(at))?;
    let mut locator = [0; LOCATOR_LENGTH as usize];
    from.read_exact(&mut locator)?;
    if !locator.starts_with(LOCATOR) {
        return Ok(None);
    }
    // it is directly before, whatever the locator says of a file that something precedes
    let place = at.checked_sub(LARGE_LENGTH as u64).ok_or_else(|| wrong("has no end"))?;
    from.seek(SeekFrom::Start(place))?;
    let mut bytes = vec![0; LARGE_LENGTH];
    from.read_exact(&mut bytes)?;
    if !bytes.starts_with(LARGE_END) {
        return Err(wrong("has no end"));
    }
    Ok(Some((bytes, place)))
}

/// A line of the list, and its length.
fn line(rest: &[u8], before: u64) -> io::Result<(Head, usize)> {
    let cut = || wrong("has a list that is cut off");
    let fixed: &[u8; LINE_LENGTH] = rest.first_chunk().ok_or_else(cut)?;
    let lengths = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
    let name = rest.get(LINE_LENGTH..LINE_LENGTH + lengths[0]).ok_or_else(cut)?;
    let extra = rest.get(LINE_LENGTH + lengths[0]..LINE_LENGTH + lengths[0] + lengths[1]);
    let mut large = large_sizes(extra.ok_or_else(cut)?);
    // the field has only those that say so, in this order
    let mut number = |at: usize| match u32_at(fixed, at) {
        ELSEWHERE => large.next().ok_or_else(|| wrong("has no size for a large member")),
        small => Ok(u64::from(small)),
    };
    let (_, packed, at) = (number(24)?, number(20)?, number(42)?);
    let at = before.checked_add(at).ok_or_else(|| wrong("has a member without a place"))?;
    let (flags, method) = (u16_at(fixed, 8), u16_at(fixed, 10));
    let head = Head { name: name.to_vec(), flags, method, packed, at };
    Ok((head, LINE_LENGTH + lengths.iter().sum::<usize>()))
}

fn large_sizes(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut sizes = Vec::new();
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let body = &extra[4..][..length.min(extra.len() - 4)];
        if id == LARGE_FIELD {
            sizes = body.chunks_exact(8).map(|number| u64_at(number, 0)).collect();
        }
        extra = &extra[4 + body.len()..];
    }
    sizes.into_iter()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at + 2)) << 16 | u32::from(u16_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at + 4)) << 32 | u64::from(u32_at(bytes, at))
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(format!("a zip file {what}"))
}
