//! Whether the output will fit on the builder's disks.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::units::ByteSize;

/// Checks that all of these bytes fit into their folders. The needs of folders on the same
/// filesystem add up.
pub fn check<'p>(needs: impl Iterator<Item = (&'p Path, u64)>) -> Result<()> {
    let mut filesystems: Vec<(u64, &Path, u64)> = Vec::new();
    for (folder, needed) in needs {
        let device = folder.metadata().at("cannot look at the folder", folder)?.dev();
        match filesystems.iter_mut().find(|(known, ..)| *known == device) {
            Some((_, _, sum)) => *sum = sum.saturating_add(needed),
            None => filesystems.push((device, folder, needed)),
        }
    }
    filesystems.into_iter().try_for_each(|(_, folder, needed)| fits(folder, needed))
}

fn fits(folder: &Path, needed: u64) -> Result<()> {
    let free = free(folder)?;
    if needed <= free {
        return Ok(());
    }
    let (needed, free) = (ByteSize(needed), ByteSize(free));
    let message = format!("up to {needed} are needed and {free} are free");
    Err(Error::new(Kind::NoSpace, message)
        .at(folder)
        .remedy("free some space, or write to a folder on another disk"))
}

/// The bytes that are free for a folder beyond those needs on the same filesystem. The folder need
/// not exist yet.
pub fn spare<'p>(folder: &Path, needs: impl Iterator<Item = (&'p Path, u64)>) -> Result<u64> {
    let mut there = Path::new(".");
    for above in folder.ancestors().filter(|above| *above != Path::new("")) {
        if file::is_folder(above)? {
            there = above;
            break;
        }
    }
    let device =
        |folder: &Path| folder.metadata().map(|m| m.dev()).at("cannot look at the folder", folder);
    let here = device(there)?;
    let mut spare = free(there)?;
    for (folder, needed) in needs {
        if device(folder)? == here {
            spare = spare.saturating_sub(needed);
        }
    }
    Ok(spare)
}

/// The bytes that are free in a folder for the user who runs this program.
fn free(folder: &Path) -> Result<u64> {
    rustix::fs::statvfs(folder)
        .map(|s| s.f_bavail.saturating_mul(s.f_frsize))
        .map_err(std::io::Error::from)
        .at("cannot read the free space", folder)
}
