//! The new format of cpio (cpio(5), "New ASCII Format").

use std::io::{self, Read};

use super::level::Level;

/// Bytes of a header; its magic has six, and each of its thirteen fields eight hexadecimal digits.
const HEADER: usize = 110;
const MAGIC: usize = 6;
const FIELD: usize = 8;
/// The numbers of the fields for a member's size, and for its name's.
const SIZE: usize = 6;
const NAME: usize = 11;
/// The longest name, with its zero (`PATH_MAX` of Linux).
const LONGEST: u64 = 4096;
/// The last member's name.
const TRAILER: &[u8] = b"TRAILER!!!";

/// One member.
pub(super) struct Head {
    pub name: Vec<u8>,
    /// Bytes of its content.
    pub size: u64,
    /// Bytes that follow it.
    pub padding: u64,
}

/// The next member; none behind the archive's last.
pub(super) fn next(level: &mut Level<'_>) -> io::Result<Option<Head>> {
    let mut header = [0; HEADER];
    level.read_exact(&mut header)?;
    if !header.starts_with(b"07070") {
        return Err(io::Error::other("a member of a cpio archive has no header"));
    }
    let (size, named) = (field(&header, SIZE)?, field(&header, NAME)?);
    if named > LONGEST {
        return Err(io::Error::other("a member of a cpio archive has too long a name"));
    }
    let mut name = vec![0; named as usize];
    level.read_exact(&mut name)?;
    level.exactly(padding(HEADER as u64 + named))?;
    name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
    if name == TRAILER {
        return Ok(None);
    }
    Ok(Some(Head { name, size, padding: padding(size) }))
}

fn field(header: &[u8; HEADER], number: usize) -> io::Result<u64> {
    let digits = &header[MAGIC + number * FIELD..][..FIELD];
    let number = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
    let number = number.and_then(|text| u64::from_str_radix(text, 16).ok());
    number.ok_or_else(|| io::Error::other("a field of a cpio archive is no number"))
}

/// What is missing to a multiple of four.
fn padding(length: u64) -> u64 {
    length.next_multiple_of(4) - length
}
