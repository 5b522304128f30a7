//! Where the bytes of a disk come from.

use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::tree::Content;

/// Bytes that are computed on demand: those of an image in another format.
///
/// It is a trait because a disk does not know the readers of formats, which are rooms above it.
pub trait ReadAt: Debug + Send + Sync {
    /// Fills `buffer` from `offset`; the caller stays within the data.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()>;
}

/// Something to read from. Two are equal only if they are the same object.
#[derive(Clone, Debug)]
pub struct SharedReader(Arc<dyn ReadAt>);

impl SharedReader {
    /// Wraps a source of bytes.
    pub fn new(reader: Arc<dyn ReadAt>) -> Self {
        Self(reader)
    }
}

impl PartialEq for SharedReader {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedReader {}

/// Where an extent's bytes are: in one of the places where a file's may be, or in another image,
/// which no tree contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// In one of the places where a file's bytes may be.
    Content(Content),
    /// In an image, from `offset` of its disk, `length` bytes.
    Read {
        /// The image.
        reader: SharedReader,
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
            Self::Content(content) => content.length(),
            Self::Read { length, .. } => *length,
        }
    }

    /// Fills `buffer` from `offset` (bytes from the data's start; the buffer must end within it).
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        match self {
            Self::Content(content) => content.read_at(buffer, offset),
            Self::Read { reader, offset: base, .. } => reader.0.read_at(buffer, base + offset),
        }
    }
}

impl From<Content> for Data {
    fn from(content: Content) -> Self {
        Self::Content(content)
    }
}
