//! The 512-byte header of a tar member (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar
//! manual, "Basic Tar Format").

use crate::error::{Error, Kind, Result};

/// Bytes of a header, and the unit in which members are padded.
pub const BLOCK: u64 = 512;

/// Byte range of a field.
type Field = std::ops::Range<usize>;

const NAME: Field = 0..100;
const MODE: Field = 100..108;
const UID: Field = 108..116;
const GID: Field = 116..124;
const SIZE: Field = 124..136;
const MTIME: Field = 136..148;
const CHECKSUM: Field = 148..156;
const TYPE: usize = 156;
const LINK: Field = 157..257;
const MAGIC: Field = 257..265;
const MAJOR: Field = 329..337;
const MINOR: Field = 337..345;
const PREFIX: Field = 345..500;

/// Magic and version of the POSIX format; only there does the prefix field hold a part of the name.
const USTAR: &[u8; 8] = b"ustar\x0000";

/// The longest name that the name field holds.
pub const NAME_MAX: usize = 100;
/// The largest number that a field of eight bytes holds in octal.
pub const OCTAL7_MAX: u64 = 0o7_777_777;
/// The largest number that a field of twelve bytes holds in octal.
pub const OCTAL11_MAX: u64 = 0o77_777_777_777;

/// One header block.
#[derive(Clone)]
pub struct Header([u8; BLOCK as usize]);

impl Header {
    /// Takes a block; none when it is all zeros (the archive's end).
    ///
    /// # Errors
    /// [`Kind::Damaged`] when the checksum is wrong: this is no header.
    pub fn parse(block: [u8; BLOCK as usize]) -> Result<Option<Self>> {
        if block.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        let header = Self(block);
        if header.octal(CHECKSUM)? != header.checksum() {
            return Err(Error::new(Kind::Damaged, "a tar header's checksum is wrong"));
        }
        Ok(Some(header))
    }

    /// A header of the POSIX format.
    pub fn new(kind: u8, name: &[u8], size: u64) -> Self {
        let mut header = Self([0; BLOCK as usize]);
        let name = &name[..name.len().min(NAME_MAX)];
        header.0[NAME][..name.len()].copy_from_slice(name);
        header.0[MAGIC].copy_from_slice(USTAR);
        header.0[TYPE] = kind;
        for field in [MODE, UID, GID, MTIME, MAJOR, MINOR] {
            header.put(field, 0);
        }
        header.put(SIZE, size.min(OCTAL11_MAX));
        header
    }

    /// Mode, owner, group and whole seconds; what does not fit goes into a PAX record.
    pub fn set_meta(&mut self, mode: u16, uid: u64, gid: u64, mtime: u64) {
        self.put(MODE, u64::from(mode));
        self.put(UID, uid.min(OCTAL7_MAX));
        self.put(GID, gid.min(OCTAL7_MAX));
        self.put(MTIME, mtime.min(OCTAL11_MAX));
    }

    /// The link's target, cut to the field.
    pub fn set_link(&mut self, target: &[u8]) {
        let target = &target[..target.len().min(NAME_MAX)];
        self.0[LINK][..target.len()].copy_from_slice(target);
    }

    /// The device number.
    pub fn set_device(&mut self, major: u32, minor: u32) {
        self.put(MAJOR, u64::from(major).min(OCTAL7_MAX));
        self.put(MINOR, u64::from(minor).min(OCTAL7_MAX));
    }

    /// The block with its checksum.
    pub fn finish(mut self) -> [u8; BLOCK as usize] {
        let sum = format!("{:06o}\0 ", self.checksum());
        self.0[CHECKSUM].copy_from_slice(sum.as_bytes());
        self.0
    }

    /// The type flag.
    pub fn kind(&self) -> u8 {
        self.0[TYPE]
    }

    /// The member's name, prefix included.
    pub fn name(&self) -> Vec<u8> {
        let name = text(&self.0[NAME]);
        if &self.0[MAGIC] == USTAR && self.0[PREFIX.start] != 0 {
            return [text(&self.0[PREFIX]), name].join(&b'/');
        }
        name.to_vec()
    }

    /// The link's target.
    pub fn link(&self) -> Vec<u8> {
        text(&self.0[LINK]).to_vec()
    }

    /// Bytes of content.
    pub fn size(&self) -> Result<u64> {
        self.natural(SIZE)
    }

    /// Permission bits; the file type bits that some writers add are cut off.
    pub fn mode(&self) -> Result<u16> {
        Ok((self.natural(MODE)? & u64::from(crate::tree::MODE_BITS)) as u16)
    }

    /// Numeric owner.
    pub fn uid(&self) -> Result<u64> {
        self.natural(UID)
    }

    /// Numeric group.
    pub fn gid(&self) -> Result<u64> {
        self.natural(GID)
    }

    /// Seconds since 1970.
    pub fn mtime(&self) -> Result<i64> {
        self.number(MTIME)
    }

    /// Device number: major and minor part.
    pub fn device(&self) -> Result<(u32, u32)> {
        let part = |field| u32::try_from(self.natural(field)?).map_err(|_| wrong());
        Ok((part(MAJOR)?, part(MINOR)?))
    }

    fn natural(&self, field: Field) -> Result<u64> {
        u64::try_from(self.number(field)?).map_err(|_| wrong())
    }

    /// Octal digits, or (GNU) a big-endian two's complement number after a first byte of 0x80 or
    /// 0xFF.
    fn number(&self, field: Field) -> Result<i64> {
        let bytes = &self.0[field.clone()];
        if !matches!(bytes[0], 0x80 | 0xff) {
            return self.octal(field).map(|n| n as i64);
        }
        let fill = if bytes[0] == 0xff { 0xff } else { 0 };
        let low = &bytes[bytes.len().saturating_sub(8).max(1)..];
        let mut number = [fill; 8];
        number[8 - low.len()..].copy_from_slice(low);
        let fits = bytes[1..bytes.len() - low.len()].iter().all(|&b| b == fill);
        let number = i64::from_be_bytes(number);
        if fits && (number < 0) == (fill != 0) { Ok(number) } else { Err(wrong()) }
    }

    fn octal(&self, field: Field) -> Result<u64> {
        let digits = self.0[field].split(|b| matches!(b, 0 | b' ')).find(|part| !part.is_empty());
        digits.unwrap_or_default().iter().try_fold(0, |number, digit| match digit {
            b'0'..=b'7' => Ok(number << 3 | u64::from(digit - b'0')),
            _ => Err(wrong()),
        })
    }

    fn put(&mut self, field: Field, number: u64) {
        let width = field.len() - 1;
        self.0[field][..width].copy_from_slice(format!("{number:0width$o}").as_bytes());
    }

    /// The sum of all bytes, with those of the checksum itself counted as spaces.
    fn checksum(&self) -> u64 {
        let at = |(i, &b): (usize, &u8)| u64::from(if CHECKSUM.contains(&i) { b' ' } else { b });
        self.0.iter().enumerate().map(at).sum()
    }
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

fn wrong() -> Error {
    Error::new(Kind::Damaged, "a number in a tar header is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        let mut header = Header::new(b'3', b"dev/null", 0);
        header.set_meta(0o666, 7, 8, 99);
        header.set_device(1, 3);
        let header = Header::parse(header.finish()).unwrap().unwrap();
        assert_eq!((header.name(), header.kind()), (b"dev/null".to_vec(), b'3'));
        assert_eq!((header.mode().unwrap(), header.uid().unwrap()), (0o666, 7));
        assert_eq!((header.mtime().unwrap(), header.device().unwrap()), (99, (1, 3)));
    }

    #[test]
    fn base_256_numbers_are_read_with_their_sign() {
        let mut header = Header::new(b'0', b"a", 0);
        header.0[MTIME].copy_from_slice(&[0xff; 12]);
        assert_eq!(header.mtime().unwrap(), -1);
        header.0[UID].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(header.uid().unwrap(), 0xffff_fffe);
        header.0[SIZE].copy_from_slice(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(header.size().is_err());
    }

    #[test]
    fn a_block_with_a_wrong_checksum_is_no_header() {
        let mut block = Header::new(b'0', b"a", 0).finish();
        block[0] ^= 1;
        assert!(Header::parse(block).is_err());
        assert!(Header::parse([0; 512]).unwrap().is_none());
    }
}
