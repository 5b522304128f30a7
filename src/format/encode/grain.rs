//! Grains of a streamOptimized VMDK (VMware Virtual Disk Format 5.0, "Compressed Grains": a marker,
//! then a zlib stream, padded with zeros to whole sectors).

use libdeflater::{CompressionLvl, Compressor};

use super::codec::{CLUSTER, Chunk};
use crate::error::{Error, Kind, Result};

/// Level of libdeflate.
pub const LEVEL: i32 = 3;
/// Bytes of a sector.
const SECTOR: u64 = 512;
/// Bytes of a grain's marker: the grain's first sector (u64) and the length of its stream (u32).
const MARKER: usize = 12;

/// Encodes grains.
pub struct Grains {
    compressor: Compressor,
    output: Vec<u8>,
}

impl Grains {
    /// Allocates the memory that all grains share.
    pub fn new() -> Result<Self> {
        let level = CompressionLvl::new(LEVEL).map_err(|_| failed("is no level of libdeflate"))?;
        let mut compressor = Compressor::new(level);
        let bound = compressor.zlib_compress_bound(CLUSTER as usize);
        Ok(Self { compressor, output: vec![0; bound] })
    }

    /// Encodes grain `index` of the disk.
    pub fn encode(&mut self, index: u64, input: &[u8]) -> Result<Chunk> {
        let length = self.compressor.zlib_compress(input, &mut self.output);
        let length = length.map_err(|e| failed("cannot compress").because(e))?;
        let mut bytes = Vec::with_capacity((MARKER + length).next_multiple_of(SECTOR as usize));
        bytes.extend((index * (CLUSTER / SECTOR)).to_le_bytes());
        bytes.extend((length as u32).to_le_bytes());
        bytes.extend_from_slice(&self.output[..length]);
        bytes.resize(bytes.len().next_multiple_of(SECTOR as usize), 0);
        Ok(Chunk { form: super::Form::Encoded, bytes, crc: 0 })
    }
}

fn failed(message: &str) -> Error {
    Error::new(Kind::Damaged, message)
}
