//! Clusters of a qcow2 as raw deflate streams (docs/interop/qcow2.txt, "Compressed Clusters"; RFC
//! 1951).
//!
//! This encoder does nothing else: an input's places fit in 16 bits, and everything in a window of
//! 4 KiB stays in the processor's nearest caches. The steps run one after another over the whole
//! cluster: `matches` finds tokens, `split` counts them and decides where blocks end, `blocks`
//! knows each block's length to the bit, and only then is anything written.
//!
//! The bytes depend on the input alone: there are only integers, and nothing is remembered from the
//! previous input.

mod bits;
mod blocks;
mod header;
mod huffman;
mod matches;
mod split;
mod symbols;
#[cfg(test)]
mod tests;

use bits::{Bits, SLACK};
use blocks::Block;
use matches::Finder;
use symbols::Token;

use super::codec::{CLUSTER, Chunk};
use crate::error::{Error, Kind, Result};

const _: () = assert!(CLUSTER == matches::MOST as u64);

/// Encodes clusters.
pub struct Clusters(Deflate);

impl Clusters {
    /// Allocates the memory that all clusters share.
    pub fn new() -> Self {
        Self(Deflate::new())
    }

    /// Encodes a cluster, or stores it uncompressed when it does not get shorter.
    pub fn encode(&mut self, input: &[u8]) -> Result<Chunk> {
        if input.len() as u64 > CLUSTER {
            return Err(Error::new(Kind::Damaged, "this is more than a cluster"));
        }
        // a result that is no shorter than the cluster is not worth decoding
        let encoded = self.0.encode(input, input.len().saturating_sub(1));
        Ok(encoded.map_or_else(|| Chunk::stored(input), Chunk::encoded))
    }
}

/// Encodes inputs of at most [`matches::MOST`] bytes.
struct Deflate {
    finder: Box<Finder>,
    tokens: Vec<Token>,
    output: Vec<u8>,
}

impl Deflate {
    fn new() -> Self {
        let tokens = Vec::with_capacity(matches::MOST);
        Self { finder: Finder::new(), tokens, output: Vec::new() }
    }

    /// The stream, unless it would take more than `most` bytes.
    fn encode(&mut self, input: &[u8], most: usize) -> Option<&[u8]> {
        self.finder.find(input, &mut self.tokens);
        let mut end = 0;
        let counts = split::split(&self.tokens);
        let plan = |counts| {
            let block = Block::plan(counts, end);
            end = block.end;
            block
        };
        let blocks: Vec<_> = counts.iter().map(plan).collect();
        let length = end.div_ceil(u8::BITS) as usize;
        if length > most {
            return None;
        }
        if self.output.len() < length + SLACK {
            self.output.resize(length + SLACK, 0);
        }
        let (mut tokens, mut bytes) = (&self.tokens[..], input);
        let mut bits = Bits::new(&mut self.output);
        for (i, block) in blocks.iter().enumerate() {
            bits = block.write(i + 1 == blocks.len(), &mut tokens, &mut bytes, bits);
        }
        assert_eq!(bits.finish(), length, "a block is as long as it was planned to be");
        Some(&self.output[..length])
    }
}
