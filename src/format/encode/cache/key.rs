//! Everything that a group's encoded bytes depend on, in one digest.

use super::super::codec::Codec;
use super::super::segment::Part;
use crate::error::Result;
use crate::units::{Digest, Hasher};

/// Must change when the same key no longer means the same bytes: when the hash covers something
/// else, or the packing or the layout of an entry changes.
const VERSION: u32 = 1;
/// Bytes of the sample that stands for an encoder.
const SAMPLE: usize = 64 * 1024;

/// Makes the keys of one codec.
#[derive(Clone, Debug)]
pub struct Keys {
    codec: Codec,
    encoder: Digest,
}

impl Keys {
    /// Finds out what the codec's encoder does.
    ///
    /// Not every library can report its version, and we would forget to raise a constant of our own
    /// when a library is updated. So the encoder is identified by its output for a sample, together
    /// with this program's version.
    pub fn new(codec: Codec) -> Result<Self> {
        let sample = codec.encoder()?.encode(0, &sample())?;
        let mut hasher = Hasher::default();
        hasher.update(env!("CARGO_PKG_VERSION"));
        hasher.update(VERSION.to_le_bytes());
        hasher.update(codec.name());
        hasher.update(&sample.bytes);
        Ok(Self { codec, encoder: hasher.finish() })
    }

    /// The key of a group whose bytes all come from packs.
    pub fn of(&self, part: &Part) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(self.encoder.as_bytes());
        if self.codec.holds_position() {
            hasher.update(part.chunks.start.to_le_bytes());
        }
        for source in &part.sources {
            hasher.update(source.pack.as_bytes());
            hasher.update(source.offset.to_le_bytes());
            hasher.update(source.length.to_le_bytes());
        }
        hasher.finish()
    }
}

/// Bytes with repetitions of many lengths at many distances, so that levels, windows and strategies
/// find different things; and with fewer values in the second half, so that they start new blocks
/// at different places.
fn sample() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SAMPLE + 64);
    let mut state = 1u64;
    while bytes.len() < SAMPLE {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let length = 3 + (state >> 8) as usize % 40;
        let back = (state >> 16) as usize % (bytes.len() + 1);
        let values = if bytes.len() < SAMPLE / 2 { 0xFF } else { 0x0F };
        match state % 4 {
            0 => bytes.extend((0..length / 3).map(|i| (state >> (i * 5 % 48)) as u8 & values)),
            _ => {
                let from = bytes.len() - back;
                let to = (from + length).min(bytes.len());
                bytes.extend_from_within(from..to);
                bytes.push(b' ');
            }
        }
    }
    bytes.truncate(SAMPLE);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::super::segment::PackRun;
    use super::*;

    fn part(start: u64, offset: u64) -> Part {
        let source = PackRun { pack: Digest::of("a pack"), offset, length: 1 << 20 };
        Part { chunks: start..start + 16, sources: vec![source] }
    }

    #[test]
    fn a_key_depends_on_sources_and_codec_and_for_grains_on_the_place() {
        let grain = Keys::new(Codec::Grain).unwrap();
        let qcow2 = Keys::new(Codec::Qcow2Deflate).unwrap();
        assert_eq!(qcow2.of(&part(0, 0)), qcow2.of(&part(16, 0)));
        assert_ne!(qcow2.of(&part(0, 0)), qcow2.of(&part(0, 4096)));
        assert_ne!(qcow2.of(&part(0, 0)), grain.of(&part(0, 0)));
        assert_ne!(grain.of(&part(0, 0)), grain.of(&part(16, 0)));
    }

    #[test]
    fn the_sample_tells_levels_apart() {
        let deflated = |level| {
            let mut encoder = flate2::Compress::new(flate2::Compression::new(level), false);
            let mut bytes = vec![0; 2 * SAMPLE];
            encoder.compress(&sample(), &mut bytes, flate2::FlushCompress::Finish).unwrap();
            bytes.truncate(encoder.total_out() as usize);
            bytes
        };
        let all: std::collections::HashSet<_> = (1..=9).map(deflated).collect();
        assert!(all.len() >= 8, "{}", all.len());
    }
}
