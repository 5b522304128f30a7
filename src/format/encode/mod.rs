//! Encoding a disk for several artifacts in one pass, on all cores, in order.
//!
//! A format implements [`Sink`]: it names its [`Codec`] and is given [`Event`]s in the order of the disk.
//! The contract, the same for every codec:
//!
//! - The disk is cut into chunks ([`Codec::chunk`] bytes; chunk `i` starts at `i` times that) and
//!   [`SEGMENT`]s. Chunks come in groups that never cross a segment's end: a group is
//!   [`Event::Start`], its [`Event::Chunk`]s by rising index, [`Event::End`]; or it is one [`Event::Copy`]
//!   with all of that in a file. A group may be empty, and what lies between groups is zeros.
//! - Each chunk has a place: an offset from the group's start, which the sink adds to where it wants the
//!   group (for qcow2 a multiple of the cluster; `packing` has the rules). `End` and `Copy` say how many
//!   bytes the whole group takes, so that a sink never works out a place itself.
//! - Chunks of zeros are left out, unless the codec's stream must hold all of the disk
//!   ([`Codec::holds_zeros`]): then they all come.
//!
//! Where groups start and end, and what is in them, depends on the disk alone, so a sink's bytes are the
//! same with any number of threads and whether a group was encoded now or comes from the cache.

pub(crate) mod cache;
mod codec;
mod deflate;
mod grain;
mod gzip;
mod packing;
mod pool;
mod segment;
mod walk;
mod zstd;

use std::fs::File;
use std::path::Path;

pub use cache::{Cache, DEFAULT_LIMIT, Stored, Trimmed, disk_usage};
pub use codec::{CLUSTER, Codec};
pub use walk::{Walked, Work, walk};

use crate::error::Result;
use crate::units::MIB;

/// Groups never cross multiples of this many bytes of the disk: what one grain table of a VMDK covers (512
/// grains of 64 KiB), and small enough that a group fits in memory many times.
pub const SEGMENT: u64 = 32 * MIB;

/// In which form a chunk is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the codec encodes it.
    Encoded,
    /// As it is, since it does not get shorter. Only codecs of qcow2 have this form.
    Stored,
}

/// A chunk and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which chunk of the disk.
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

/// A group of chunks in a file.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Its chunks.
    pub places: &'a [Place],
    /// The file.
    pub file: &'a File,
    /// The file's name, for errors.
    pub path: &'a Path,
    /// Where in the file the group starts.
    pub offset: u64,
    /// The bytes that the group takes, to be copied as they are.
    pub length: u64,
}

/// What a sink is given.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A group starts.
    Start,
    /// The group's next chunk.
    Chunk(Place, &'a [u8]),
    /// The group ends and takes this many bytes, what lies between chunks included.
    End {
        /// The group's length in bytes.
        length: u64,
    },
    /// A whole group.
    Copy(Group<'a>),
}

/// What an artifact does with the encoded disk.
pub trait Sink {
    /// The encoding that it wants.
    fn codec(&self) -> Codec;
    /// Takes the next event.
    fn put(&mut self, event: Event<'_>) -> Result<()>;
}
