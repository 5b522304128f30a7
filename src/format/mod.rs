//! Image formats: one file, one enum variant, one match arm each.
//!
//! A format holds the disk either encoded or unencoded. All encoded artifacts of a job come from
//! one pass over the disk ([`encode`]); the others are copied, each by itself (`host`).

mod copy;
mod cuts;
mod digest;
mod direct;
pub mod encode;
mod gce;
mod host;
mod machine;
mod ova;
mod pending;
mod plain;
mod qcow2;
mod raw;
pub(crate) mod space;
mod stream;
mod target;
pub(crate) mod threads;
pub(crate) mod used;
mod vhd;
mod vhdx;
mod vmdk;
mod writer;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub use cuts::EVERY as CUT_EVERY;
pub use encode::Cache;
pub use machine::{About, GuestOs, Machine, Settings};

use std::os::unix::fs::PermissionsExt;

use cuts::Cuts;
use pending::Pending;
use target::Target;
use writer::Writer;

use crate::disk::Disk;
use crate::error::{Context, Error, Kind, Result};
use crate::profile::Format;
use crate::progress::Progress;
use crate::units::Digest;
use crate::whole::folder_of;

/// A complete artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its format.
    pub format: Format,
    /// Its path.
    pub path: PathBuf,
    /// Its length in bytes, holes included.
    pub size: u64,
    /// The SHA-256 of all its bytes; none when [`Job::digests`] was off.
    pub digest: Option<Digest>,
    /// Where it may be cut so that images of one base have pieces in common: bytes from its start, rising. See `cuts`.
    pub cuts: Vec<u64>,
}

/// What is known of an artifact once its bytes are written.
#[derive(Debug, Default)]
struct Filled {
    digest: Option<Digest>,
    cuts: Cuts,
}

/// The name of the folder for encoded regions in a cache: see [`Job::cache`].
pub const CACHE: &str = "encoded";

/// One requested artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its format.
    pub format: Format,
    /// Where it goes.
    pub path: PathBuf,
}

/// The inputs of artifacts.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The machine around it, for formats that include a description.
    pub machine: &'a Machine,
    /// Encoded regions that images share; without a cache, everything is encoded anew.
    pub cache: Option<&'a Cache>,
    /// Whether to compute the artifacts' SHA-256. For a raw disk that takes longer than writing it,
    /// because of the holes, so a raw disk for your own use may do without.
    pub digests: bool,
    /// The number of threads that encode. The bytes are the same for any number.
    pub threads: NonZeroUsize,
}

/// The file name's extension, without the dot. No two formats share one, so that one build can
/// produce all of them.
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

/// The most space that writing `disk` can take on the builder's disk, in bytes. It is an upper
/// bound: how well contents compress is known only afterwards, and this exists to prevent running
/// out of space halfway.
pub fn needed_bytes(format: Format, disk: &Disk) -> u64 {
    match format {
        Format::Qcow2 | Format::Qcow2Zstd => qcow2::needed_bytes(disk),
        Format::Vmdk => vmdk::stream::needed_bytes(disk),
        Format::Ova => ova::needed_bytes(disk),
        Format::RawZst => stream::needed_bytes(disk, encode::Codec::Zstd),
        Format::Gce => gce::needed_bytes(disk),
        Format::Raw
        | Format::Qcow2Plain
        | Format::VmdkSparse
        | Format::Vhd
        | Format::VhdDynamic
        | Format::Vhdx => plain::needed_bytes(format, disk),
    }
}

/// Called before there is anything in the file: an image holds its customer's passwords, whatever
/// the umask says.
fn make_private(target: &Target<'_>) -> Result<()> {
    let owners = std::fs::Permissions::from_mode(0o600);
    target.file.set_permissions(owners).at("cannot set the mode", target.path)
}

/// Writes the disk in every wanted format. Nothing appears at a path before all artifacts are
/// complete; existing files stay until then.
///
/// # Errors
/// [`Kind::NoSpace`] before anything is written when there is less free space than [`needed_bytes`]
/// of all of them; [`Kind::Interrupted`] when `progress` ends the work. Existing files stay in both
/// cases.
pub fn write(job: &Job<'_>, wanted: &[Wanted], progress: &dyn Progress) -> Result<Vec<Written>> {
    let pending = wanted.iter().map(|wanted| Pending::create(&wanted.path));
    let pending = pending.collect::<Result<Vec<_>>>()?;
    space::check(needs(job, wanted))?;
    let targets: Vec<Target<'_>> = pending.iter().map(Pending::target).collect();
    targets.iter().try_for_each(make_private)?;
    let filled = fill(job, wanted, &targets, progress)?;
    let written = wanted.iter().zip(&pending).zip(filled);
    let written = written.map(|((wanted, pending), filled)| {
        let (Wanted { format, path }, size) = (wanted.clone(), pending.length()?);
        let Filled { digest, cuts } = filled;
        Ok(Written { format, path, size, digest, cuts: cuts.within(size) })
    });
    let written = written.collect::<Result<Vec<_>>>()?;
    progress.go_on()?;
    // the slow part first: giving all the names then takes only an instant
    pending.iter().try_for_each(Pending::flush)?;
    pending.into_iter().try_for_each(Pending::commit)?;
    if let Some(cache) = job.cache
        && let Err(error) = cache.trim(cache.limit())
    {
        progress.note(&format!("the cache of encoded regions cannot be made smaller: {error}"));
    }
    Ok(written)
}

/// Writes all artifacts' bytes.
fn fill(
    job: &Job<'_>,
    wanted: &[Wanted],
    targets: &[Target<'_>],
    progress: &dyn Progress,
) -> Result<Vec<Filled>> {
    let mut filled: Vec<_> = wanted.iter().map(|_| Filled::default()).collect();
    let (mut writers, mut encoded) = (Vec::new(), Vec::new());
    for (i, (wanted, target)) in wanted.iter().zip(targets).enumerate() {
        match Writer::new(job, wanted.format, *target)? {
            Some(writer) => {
                writers.push(writer);
                encoded.push(i);
            }
            None => filled[i] = copy_plain(job, wanted, *target, progress)?,
        }
    }
    let names: Vec<_> = encoded.iter().map(|i| wanted[*i].path.display().to_string()).collect();
    if !names.is_empty() {
        progress.step(&format!("writing {}", names.join(", ")), Some(job.disk.allocated()));
    }
    encode::walk(work(job, wanted)?, &mut writers, progress)?;
    let ends = encoded.iter().map(|i| targets[*i]).zip(writers).collect();
    for (i, end) in encoded.iter().zip(finish(ends, job.digests, progress)?) {
        filled[*i] = end;
    }
    Ok(filled)
}

/// Finishes encoded artifacts, each in its own thread: hashing takes the time, and each has its own
/// bytes. Meanwhile they are flushed to the disk.
fn finish(
    ends: Vec<(Target<'_>, Writer<'_>)>,
    digests: bool,
    progress: &dyn Progress,
) -> Result<Vec<Filled>> {
    let end = |target: Target<'_>, writer: Writer<'_>| {
        let mut filled = writer.finish(progress)?;
        if digests && filled.digest.is_none() {
            filled.digest = Some(digest::of(target, progress)?);
        }
        Ok(filled)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = ends
            .into_iter()
            .map(|(target, writer)| {
                let flushed = threads::beside(scope, move || target.flush())?;
                Ok((flushed, threads::beside(scope, move || end(target, writer))?))
            })
            .collect::<Result<_>>()?;
        let ended = |_| Error::new(Kind::Io, "a thread that finishes an artifact ended early");
        let filled = threads.into_iter().map(|(flushed, filled)| {
            // a disk reports an error only once: a later flush would not see it
            flushed.join().map_err(ended)??;
            filled.join().map_err(ended)?
        });
        filled.collect()
    })
}

/// The cache gets the free space beyond what the artifacts may need.
fn work<'a>(job: &Job<'a>, wanted: &[Wanted]) -> Result<encode::Work<'a>> {
    let spare = match job.cache {
        Some(cache) => space::spare(cache.folder(), needs(job, wanted))?,
        None => 0,
    };
    Ok(encode::Work { disk: job.disk, cache: job.cache, spare, threads: job.threads.get() })
}

/// The space that each artifact may need, and in which folder.
fn needs<'w>(job: &Job<'_>, wanted: &'w [Wanted]) -> impl Iterator<Item = (&'w Path, u64)> {
    wanted.iter().map(|w| (folder_of(&w.path), needed_bytes(w.format, job.disk)))
}

/// Writes a format that holds the disk's bytes unencoded.
fn copy_plain(
    job: &Job<'_>,
    wanted: &Wanted,
    target: Target<'_>,
    progress: &dyn Progress,
) -> Result<Filled> {
    let Some(file) = plain::layout(wanted.format, job.disk, Some(job.machine))? else {
        let message = format!("{} is neither encoded nor copied", wanted.format);
        return Err(Error::new(Kind::Damaged, message)
            .remedy("this is a defect of slipway: please report it"));
    };
    progress.step(&format!("writing {}", wanted.path.display()), Some(file.used(job.disk)));
    let digest = host::write(&file, job.disk, target, job.digests, progress)?;
    Ok(Filled { digest, cuts: Cuts::of_parts(file.parts(), job.disk) })
}
