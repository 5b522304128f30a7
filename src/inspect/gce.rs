//! The archive around a disk for Google Compute Engine: disk.raw in a tar of the old GNU format, in
//! gzip.
//!
//! Archives that Google would refuse are read as well if they contain one disk, so that we can say
//! what is wrong with them.

use std::io::Read;

use super::gnu_sparse;
use super::source::Source;
use super::stream::{self, DISK_LIMIT, PART, Unpacked};
use crate::error::{Context, Error, Kind, Result};
use crate::tree::tar::header::{BLOCK, Header};
use crate::units::MIB;

/// A tar's magic of the old GNU format, and where it is.
const OLD_GNU: &[u8] = b"ustar  \0";
const MAGIC: std::ops::Range<usize> = 257..265;
/// How an extended header marks a sparse file in PAX's form (GNU tar manual, "PAX Format, Version
/// 1.0").
const PAX_SPARSE: &[u8] = b"GNU.sparse.";
/// The beginning of the names of members that macOS's tar adds to a file.
const APPLE_DOUBLE: &str = "._";
/// The most members and bytes before the disk.
const MEMBERS: usize = 100;
const BEFORE: u64 = MIB;

/// What was in the archive around a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The disk's name.
    pub member: String,
    /// Whether the headers are of the old GNU format.
    pub old_gnu: bool,
    /// Whether there are more members.
    pub more: bool,
}

/// Unpacks the raw disk in an archive.
pub fn unpack(source: &Source) -> Result<(Source, Archive)> {
    let mut reader = flate2::bufread::MultiGzDecoder::new(stream::buffered(source));
    read(source, &mut reader).map_err(|e| match e.kind() {
        Kind::Refused if e.path().is_some() => e,
        _ => stream::broken(source, e),
    })
}

fn read(source: &Source, reader: &mut impl Read) -> Result<(Source, Archive)> {
    let mut archive = Archive { member: String::new(), old_gnu: true, more: false };
    let (block, header) = find_disk(source, reader, &mut archive)?;
    let size = header.size()?;
    let mut target = Unpacked::new(source)?;
    if header.kind() == gnu_sparse::KIND {
        let map = gnu_sparse::read(&block, reader, DISK_LIMIT)?;
        map.pieces.iter().try_for_each(|(offset, length)| {
            target.at = *offset;
            target.fill(reader, Some(*length)).map(drop)
        })?;
        target.end = target.end.max(map.size);
    } else {
        target.fill(reader, Some(size))?;
    }
    archive.more |= follows(reader, size)?;
    Ok((target.finish()?, archive))
}

/// Reads up to the header of the first file that macOS did not add.
fn find_disk(
    source: &Source,
    reader: &mut impl Read,
    archive: &mut Archive,
) -> Result<([u8; BLOCK as usize], Header)> {
    let damaged = |what: &str| Error::new(Kind::Damaged, what);
    for member in 0..MEMBERS {
        let mut block = [0; BLOCK as usize];
        let n = stream::read_full(reader, &mut block).doing("the archive is cut off")?;
        let header = match Header::parse(block) {
            Ok(Some(header)) if n == block.len() => header,
            Ok(None) if n == block.len() && member > 0 => break,
            Err(error) if member > 0 => return Err(error),
            // its first bytes are not those of a tar: it is a disk, or a container
            _ => {
                let message = "this is compressed with gzip, and no archive of GCE's";
                return Err(source.refused(message, "unpack it first, as with gunzip"));
            }
        };
        archive.old_gnu &= &block[MAGIC] == OLD_GNU;
        let name = String::from_utf8_lossy(&header.name()).into_owned();
        let last = name.rsplit('/').next().unwrap_or_default();
        match header.kind() {
            b'0' | 0 | b'7' | gnu_sparse::KIND if !last.starts_with(APPLE_DOUBLE) => {
                archive.member = name;
                return Ok((block, header));
            }
            // these describe the member that follows them
            b'x' | b'g' | b'L' => {}
            _ => archive.more = true,
        }
        let extended = skip(reader, header.size()?)?;
        if extended.windows(PAX_SPARSE.len()).any(|part| part == PAX_SPARSE) {
            let message =
                "the disk in the archive is sparse in the way of PAX, which GCE does not take";
            return Err(source.refused(message, "make it with tar --format=oldgnu -Sczf"));
        }
    }
    Err(damaged("the archive has no disk"))
}

/// A member's content, which is small, without its padding.
fn skip(reader: &mut impl Read, size: u64) -> Result<Vec<u8>> {
    if size > BEFORE {
        return Err(Error::new(
            Kind::Damaged,
            "the archive has more before its disk than a disk needs",
        ));
    }
    let mut content = vec![0; size.next_multiple_of(BLOCK) as usize];
    reader.read_exact(&mut content).doing("the archive is cut off")?;
    content.truncate(size as usize);
    Ok(content)
}

/// Reads to the archive's end, also to verify its checksum, and says whether another member follows
/// the disk.
fn follows(reader: &mut impl Read, size: u64) -> Result<bool> {
    let padding = size.next_multiple_of(BLOCK) - size;
    let mut limited = reader.take(padding);
    std::io::copy(&mut limited, &mut std::io::sink()).doing("cannot unpack")?;
    let mut buffer = vec![0; PART];
    let (mut more, mut total) = (false, 0u64);
    loop {
        let n = limited.get_mut().read(&mut buffer).doing("cannot unpack")?;
        if n == 0 {
            return Ok(more);
        }
        more |= buffer[..n].iter().any(|b| *b != 0);
        total += n as u64;
        if total > DISK_LIMIT {
            return Err(stream::too_large());
        }
    }
}
