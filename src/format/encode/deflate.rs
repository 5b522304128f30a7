//! Clusters of a qcow2 as raw deflate streams (docs/interop/qcow2.txt, "Compressed Clusters").

use flate2::{Compress, Compression, FlushCompress, Status};

use super::codec::{CLUSTER, Chunk};
use crate::error::{Error, Kind, Result};

/// Level of zlib-rs.
pub const LEVEL: u32 = 3;
/// log2 of the deflate window: QEMU writes 12, and readers that inflate in pieces rely on it.
const WINDOW_BITS: u8 = 12;

/// Encodes clusters.
pub struct Clusters {
    deflate: Compress,
    output: Vec<u8>,
}

impl Clusters {
    /// Allocates what all clusters share.
    pub fn new() -> Self {
        let level = Compression::new(LEVEL);
        let deflate = Compress::new_with_window_bits(level, false, WINDOW_BITS);
        // what is no shorter than a cluster is not worth its decoding
        Self { deflate, output: vec![0; CLUSTER as usize - 1] }
    }

    /// Encodes a cluster, or stores it when it does not get shorter.
    pub fn encode(&mut self, input: &[u8]) -> Result<Chunk> {
        self.deflate.reset();
        let failed = |e| Error::new(Kind::Damaged, "cannot compress").because(e);
        let status = self.deflate.compress(input, &mut self.output, FlushCompress::Finish);
        Ok(match status.map_err(failed)? {
            Status::StreamEnd => Chunk::encoded(&self.output[..self.deflate.total_out() as usize]),
            Status::Ok | Status::BufError => Chunk::stored(input),
        })
    }
}
