//! The pieces of a sparse file in an archive of the old GNU format (GNU tar manual, "Storing Sparse
//! Files", "Old GNU Format"), which `tar --format=oldgnu -S` writes, as GCE's documentation
//! advises.

use std::io::Read;

use crate::error::{Context, Error, Kind, Result};
use crate::tree::tar::header::BLOCK;

/// The type flag.
pub const KIND: u8 = b'S';
/// Pairs of offset and length, of twelve digits each, in the header and in each block after it.
const IN_HEADER: (usize, usize) = (386, 4);
const IN_BLOCK: (usize, usize) = (0, 21);
const NUMBER: usize = 12;
/// Whether a block follows, in the header and in such a block.
const HEADER_FLAG: usize = 482;
const BLOCK_FLAG: usize = 504;
/// The file's own length, in the header.
const REAL_SIZE: usize = 483;
/// The most pieces that are believed: a file with that many would hardly deserve to be called
/// sparse.
const PIECES: usize = 1 << 20;

/// The pieces of a file, in order and without overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseMap {
    /// Offset and length of each.
    pub pieces: Vec<(u64, u64)>,
    /// The file's length.
    pub size: u64,
}

/// Reads the map from the header and from the blocks after it.
pub fn read(
    header: &[u8; BLOCK as usize],
    reader: &mut impl Read,
    limit: u64,
) -> Result<SparseMap> {
    let mut map = SparseMap { pieces: Vec::new(), size: number(header, REAL_SIZE)? };
    if map.size > limit {
        return Err(wrong("is too large"));
    }
    add(&mut map, header, IN_HEADER)?;
    let mut more = header[HEADER_FLAG] != 0;
    while more {
        let mut block = [0; BLOCK as usize];
        reader.read_exact(&mut block).doing("the archive is cut off")?;
        add(&mut map, &block, IN_BLOCK)?;
        more = block[BLOCK_FLAG] != 0;
        if map.pieces.len() > PIECES {
            return Err(wrong("has too many pieces"));
        }
    }
    Ok(map)
}

fn add(map: &mut SparseMap, block: &[u8], (start, pairs): (usize, usize)) -> Result<()> {
    for pair in 0..pairs {
        let at = start + pair * 2 * NUMBER;
        if block[at] == 0 && block[at + NUMBER] == 0 {
            break;
        }
        let (offset, length) = (number(block, at)?, number(block, at + NUMBER)?);
        let last = map.pieces.last().map_or(0, |(offset, length)| offset + length);
        if offset < last || offset.checked_add(length).is_none_or(|end| end > map.size) {
            return Err(wrong("has pieces at impossible places"));
        }
        map.pieces.push((offset, length));
    }
    Ok(())
}

/// Octal digits, or a number with its highest byte first after a byte of 0x80.
fn number(block: &[u8], at: usize) -> Result<u64> {
    let field = &block[at..at + NUMBER];
    if field[0] == 0x80 {
        let high = field[1..4].iter().any(|b| *b != 0);
        let low = field[4..].first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
        return if high { Err(wrong("has impossible numbers")) } else { Ok(low) };
    }
    let text = field.split(|b| matches!(b, 0 | b' ')).find(|part| !part.is_empty());
    text.unwrap_or_default().iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'7' => Ok(number << 3 | u64::from(digit - b'0')),
        _ => Err(wrong("has impossible numbers")),
    })
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::Damaged, format!("the sparse file in the archive {what}"))
}
