//! VMware's disk format (Virtual Disk Format 5.0).

pub mod descriptor;
pub mod header;
mod marker;
pub mod sparse;
pub mod stream;

use crate::error::{Error, Kind, Result};
use crate::units::{ByteSize, KIB};

/// The unit of the format, in bytes.
pub const SECTOR: u64 = 512;
/// Bytes of a grain: VMware writes 64 KiB, the only size that every reader knows.
pub const GRAIN: u64 = 64 * KIB;

/// Bytes within reach of 32-bit entries, which count sectors.
const REACH: u64 = SECTOR << 32;

/// # Errors
/// [`Kind::Input`] for a file that grows beyond what its tables can point to.
fn check_reach(length: u64) -> Result<()> {
    if length <= REACH {
        return Ok(());
    }
    let message = format!("a VMDK of {} passes the 2 TiB that its tables reach", ByteSize(length));
    Err(Error::new(Kind::Input, message).remedy("write it as raw, qcow2 or vhdx"))
}
