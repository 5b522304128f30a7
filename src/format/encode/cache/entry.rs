//! A cached group, one per file.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..8 | [`MAGIC`] |
//! | 8..12 | [`VERSION`] |
//! | 12..16 | the number of places |
//! | 16..48 | the key |
//! | 48..56 | the group's length in bytes |
//! | 56..88 | BLAKE3 of everything before this, of the places and of the group |
//! | 88.. | the places, [`PLACE`] bytes each |
//! | [`group_offset`].. | the group, to the end of the file |
//!
//! Numbers are little-endian.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::super::{Bytes, Form, Group, Place};
use crate::error::{Context, Error, Kind, Result};
use crate::format::copy::Origin;
use crate::format::{Target, direct};
use crate::units::{Digest, MIB};
use crate::whole::Draft;

const MAGIC: &[u8; 8] = b"SLIPENC\n";
const VERSION: u32 = 1;
/// Where the checksum is: after the part of the header that it covers.
const CHECKSUM: usize = 56;
/// Bytes of the header.
pub(super) const HEADER: usize = CHECKSUM + blake3::OUT_LEN;
/// Bytes of a place: the chunk's number in the group and its form (u16 each), then offset, length
/// and CRC (u32 each). A segment bounds all of them.
pub(super) const PLACE: usize = 16;
/// A place's form.
const ENCODED: u16 = 0;
const STORED: u16 = 1;
/// Groups start at multiples of this many bytes, so that filesystems that can share blocks do so.
const ALIGNMENT: u64 = 4096;
/// Bytes that are hashed at a time.
const BUFFER: u64 = MIB / 4;

/// Where the group starts. This is known before it is known how many of its chunks are zeros.
fn group_offset(chunks: &Range<u64>) -> u64 {
    let places = (chunks.end - chunks.start) * PLACE as u64;
    (HEADER as u64 + places).next_multiple_of(ALIGNMENT)
}

/// An intact entry, open: it stays readable when its file is replaced or removed.
#[derive(Debug)]
pub struct Entry {
    file: File,
    path: PathBuf,
    places: Vec<Place>,
    offset: u64,
    length: u64,
}

impl Entry {
    /// Opens an entry and checks every byte.
    pub fn open(path: &Path, key: Digest, chunks: &Range<u64>) -> Result<Self> {
        let mut file = File::open(path).at("cannot open", path)?;
        let damaged =
            || Error::new(Kind::Damaged, "this is not the entry that its name says").at(path);
        let mut header = [0; HEADER];
        file.read_exact(&mut header).at("cannot read", path)?;
        let fields = Fields::parse(&header).filter(|f| f.key == key).ok_or_else(damaged)?;
        if u64::from(fields.places) > chunks.end - chunks.start {
            return Err(damaged());
        }
        let mut table = vec![0; fields.places as usize * PLACE];
        file.read_exact(&mut table).at("cannot read", path)?;
        let offset = group_offset(chunks);
        let length = file.metadata().at("cannot look at", path)?.len();
        if offset.checked_add(fields.length) != Some(length) {
            return Err(damaged());
        }
        let found = checksum(&file, path, &[&header[..CHECKSUM], &table], offset, fields.length)?;
        if found.as_bytes() != &header[CHECKSUM..] {
            return Err(damaged());
        }
        let places = table.as_chunks::<PLACE>().0.iter().map(|b| parse_place(b, chunks.start));
        let places = places.collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
        let lies_inside =
            |p: &Place| chunks.contains(&p.index) && p.offset + p.length <= fields.length;
        if !places.iter().all(lies_inside) {
            return Err(damaged());
        }
        // the entries used least recently are removed first; not being allowed to set the time is
        // no reason to stop
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
        let _ = rustix::fs::futimens(&file, &times);
        Ok(Self { file, path: path.to_owned(), places, offset, length: fields.length })
    }

    /// The group in the form that sinks take.
    pub fn group(&self) -> Group<'_> {
        let Self { file, path, places, offset, length } = self;
        let origin = Origin { file, path, offset: *offset, length: *length };
        Group { places, bytes: Bytes::Kept(origin), shared: true }
    }
}

/// The length of an entry whose group takes `bytes`, in bytes.
pub fn length(chunks: &Range<u64>, bytes: u64) -> u64 {
    group_offset(chunks) + bytes
}

/// Writes the entry for `path`, first under a temporary name. It is not flushed: after a power cut,
/// the checksum shows the damage.
pub fn write(
    path: &Path,
    key: Digest,
    chunks: &Range<u64>,
    places: &[Place],
    group: &[u8],
) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).at("cannot make the folder", folder)?;
    // nothing in the cache is secret, and it may have several users
    let mut draft = Draft::beside(path, 0o644)?;

    let fields = Fields { places: places.len() as u32, key, length: group.len() as u64 };
    let mut front = fields.bytes();
    let table: Vec<u8> = places.iter().flat_map(|p| place_bytes(p, chunks.start)).collect();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&front).update(&table).update(group);
    front.extend(hasher.finalize().as_bytes());
    front.extend(table);

    let direct = direct::open(draft.path());
    let target = Target { file: draft.file(), direct: direct.as_ref(), path };
    target.write_at(&front, 0)?;
    target.write_large_at(group, group_offset(chunks))?;
    // an empty group does not reach its own start
    let length = length(chunks, group.len() as u64);
    target.file.set_len(length).at("cannot set the length", path)?;
    draft.name(path)
}

/// What the header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub places: u32,
    key: Digest,
    pub length: u64,
}

impl Fields {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.places.to_le_bytes());
        bytes.extend(self.key.as_bytes());
        bytes.extend(self.length.to_le_bytes());
        bytes
    }

    pub fn parse(header: &[u8; HEADER]) -> Option<Self> {
        let places = u32::from_le_bytes(*header[12..].first_chunk()?);
        let key = Digest::from_bytes(*header[16..].first_chunk()?);
        let length = u64::from_le_bytes(*header[48..].first_chunk()?);
        let fields = Self { places, key, length };
        (fields.bytes() == header[..CHECKSUM]).then_some(fields)
    }
}

fn place_bytes(place: &Place, first: u64) -> [u8; PLACE] {
    let form = match place.form {
        Form::Encoded => ENCODED,
        Form::Stored => STORED,
    };
    let mut bytes = [0; PLACE];
    bytes[..2].copy_from_slice(&((place.index - first) as u16).to_le_bytes());
    bytes[2..4].copy_from_slice(&form.to_le_bytes());
    bytes[4..8].copy_from_slice(&(place.offset as u32).to_le_bytes());
    bytes[8..12].copy_from_slice(&(place.length as u32).to_le_bytes());
    bytes[12..].copy_from_slice(&place.crc.to_le_bytes());
    bytes
}

fn parse_place(bytes: &[u8; PLACE], first: u64) -> Option<Place> {
    let word = |at: usize| bytes[at..].first_chunk().map(|b| u32::from_le_bytes(*b));
    let form = match u16::from_le_bytes([bytes[2], bytes[3]]) {
        ENCODED => Form::Encoded,
        STORED => Form::Stored,
        _ => return None,
    };
    let index = first + u64::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let (offset, length) = (u64::from(word(4)?), u64::from(word(8)?));
    Some(Place { index, form, offset, length, crc: word(12)? })
}

fn checksum(
    file: &File,
    path: &Path,
    before: &[&[u8]],
    offset: u64,
    length: u64,
) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    before.iter().for_each(|bytes| {
        hasher.update(bytes);
    });
    let mut buffer = vec![0; length.min(BUFFER) as usize];
    let mut done = 0;
    while done < length {
        let step = (length - done).min(BUFFER) as usize;
        file.read_exact_at(&mut buffer[..step], offset + done).at("cannot read", path)?;
        hasher.update(&buffer[..step]);
        done += step as u64;
    }
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKS: Range<u64> = 100..600;

    fn key() -> Digest {
        Digest::of("a key")
    }

    fn places() -> [Place; 2] {
        let encoded = Place { index: 107, form: Form::Encoded, offset: 9, length: 3, crc: 0 };
        [encoded, Place { index: 599, form: Form::Stored, offset: 65536, length: 2, crc: 77 }]
    }

    fn recorded(folder: &Path) -> PathBuf {
        let path = folder.join("below/entry");
        let mut group = vec![0; 131_072];
        group[9..12].copy_from_slice(b"abc");
        group[65536..65538].copy_from_slice(b"de");
        write(&path, key(), &CHUNKS, &places(), &group).unwrap();
        path
    }

    #[test]
    fn an_entry_reads_back_as_it_was_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let path = recorded(folder.path());
        let entry = Entry::open(&path, key(), &CHUNKS).unwrap();
        let Group { places: found, bytes: Bytes::Kept(group), .. } = entry.group() else {
            panic!("it is not in a file")
        };
        assert_eq!(found, places());
        assert_eq!((group.length, group.offset), (131_072, 8192));
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len() as u64, group.offset + group.length);
        assert_eq!(bytes[8192 + 9..][..3], *b"abc");
        assert_eq!(bytes[8192 + 65536..][..2], *b"de");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_changed_byte_anywhere_and_a_wrong_length_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = recorded(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let table_end = HEADER + 2 * PLACE;
        let at = (0..table_end).chain([8192, 8192 + 65536, whole.len() - 1]);
        for at in at {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert!(Entry::open(&path, key(), &CHUNKS).is_err(), "byte {at}");
        }
        for length in [0, 7, HEADER, table_end, 8192, whole.len() - 1, whole.len() + 1] {
            let mut damaged = whole.clone();
            damaged.resize(length, 0);
            std::fs::write(&path, damaged).unwrap();
            assert!(Entry::open(&path, key(), &CHUNKS).is_err(), "length {length}");
        }
    }

    #[test]
    fn a_length_beyond_all_files_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = recorded(folder.path());
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[0xFF; 8], 48).unwrap();
        assert_eq!(Entry::open(&path, key(), &CHUNKS).unwrap_err().kind(), Kind::Damaged);
    }

    #[test]
    fn an_entry_of_another_key_or_of_fewer_chunks_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = recorded(folder.path());
        assert!(Entry::open(&path, Digest::of("another"), &CHUNKS).is_err());
        assert!(Entry::open(&path, key(), &(0..1)).is_err());
    }

    #[test]
    fn places_that_are_not_the_groups_are_refused_whatever_the_checksum_says() {
        let folder = tempfile::tempdir().unwrap();
        for wrong in [Place { index: 600, ..places()[0] }, Place { length: 131_072, ..places()[0] }]
        {
            let path = folder.path().join("entry");
            write(&path, key(), &CHUNKS, &[wrong], &[0; 131_072]).unwrap();
            assert!(Entry::open(&path, key(), &CHUNKS).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("entry");
        std::fs::create_dir(&path).unwrap();
        assert!(write(&path, key(), &CHUNKS, &places(), &[0; 131_072]).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_group_of_nothing_has_an_entry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("entry");
        write(&path, key(), &CHUNKS, &[], &[]).unwrap();
        let entry = Entry::open(&path, key(), &CHUNKS).unwrap();
        assert_eq!((entry.group().places, entry.group().bytes.length()), (&[][..], 0));
    }
}
