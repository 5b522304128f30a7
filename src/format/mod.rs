//! Image formats: one file, one enum variant, one match arm each.

mod pending;
mod qcow2;
mod raw;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use pending::{Pending, folder_of};

use crate::disk::Disk;
use crate::error::{Context, Error, Kind, Result};
use crate::profile::Format;
use crate::progress::Progress;
use crate::units::{ByteSize, Digest};

/// A complete artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length in bytes, holes included.
    pub size: u64,
    /// The SHA-256 of all its bytes.
    pub digest: Digest,
}

/// The file name's ending, without the dot.
pub fn extension(format: Format) -> &'static str {
    match format {
        Format::Raw => "raw",
        Format::Qcow2 => "qcow2",
    }
}

/// The most that writing `disk` can take on the disk of the builder, in bytes. An upper bound: how well
/// contents compress is known only afterwards, and running out half way is what this is here to prevent.
pub fn needed_bytes(format: Format, disk: &Disk) -> u64 {
    match format {
        Format::Raw => raw::needed_bytes(disk),
        Format::Qcow2 => qcow2::needed_bytes(disk),
    }
}

/// Writes `disk` to `path` as `format`. Nothing lies at `path` before it is complete; what was there
/// stays until then.
///
/// # Errors
/// [`Kind::NoSpace`] before anything is written when [`needed_bytes`] are not free.
pub fn write(format: Format, disk: &Disk, path: &Path, progress: &dyn Progress) -> Result<Written> {
    let pending = Pending::create(path)?;
    check_space(folder_of(path), needed_bytes(format, disk))?;
    let target = Target { file: pending.file(), path: pending.path() };
    progress.step(&format!("writing {}", path.display()), Some(disk.allocated()));
    let digest = match format {
        Format::Raw => raw::write(disk, target, progress)?,
        Format::Qcow2 => qcow2::write(disk, target, progress)?,
    };
    let size = pending.file().metadata().at("cannot read the length", path)?.len();
    pending.commit()?;
    Ok(Written { path: path.to_owned(), size, digest })
}

/// The file that a format writes, and its name for errors.
#[derive(Clone, Copy, Debug)]
struct Target<'a> {
    file: &'a File,
    path: &'a Path,
}

impl Target<'_> {
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).at("cannot write", self.path)
    }
}

fn check_space(folder: &Path, needed: u64) -> Result<()> {
    let free = rustix::fs::statvfs(folder)
        .map(|s| s.f_bavail.saturating_mul(s.f_frsize))
        .map_err(std::io::Error::from)
        .at("cannot read the free space", folder)?;
    if needed <= free {
        return Ok(());
    }
    let (needed, free) = (ByteSize(needed), ByteSize(free));
    let message = format!("up to {needed} are needed and {free} are free");
    Err(Error::new(Kind::NoSpace, message)
        .at(folder)
        .remedy("free some space, or write to a folder on another disk"))
}
