//! Writes disks as artifacts.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use slipway::disk::Disk;
use slipway::error::Result;
use slipway::format::{self, About, Cache, GuestOs, Job, Machine, Settings, Wanted, Written};
use slipway::profile::Format;
use slipway::progress::{Progress, Quiet};
use slipway::units::{ByteSize, Digest, GIB, Timestamp};

/// A machine for formats that describe one.
pub fn machine() -> Machine {
    Machine {
        plan: Digest::of("a plan"),
        time: Timestamp::from_seconds(1_700_000_000),
        name: "demo-1.0.0".into(),
        title: "demo-1.0.0".into(),
        product: "Demo".into(),
        version: "1.0.0".into(),
        full_version: "demo-1.0.0 (plan 0123456789ab)".into(),
        about: About { vendor: "Example".into(), ..About::default() },
        os: GuestOs::Debian,
        vcpus: 2,
        memory: ByteSize(2 * GIB),
        settings: Some(Settings { hostname: "demo".into(), ..Settings::default() }),
    }
}

/// The number of threads that encode unless a test says otherwise: the bytes are the same for any
/// number.
pub const THREADS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// Writes a disk to `path`, using the cache in `cache` if one is given.
pub fn try_write(
    format: Format,
    disk: &Disk,
    path: &Path,
    cache: Option<&Cache>,
) -> Result<Written> {
    let machine = machine();
    let job = Job { disk, machine: &machine, cache, digests: true, threads: THREADS };
    let wanted = Wanted { format, path: path.to_owned() };
    Ok(format::write(&job, &[wanted], &Quiet)?.remove(0))
}

/// Writes a disk into a folder in several formats, as one job.
pub fn write_all(
    formats: &[Format],
    disk: &Disk,
    folder: &Path,
    cache: Option<&Cache>,
) -> Vec<PathBuf> {
    write_how(formats, disk, folder, How { threads: THREADS, progress: &Quiet, cache }).unwrap()
}

/// How to write several artifacts.
pub struct How<'a> {
    pub threads: NonZeroUsize,
    pub progress: &'a dyn Progress,
    pub cache: Option<&'a Cache>,
}

/// The path of an artifact in a folder.
pub fn path(folder: &Path, format: Format) -> PathBuf {
    folder.join(format!("disk.{}", format::extension(format)))
}

/// Writes a disk into a folder in several formats, as one job.
pub fn write_how(
    formats: &[Format],
    disk: &Disk,
    folder: &Path,
    how: How<'_>,
) -> Result<Vec<PathBuf>> {
    let machine = machine();
    let How { threads, progress, cache } = how;
    let job = Job { disk, machine: &machine, cache, digests: true, threads };
    let wanted = |&format: &Format| Wanted { format, path: path(folder, format) };
    let wanted: Vec<_> = formats.iter().map(wanted).collect();
    let written = format::write(&job, &wanted, progress)?;
    Ok(written.into_iter().map(|written| written.path).collect())
}

/// Writes a disk into a folder, without a cache.
pub fn write(format: Format, disk: &Disk, folder: &Path) -> PathBuf {
    let path = folder.join(format!("disk.{}", format::extension(format)));
    try_write(format, disk, &path, None).unwrap();
    path
}

/// Writes a disk to `path` without its digest: hashing a large disk's holes takes longer than
/// everything else.
pub fn undigested(format: Format, disk: &Disk, path: &Path) -> Written {
    let machine = machine();
    let job = Job { disk, machine: &machine, cache: None, digests: false, threads: THREADS };
    let wanted = Wanted { format, path: path.to_owned() };
    format::write(&job, &[wanted], &Quiet).unwrap().remove(0)
}
