//! Virtual hard disks (Microsoft's Virtual Hard Disk Image Format Specification, 1.0).
//!
//! Two things go wrong with it elsewhere, and are designed out here:
//! - Readers that take the size from the footer's geometry see another disk than those that use its
//!   "current size", because most sizes are not the product of any geometry. Tools that round the
//!   disk up to a geometry end up with sizes that Azure refuses: it requires whole MiB in the
//!   current size (coreos/coreos-assembler#1131, microsoft/azurelinux#16018). Here the current size
//!   is the disk's, the geometry is what the specification computes for it, and the creator is one
//!   whose files QEMU reads by their current size.
//! - Times and identifiers make every file different. Here the time stamp is the format's zero, and
//!   the identifier follows from the plan.

pub mod dynamic;
pub mod fixed;
mod footer;
mod geometry;

use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::format::host::sectors_of;
use crate::units::{ByteSize, GIB};

/// The unit of the format, in bytes.
const SECTOR: u64 = 512;
/// The largest disk, in bytes: the part of the 2 TiB within reach of 32-bit offsets that Hyper-V
/// and QEMU accept.
const SIZE_MAX: u64 = 2040 * GIB;

/// # Errors
/// [`Kind::Input`] for a disk that a VHD cannot hold.
fn check(disk: &Disk) -> Result<()> {
    sectors_of(disk, SECTOR)?;
    if disk.size() <= SIZE_MAX {
        return Ok(());
    }
    let message = format!("a disk of {} does not fit in a VHD", ByteSize(disk.size()));
    let most = ByteSize(SIZE_MAX);
    Err(Error::new(Kind::Input, message)
        .remedy(format!("write it as vhdx, or ask for {most} or less")))
}

/// The ones' complement of the sum of all bytes, with the checksum's own counted as zero ("Hard
/// Disk Footer Format").
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>()
}
