//! crc32c as ext4 uses it: Documentation/filesystems/ext4/checksums.rst.

/// The checksum of `bytes`, continuing from `seed`, without the final inversion of the textbook
/// form.
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
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
    fn the_checksum_is_the_textbook_one_without_its_last_inversion() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xE306_9283);
    }
}
