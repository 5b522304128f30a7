//! Where the bytes of a disk come from.

use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::pack::Pack;
use crate::tree::Content;

/// Bytes that are worked out when they are asked for: those of an image in another format.
///
/// A trait, for a disk does not know the readers of formats: they lie behind it in the way of the data.
pub trait ReadAt: Debug + Send + Sync {
    /// Fills `buffer` from `offset`; the caller stays within what is there.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()>;
}

/// Something to read from. Equal is only what is the same.
#[derive(Clone, Debug)]
pub struct Reader(Arc<dyn ReadAt>);

impl Reader {
    /// Takes what reads.
    pub fn new(reader: Arc<dyn ReadAt>) -> Self {
        Self(reader)
    }
}

impl PartialEq for Reader {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Reader {}

/// Where an extent's bytes are: where a file's may be, or in another image. A tree cannot hold the latter,
/// so this is not the tree's [`Content`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// In a pack, from `offset`, `length` bytes.
    Packed {
        /// The pack.
        pack: Arc<Pack>,
        /// Bytes from the pack's start.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// In an image, from `offset` of its disk, `length` bytes.
    Read {
        /// The image.
        reader: Reader,
        /// Bytes from its start.
        offset: u64,
        /// Bytes.
        length: u64,
    },
}

impl Data {
    /// Bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Packed { length, .. } | Self::Read { length, .. } => *length,
        }
    }

    /// Fills `buffer` from `offset` (bytes from the data's start; the buffer must end within it).
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let start = offset as usize;
                buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
                Ok(())
            }
            Self::Packed { pack, offset: base, .. } => pack.read_at(buffer, base + offset),
            Self::Read { reader, offset: base, .. } => reader.0.read_at(buffer, base + offset),
        }
    }
}

impl From<Content> for Data {
    fn from(content: Content) -> Self {
        match content {
            Content::Bytes(bytes) => Self::Bytes(bytes),
            Content::Packed { pack, offset, length } => Self::Packed { pack, offset, length },
        }
    }
}
