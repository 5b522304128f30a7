//! Encodes a disk for several artifacts in one pass, on all cores, in order.
//!
//! A format implements [`Sink`]: it names its [`Codec`] and receives [`Group`]s in the order of the
//! disk. The contract is the same for every codec:
//!
//! - The disk is cut into chunks ([`Codec::chunk`] bytes; chunk `i` starts at `i` times that) and
//!   [`SEGMENT`]s. Chunks come in groups that never cross a segment's end. A group may be empty,
//!   and everything between groups is zeros.
//! - Each chunk has a place: an offset from the group's start, which the sink adds to the place
//!   that it chooses for the group (for qcow2 a multiple of the cluster; `packing` has the rules).
//!   The group's bytes are written unchanged, so a sink never computes a place itself.
//! - Chunks of zeros are left out, unless the codec's stream must hold the whole disk
//!   ([`Codec::holds_zeros`]): then every chunk comes.
//!
//! Where groups start and end, and what is in them, depends on the disk alone. So a sink's bytes
//! are the same for any number of threads, and whether a group was encoded now or comes from the
//! cache.
//!
//! Sinks receive whole groups, not single chunks: the artifact and the cache's entry get the same
//! bytes from one buffer, in writes much larger than a cluster, and the entry bypasses the page
//! cache.
//!
//! The way through: `segment` says which chunks form a group, and which groups other images share. `walk` hands them to
//! the threads of `pool`, which take a group from `cache`, or encode its chunks with a codec (`codec` lists them: `deflate`,
//! `grain`, `gzip`, `zstd`). `packing` gives each chunk its place, `assembly` holds a group while they arrive, and
//! `walk` passes it on in order.

mod assembly;
pub(crate) mod cache;
mod codec;
mod deflate;
mod grain;
mod gzip;
mod packing;
mod pool;
pub(in crate::format) mod segment;
mod walk;
mod zstd;

pub use cache::{Cache, DEFAULT_LIMIT, Outline, Stored, Trimmed, disk_usage};
pub use codec::{CLUSTER, Codec};
pub use walk::{Walked, Work, walk};

use super::Target;
use super::copy::{self, Origin};
use crate::error::Result;
use crate::units::MIB;

/// Groups never cross multiples of this many bytes of the disk: a divisor of the range that one
/// grain table of a VMDK covers (512 grains of 64 KiB), and small enough that a group of each codec
/// fits in memory. Every group of a qcow2 ends within a cluster, so smaller ones would make longer
/// files.
pub const SEGMENT: u64 = 16 * MIB;

/// The form in which a chunk is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the codec encodes it.
    Encoded,
    /// Uncompressed, since it does not get shorter. Only qcow2's codecs have this form.
    Stored,
}

/// A chunk and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chunk's index on the disk.
    pub index: u64,
    /// How it is stored.
    pub form: Form,
    /// Bytes from the group's start.
    pub offset: u64,
    /// Bytes that it takes there.
    pub length: u64,
    /// The CRC-32 of the chunk's own bytes, for [`Codec::Gzip`]; 0 for the others.
    pub crc: u32,
}

/// A group of chunks.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Its chunks, by rising index.
    pub places: &'a [Place],
    /// All its bytes, including those between chunks.
    pub bytes: Bytes<'a>,
    /// Whether all of it is from packs, so that other images have it, too.
    pub shared: bool,
}

/// Where a group's bytes are.
#[derive(Clone, Copy, Debug)]
pub enum Bytes<'a> {
    /// In memory: they were just encoded.
    Fresh(&'a [u8]),
    /// In a file, from an earlier build.
    Kept(Origin<'a>),
}

impl Bytes<'_> {
    /// Their number.
    pub fn length(&self) -> u64 {
        match self {
            Self::Fresh(bytes) => bytes.len() as u64,
            Self::Kept(origin) => origin.length,
        }
    }

    /// Writes them to a file, `offset` bytes from its start.
    pub(super) fn write(&self, target: Target<'_>, offset: u64) -> Result<()> {
        match self {
            Self::Fresh(bytes) => target.write_early_at(bytes, offset),
            Self::Kept(origin) => copy::copy(*origin, target, offset),
        }
    }
}

/// What an artifact does with the encoded disk.
pub trait Sink {
    /// The encoding that it wants.
    fn codec(&self) -> Codec;
    /// Takes the next group.
    fn put(&mut self, group: &Group<'_>) -> Result<()>;
}
