//! Pieces of one deflate stream (RFC 1951) that are made separately: none refers to the bytes
//! before it, and each ends with an empty stored block, which completes its last byte. Back to back
//! they form the body of one gzip member, which a last block then ends.

use flate2::{Compress, Compression, FlushCompress};

use super::Form;
use super::codec::{Chunk, Codec};
use crate::error::{Error, Kind, Result};

/// Level of zlib-rs.
pub const LEVEL: u32 = 5;
/// The extra bytes of a piece that cannot be compressed: five for each stored block of 64 KiB or
/// less, according to zlib's documentation of deflateBound, and a generous amount for the flush.
const SLACK: usize = 16 * 1024;

/// Encodes pieces.
pub struct Pieces {
    deflate: Compress,
    output: Vec<u8>,
}

impl Pieces {
    /// Allocates the memory that all pieces share.
    pub fn new() -> Self {
        let deflate = Compress::new(Compression::new(LEVEL), false);
        Self { deflate, output: vec![0; Codec::Gzip.chunk() as usize + SLACK] }
    }

    /// Encodes a piece of any length up to [`Codec::chunk`].
    pub fn encode(&mut self, input: &[u8]) -> Result<Chunk> {
        self.deflate.reset();
        let failed = || Error::new(Kind::Damaged, "cannot compress");
        let status = self.deflate.compress(input, &mut self.output, FlushCompress::Sync);
        status.map_err(|e| failed().because(e))?;
        let length = self.deflate.total_out() as usize;
        if self.deflate.total_in() != input.len() as u64 || length == self.output.len() {
            return Err(failed());
        }
        let bytes = self.output[..length].to_vec();
        Ok(Chunk { form: Form::Encoded, bytes, crc: crc32fast::hash(input) })
    }
}
