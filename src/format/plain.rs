//! The formats that hold the disk's bytes as they are: each is a [`HostFile`].

use uuid::Uuid;

use super::host::HostFile;
use super::{Machine, extension, qcow2, raw, vhd, vhdx, vmdk};
use crate::disk::Disk;
use crate::error::Result;
use crate::profile::Format;

/// The file of a disk; none for a format that holds the disk encoded. Without a machine all places and
/// lengths are the same, and only identifiers and names are not.
pub fn layout(format: Format, disk: &Disk, machine: Option<&Machine>) -> Result<Option<HostFile>> {
    let id = |what| machine.map_or(Uuid::nil(), |machine| machine.id(what));
    Ok(Some(match format {
        Format::Raw => raw::layout(disk)?,
        Format::Qcow2Plain => qcow2::plain::layout(disk)?,
        Format::Vhd => vhd::fixed::layout(disk, id("vhd"))?,
        Format::VhdDynamic => vhd::dynamic::layout(disk, id("vhd"))?,
        Format::Vhdx => {
            let ids =
                vhdx::Ids { file: id("vhdx file"), data: id("vhdx data"), disk: id("vhdx disk") };
            vhdx::layout(disk, ids)?
        }
        Format::VmdkSparse => {
            let stem = machine.map_or("", |machine| &machine.name);
            let name = format!("{stem}.{}", extension(format));
            vmdk::sparse::layout(disk, id("vmdk"), &name)?
        }
        Format::RawZst
        | Format::Qcow2
        | Format::Qcow2Zstd
        | Format::Vmdk
        | Format::Ova
        | Format::Gce => return Ok(None),
    }))
}

/// The most that the file takes, in bytes; nothing where it cannot be: the writing says why.
pub fn needed_bytes(format: Format, disk: &Disk) -> u64 {
    match layout(format, disk, None) {
        Ok(Some(file)) => file.stored(disk),
        Ok(None) | Err(_) => 0,
    }
}
