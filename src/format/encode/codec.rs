//! The encodings that formats store chunks in.

use super::{Form, deflate, grain, gzip, zstd};
use crate::error::Result;
use crate::units::{KIB, MIB};

/// Bytes of a qcow2 cluster and of a VMDK grain: the default of both, which every reader knows.
pub const CLUSTER: u64 = 64 * KIB;
/// Bytes of an independent piece of a stream that is read from front to back: larger ones compress
/// a little better, but every thread holds one in memory.
const PIECE: u64 = MIB;

/// An encoding of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Clusters as raw deflate streams with a window of 4 KiB.
    Qcow2Deflate,
    /// Clusters as zstd frames.
    Qcow2Zstd,
    /// Grains of a streamOptimized VMDK: each with its marker, filled up to whole sectors.
    Grain,
    /// Pieces of one raw deflate stream that end on a byte, none of them the last of the stream.
    Gzip,
    /// Complete zstd frames with a checksum of their content.
    Zstd,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Qcow2Deflate, Self::Qcow2Zstd, Self::Grain, Self::Gzip, Self::Zstd];

    /// Its name, for people and in names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qcow2Deflate => "qcow2-deflate",
            Self::Qcow2Zstd => "qcow2-zstd",
            Self::Grain => "vmdk",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Whether a chunk's bytes contain its place on the disk.
    pub fn holds_position(self) -> bool {
        match self {
            Self::Grain => true,
            Self::Qcow2Deflate | Self::Qcow2Zstd | Self::Gzip | Self::Zstd => false,
        }
    }

    /// Bytes of the disk that one chunk holds.
    pub fn chunk(self) -> u64 {
        match self {
            Self::Qcow2Deflate | Self::Qcow2Zstd | Self::Grain => CLUSTER,
            Self::Gzip | Self::Zstd => PIECE,
        }
    }

    /// Whether the stream must hold the whole disk, including zeros, and nothing beyond its end.
    /// The other codecs leave out chunks of zeros, and pad the disk's last chunk with zeros.
    pub fn holds_zeros(self) -> bool {
        match self {
            Self::Qcow2Deflate | Self::Qcow2Zstd | Self::Grain => false,
            Self::Gzip | Self::Zstd => true,
        }
    }

    /// The alignment of groups, and of chunks that are stored uncompressed, in bytes.
    pub fn alignment(self) -> u64 {
        match self {
            Self::Qcow2Deflate | Self::Qcow2Zstd => CLUSTER,
            Self::Grain | Self::Gzip | Self::Zstd => 1,
        }
    }

    /// An encoder for one thread.
    pub(super) fn encoder(self) -> Result<Encoder> {
        Ok(match self {
            Self::Qcow2Deflate => Encoder::Qcow2Deflate(deflate::Clusters::new()),
            Self::Qcow2Zstd => Encoder::Qcow2Zstd(zstd::Clusters::new()?),
            Self::Grain => Encoder::Grain(grain::Grains::new()?),
            Self::Gzip => Encoder::Gzip(gzip::Pieces::new()),
            Self::Zstd => Encoder::Zstd(zstd::Frames::new()?),
        })
    }
}

/// An encoded chunk, before it has a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub form: Form,
    pub bytes: Vec<u8>,
    pub crc: u32,
}

impl Chunk {
    /// Encoded, without a checksum.
    pub fn encoded(bytes: &[u8]) -> Self {
        Self { form: Form::Encoded, bytes: bytes.to_vec(), crc: 0 }
    }

    /// Stored as it is.
    pub fn stored(bytes: &[u8]) -> Self {
        Self { form: Form::Stored, bytes: bytes.to_vec(), crc: 0 }
    }
}

/// The state that an encoding keeps between chunks, none of which affects their bytes.
pub(super) enum Encoder {
    Qcow2Deflate(deflate::Clusters),
    Qcow2Zstd(zstd::Clusters),
    Grain(grain::Grains),
    Gzip(gzip::Pieces),
    Zstd(zstd::Frames),
}

impl Encoder {
    /// Encodes chunk `index` of the disk, whose bytes are `input`.
    pub fn encode(&mut self, index: u64, input: &[u8]) -> Result<Chunk> {
        match self {
            Self::Qcow2Deflate(encoder) => encoder.encode(input),
            Self::Qcow2Zstd(encoder) => encoder.encode(input),
            Self::Grain(encoder) => encoder.encode(index, input),
            Self::Gzip(encoder) => encoder.encode(input),
            Self::Zstd(encoder) => encoder.encode(input),
        }
    }
}
