//! The archive's frame: ustar (IEEE 1003.1-1988), as DSP0243 1.1.0 requires ("Distribution as a
//! Single File"). Members are placed by arithmetic, since their contents are written out of order.

use crate::error::{Context, Result};
use crate::units::Timestamp;

/// Bytes of a header, and the unit to which contents are padded.
pub const BLOCK: u64 = 512;
/// Two blocks of zeros end an archive. Only a tape drive needs more, up to tar's record of 20
/// blocks.
pub const END: [u8; 2 * BLOCK as usize] = [0; 2 * BLOCK as usize];
/// Readable by all: nothing in an appliance's description is a secret.
const MODE: u32 = 0o644;

/// A member's header.
///
/// A size from 8 GiB on is stored in base 256, as GNU tar does it: ustar's octal digits end there.
/// Names of owners stay empty, so that the builder's do not reach the archive.
pub fn header(name: &str, size: u64, time: Timestamp) -> Result<[u8; BLOCK as usize]> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).doing(format!("{name:?} cannot be the name of a member"))?;
    header.set_mode(MODE);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(time.seconds.max(0).unsigned_abs());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// Where the next header starts after a member's content of `size` bytes at `offset`.
pub fn next(offset: u64, size: u64) -> u64 {
    offset + size.next_multiple_of(BLOCK)
}

/// A complete member: header, content, and zeros up to a whole block.
pub fn member(name: &str, content: &[u8], time: Timestamp) -> Result<Vec<u8>> {
    let mut bytes = header(name, content.len() as u64, time)?.to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK as usize), 0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::GIB;

    fn read(bytes: &[u8]) -> (String, u64) {
        let header = tar::Header::from_byte_slice(bytes);
        let path = header.path().unwrap().to_string_lossy().into_owned();
        (path, header.entry_size().unwrap())
    }

    #[test]
    fn a_member_of_more_than_8_gib_keeps_its_size() {
        for size in [0, 8 * GIB - 1, 8 * GIB, 3000 * GIB] {
            let header = header("disk.vmdk", size, Timestamp::from_seconds(1)).unwrap();
            assert_eq!(read(&header), ("disk.vmdk".to_owned(), size));
        }
    }

    #[test]
    fn a_member_fills_whole_blocks() {
        let member = member("a", &[7; 513], Timestamp::default()).unwrap();
        assert_eq!(member.len() as u64, next(BLOCK, 513));
        assert_eq!(member.len(), 3 * 512);
        assert!(member[1025..].iter().all(|b| *b == 0));
    }

    #[test]
    fn a_name_that_does_not_fit_is_an_error() {
        assert!(header(&"a".repeat(101), 1, Timestamp::default()).is_err());
    }
}
