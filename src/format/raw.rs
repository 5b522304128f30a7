//! The disk's bytes as they are, in a sparse file.

use super::host::{HostFile, Part};
use crate::disk::Disk;
use crate::error::Result;

/// The file of a disk.
pub fn layout(disk: &Disk) -> Result<HostFile> {
    HostFile::new(disk.size(), vec![Part::disk(0, 0..disk.size())])
}

/// Whether all bytes are zero. Words of 16 bytes: the compiler makes vectors of them.
pub fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    rest.iter().all(|b| *b == 0) && words.iter().all(|w| u128::from_ne_bytes(*w) == 0)
}
