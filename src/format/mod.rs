//! Image formats: one file, one enum variant, one match arm each.

mod machine;
mod pending;
mod qcow2;
mod raw;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub use machine::Machine;

use pending::{Pending, folder_of};

use crate::disk::Disk;
use crate::error::{Context, Error, Kind, Result};
use crate::profile::Format;
use crate::progress::Progress;
use crate::units::{ByteSize, Digest};

/// A complete artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its format.
    pub format: Format,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length in bytes, holes included.
    pub size: u64,
    /// The SHA-256 of all its bytes; none when [`Job::digests`] was off.
    pub digest: Option<Digest>,
}

/// The folder of a cache where encoded regions lie: see [`Job::cache`].
pub const CACHE: &str = "encoded";

/// One artifact that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// In which format.
    pub format: Format,
    /// Where it goes.
    pub path: PathBuf,
}

/// What artifacts are made of.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The machine around it: what formats with a description say.
    pub machine: &'a Machine,
    /// The folder of encoded regions that images share; without one, everything is encoded here and now.
    pub cache: Option<&'a Path>,
    /// Whether to work out the artifacts' SHA-256. That of a raw disk takes longer than writing it, holes
    /// included, so a raw disk for one's own use may go without.
    pub digests: bool,
}

/// The file name's ending, without the dot. No two formats share one, so that one build can have all.
pub fn extension(format: Format) -> &'static str {
    match format {
        Format::Raw => "raw",
        Format::RawZst => "raw.zst",
        Format::Qcow2 => "qcow2",
        Format::Qcow2Zstd => "zstd.qcow2",
        Format::Qcow2Plain => "plain.qcow2",
        Format::Vmdk => "vmdk",
        Format::VmdkSparse => "sparse.vmdk",
        Format::Ova => "ova",
        Format::Vhd => "vhd",
        Format::VhdDynamic => "dynamic.vhd",
        Format::Vhdx => "vhdx",
        Format::Gce => "tar.gz",
    }
}

/// The most that writing `disk` can take on the disk of the builder, in bytes. An upper bound: how well
/// contents compress is known only afterwards, and running out half way is what this is here to prevent.
pub fn needed_bytes(format: Format, disk: &Disk) -> u64 {
    match format {
        Format::Qcow2 => qcow2::needed_bytes(disk),
        _ => raw::needed_bytes(disk),
    }
}

/// Writes the disk in every wanted format. Nothing lies at a path before it is complete; what was there
/// stays until then.
///
/// # Errors
/// [`Kind::NoSpace`] before anything is written when [`needed_bytes`] are not free.
pub fn write(job: &Job<'_>, wanted: &[Wanted], progress: &dyn Progress) -> Result<Vec<Written>> {
    wanted.iter().map(|wanted| write_one(job, wanted, progress)).collect()
}

fn write_one(job: &Job<'_>, wanted: &Wanted, progress: &dyn Progress) -> Result<Written> {
    let (disk, path) = (job.disk, &wanted.path);
    let pending = Pending::create(path)?;
    check_space(folder_of(path), needed_bytes(wanted.format, disk))?;
    let target = Target { file: pending.file(), path: pending.path() };
    progress.step(&format!("writing {}", path.display()), Some(disk.allocated()));
    let digest = match wanted.format {
        Format::Raw => raw::write(disk, target, progress)?,
        Format::Qcow2 => qcow2::write(disk, target, progress)?,
        other => {
            let message = format!("slipway cannot write {other} yet");
            return Err(Error::new(Kind::Refused, message));
        }
    };
    let size = pending.file().metadata().at("cannot read the length", path)?.len();
    pending.commit()?;
    Ok(Written {
        format: wanted.format,
        path: path.clone(),
        size,
        digest: job.digests.then_some(digest),
    })
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
