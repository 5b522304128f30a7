//! From one image format to another, without a copy between them: the image's reader is the new
//! disk's source.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Data, Disk, Extent, ReadAt, SharedReader};
use crate::error::{Error, Kind, Result};
use crate::format::{self, About, GuestOs, Job, Machine, Wanted, Written};
use crate::inspect::{self, Image};
use crate::profile::{Format, Hardware};
use crate::progress::Progress;
use crate::units::{Digest, Timestamp};

/// Runs are cut into pieces of at most this many bytes, so that writers can divide one among
/// threads.
const PIECE: u64 = crate::units::GIB;

impl ReadAt for Image {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        Image::read_at(self, buffer, offset)
    }
}

/// The disk in an image; its bytes are read on demand.
pub fn disk(image: &Arc<Image>) -> Result<Disk> {
    let reader = SharedReader::new(image.clone());
    let mut extents = Vec::new();
    for run in image.allocated()? {
        let mut offset = run.offset;
        while offset < run.end() {
            let length = PIECE.min(run.end() - offset);
            let data = Data::Read { reader: reader.clone(), offset, length };
            extents.push(Extent { offset, data });
            offset += length;
        }
    }
    Disk::new(image.size(), extents)
}

/// An image's machine, for formats that include a description: from the image's own record, or from
/// the file's name if slipway did not build the image.
pub fn machine(image: &Arc<Image>) -> Machine {
    // an image without a table, a root or a record can be converted, too
    let record = inspect::report(image).ok().and_then(|report| report.record);
    match record {
        Some(record) => Machine::of(&record),
        None => unknown(image),
    }
}

/// The name stands in for the plan: equal names give equal identifiers, in whatever folder.
fn unknown(image: &Image) -> Machine {
    let name = stem(image.path(), image.format());
    let hardware = Hardware::default();
    Machine {
        plan: Digest::of(format!("convert {name} {}", image.size())),
        time: Timestamp::default(),
        product: name.clone(),
        title: name.clone(),
        name,
        version: String::new(),
        full_version: String::new(),
        about: About::default(),
        os: GuestOs::Linux,
        vcpus: hardware.vcpus,
        memory: hardware.memory,
        settings: None,
    }
}

/// A file's name without its format's extension.
pub fn stem(path: &Path, format: Format) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = format!(".{}", format::extension(format));
    let own = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    name.strip_suffix(&ending).map_or_else(own, str::to_owned)
}

/// How to write an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// Whether to compute its SHA-256.
    pub digests: bool,
    /// The number of threads that encode.
    pub threads: NonZeroUsize,
}

/// Writes an image's disk as `wanted`.
///
/// # Errors
/// [`Kind::Refused`] when the target is the image itself. An image that turns out to be damaged on
/// the way is an error, too, and an existing target stays.
pub fn convert(
    image: &Arc<Image>,
    machine: &Machine,
    wanted: &Wanted,
    how: How,
    progress: &dyn Progress,
) -> Result<Written> {
    if is_same(image.path(), &wanted.path) {
        return Err(Error::new(Kind::Refused, "an image cannot be converted into itself")
            .at(&wanted.path)
            .remedy("give another path with --out"));
    }
    write(&disk(image)?, machine, wanted, how, progress)
}

fn write(
    disk: &Disk,
    machine: &Machine,
    wanted: &Wanted,
    how: How,
    progress: &dyn Progress,
) -> Result<Written> {
    let How { digests, threads } = how;
    let job = Job { disk, machine, cache: None, digests, threads };
    let written = format::write(&job, std::slice::from_ref(wanted), progress)?;
    let nothing = || Error::new(Kind::Io, "nothing was written").at(&wanted.path);
    written.into_iter().next().ok_or_else(nothing)
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        // a target that does not exist yet
        _ => false,
    }
}
