//! The members of a tar archive, in place: OVA packages.

use super::source::Source;
use crate::error::{Error, Result};
use crate::tree::tar::header::{BLOCK, Header};
use crate::units::KIB;

/// The most headers and the longest extended header that are believed, in bytes: a package has a
/// handful.
const MEMBERS_LIMIT: usize = 1000;
const EXTENDED_LIMIT: u64 = 64 * KIB;

/// A file in a tar archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Bytes from the archive's start to its content.
    pub offset: u64,
    /// Bytes of content.
    pub size: u64,
    /// Whether its name and size were in an extended header, which old importers do not read.
    pub extended: bool,
}

impl Member {
    /// Whether macOS's tar added it to the member after which it is named.
    pub fn is_apple_double(&self) -> bool {
        self.name.rsplit('/').next().is_some_and(|name| name.starts_with("._"))
    }
}

/// What an extended header says about the member after it.
#[derive(Default)]
struct Extended {
    name: Option<String>,
    size: Option<u64>,
}

/// The regular files of an archive, in their order.
pub fn list(source: &Source) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    let mut extended = Extended::default();
    let (mut at, mut headers) = (0, 0);
    // an archive may end without its blocks of zeros
    while at < source.length() {
        let place = |e: Error| e.at(source.path()).offset(source.start() + at);
        let Some(header) = Header::parse(source.array(at)?).map_err(place)? else { break };
        let size = header.size().map_err(place)?;
        let content = at + BLOCK;
        let size = match header.kind() {
            b'x' | b'L' => {
                let bytes = source.up_to(size.min(EXTENDED_LIMIT), content)?;
                read_extended(&mut extended, header.kind(), &bytes);
                size
            }
            b'0' | 0 | b'7' => {
                let size = extended.size.unwrap_or(size);
                let plain = String::from_utf8_lossy(&header.name()).into_owned();
                let (name, own) = match std::mem::take(&mut extended) {
                    Extended { name: Some(name), .. } => (name, true),
                    Extended { size, .. } => (plain, size.is_some()),
                };
                source.slice(content, size)?;
                members.push(Member { name, offset: content, size, extended: own });
                size
            }
            _ => {
                extended = Extended::default();
                size
            }
        };
        headers += 1;
        if headers > MEMBERS_LIMIT {
            return Err(source.damaged("the archive has too many members", at));
        }
        at = size
            .checked_next_multiple_of(BLOCK)
            .and_then(|size| size.checked_add(content))
            .ok_or_else(|| source.damaged("a member of the archive is too large", at))?;
    }
    Ok(members)
}

/// Records of the form "length key=value" (POSIX.1-2017, pax, "pax Header Block"), or GNU's long
/// name.
fn read_extended(extended: &mut Extended, kind: u8, mut bytes: &[u8]) {
    if kind == b'L' {
        let name = bytes.split(|b| *b == 0).next().unwrap_or_default();
        extended.name = Some(String::from_utf8_lossy(name).into_owned());
        return;
    }
    while let Some((record, rest)) = split_record(bytes) {
        if let Some(value) = record.strip_prefix(b"path=") {
            extended.name = Some(String::from_utf8_lossy(value).into_owned());
        }
        if let Some(value) = record.strip_prefix(b"size=") {
            extended.size = str::from_utf8(value).ok().and_then(|v| v.parse().ok());
        }
        bytes = rest;
    }
}

/// The first record without its length and its newline, and the rest after it.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = bytes.iter().position(|b| *b == b' ')?;
    let length: usize = str::from_utf8(&bytes[..digits]).ok()?.parse().ok()?;
    let record = bytes.get(digits + 1..length)?.strip_suffix(b"\n")?;
    Some((record, &bytes[length..]))
}
