//! A fixed VHD: the disk's bytes, and a footer. It is the only form that Azure accepts.

use uuid::Uuid;

use super::footer::{Kind as FooterKind, footer};
use super::{SECTOR, check};
use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::format::host::{HostFile, Part};
use crate::units::MIB;

/// The file of a disk.
///
/// # Errors
/// [`Kind::Input`] for a disk that is too large, or not in whole MiB. Rounding it up here was
/// rejected: the backup partition table would no longer be at the end.
pub fn layout(disk: &Disk, id: Uuid) -> Result<HostFile> {
    check(disk)?;
    let size = disk.size();
    if !size.is_multiple_of(MIB) {
        let message = format!("Azure refuses a VHD of {size} bytes: not a whole number of MiB");
        return Err(Error::new(Kind::Input, message)
            .remedy(format!("make the disk {} MiB, or write it as vhdx", size.div_ceil(MIB))));
    }
    let footer = footer(FooterKind::Fixed, size, id);
    HostFile::new(size + SECTOR, vec![Part::disk(0, 0..size), Part::bytes(size, footer)])
}
