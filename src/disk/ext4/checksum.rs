//! crc32c as ext4 uses it: Documentation/filesystems/ext4/checksums.rst.

/// The checksum of `bytes`, continuing from `seed`, without the final inversion of the textbook
/// form.
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// The polynomial of CRC-32C, its bits reversed (RFC 3720, appendix B.4).
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// The value from which the checksums of all our filesystems start: see [`with_common_seed`]. Any would do.
const COMMON: u32 = 0x736C_6970;

/// A UUID whose last four bytes are chosen so that the checksums of its filesystem start from the same value as those of
/// all others of ours.
///
/// Customers' images have most of their inodes and folders in common, but every one of these holds a checksum that starts
/// from the UUID: without this, each image would have megabytes of its own that say the same. The other bytes still tell
/// filesystems apart. The same UUID for all was rejected: two customers' disks may be attached to one machine.
pub(in crate::disk) fn with_common_seed(mut uuid: [u8; 16]) -> [u8; 16] {
    let (front, end) = uuid.split_at_mut(12);
    // what the register has to hold when the last four bytes come, with these added to it
    let mut wanted = COMMON;
    for _ in 0..32 {
        let top = wanted >> 31;
        wanted = ((wanted ^ (POLYNOMIAL * top)) << 1) | top;
    }
    end.copy_from_slice(&(wanted ^ crc32c(!0, front)).to_le_bytes());
    uuid
}

/// The value from which every checksum of a filesystem starts. A stored seed (`metadata_csum_seed`)
/// was rejected: it lets the UUID change on a mounted filesystem, and GRUB before 2.12 refuses to
/// read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u32);

impl Seed {
    pub fn of_filesystem(uuid: &[u8; 16]) -> Self {
        Self(crc32c(!0, uuid))
    }

    /// The checksums of one inode's data also include its number and generation. Our generation is
    /// always 0, because a random one would make two builds differ.
    pub fn of_inode(self, number: u32) -> Self {
        let seed = crc32c(self.0, &number.to_le_bytes());
        Self(crc32c(seed, &[0; 4]))
    }

    pub fn sum(self, parts: &[&[u8]]) -> u32 {
        parts.iter().fold(self.0, |sum, part| crc32c(sum, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filesystems_of_different_uuids_have_the_same_seed_and_stay_different() {
        let seeds = [[7; 16], [0; 16], *b"0123456789abcdef"].map(|uuid| {
            let chosen = with_common_seed(uuid);
            assert_eq!(chosen[..12], uuid[..12]);
            Seed::of_filesystem(&chosen).0
        });
        assert_eq!(seeds, [COMMON; 3]);
    }

    #[test]
    fn the_checksum_is_the_textbook_one_without_its_last_inversion() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xE306_9283);
    }
}
