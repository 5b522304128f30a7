//! The disk's bytes, unencoded, in a sparse file.

use super::host::{HostFile, Part};
use crate::disk::Disk;
use crate::error::Result;

/// The file of a disk.
pub fn layout(disk: &Disk) -> Result<HostFile> {
    HostFile::new(disk.size(), vec![Part::disk(0, 0..disk.size())])
}
