//! A group in memory, while its chunks arrive.

use super::codec::Chunk;
use super::packing::Packing;
use super::{Codec, Place, SEGMENT};
use crate::format::direct::ALIGN;

/// The largest size of a group in bytes, except for the gaps that packing leaves: deflate lengthens
/// data that it cannot shrink by less than a thirty-second. Pages that no group reaches are never
/// allocated.
const MOST: usize = (SEGMENT + SEGMENT / 32) as usize;

/// A group's chunks at their places, and zeros between them.
#[derive(Debug)]
pub struct Assembly {
    packing: Packing,
    places: Vec<Place>,
    memory: Vec<u8>,
    /// Where in `memory` the group starts: aligned, so that the disk can fetch its bytes directly
    /// from there.
    start: usize,
}

impl Assembly {
    /// A new assembly, which has no memory yet.
    pub fn new(codec: Codec) -> Self {
        Self { packing: Packing::new(codec), places: Vec::new(), memory: Vec::new(), start: 0 }
    }

    /// Begins a group.
    pub fn begin(&mut self, codec: Codec) {
        self.packing = Packing::new(codec);
        self.places.clear();
        if self.memory.capacity() == 0 {
            self.memory.reserve_exact(MOST + ALIGN as usize);
            self.start = self.memory.as_ptr().align_offset(ALIGN as usize).min(ALIGN as usize);
            self.memory.resize(self.start, 0);
        }
        self.memory.truncate(self.start);
    }

    /// Adds the next chunk.
    pub fn add(&mut self, index: u64, chunk: &Chunk) {
        let length = chunk.bytes.len() as u64;
        let offset = self.packing.place(chunk.form, length);
        self.places.push(Place { index, form: chunk.form, offset, length, crc: chunk.crc });
        let at = self.start + offset as usize;
        let end = at + chunk.bytes.len();
        if at >= self.memory.len() {
            self.memory.resize(at, 0);
            self.memory.extend_from_slice(&chunk.bytes);
        } else {
            // it fills the rest of a cluster, in front of clusters that are stored uncompressed
            self.memory.resize(end.max(self.memory.len()), 0);
            self.memory[at..end].copy_from_slice(&chunk.bytes);
        }
    }

    /// The chunks' places.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Pads the group after its last chunk.
    pub fn finish(&mut self) {
        self.memory.resize(self.start + self.packing.length() as usize, 0);
    }

    /// All bytes of a finished group.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CLUSTER, Form};
    use super::*;

    #[test]
    fn chunks_lie_where_their_places_say_with_zeros_between() {
        let mut assembly = Assembly::new(Codec::Qcow2Zstd);
        for _ in 0..2 {
            assembly.begin(Codec::Qcow2Zstd);
            let stored = vec![2; CLUSTER as usize];
            for (index, bytes, form) in [
                (3, &[1; 100][..], Form::Encoded),
                (4, &stored[..], Form::Stored),
                (7, &[3; 200][..], Form::Encoded),
            ] {
                assembly.add(index, &Chunk { form, bytes: bytes.to_vec(), crc: 0 });
            }
            assembly.finish();
            let places = assembly.places();
            assert_eq!(places.iter().map(|p| p.index).collect::<Vec<_>>(), [3, 4, 7]);
            let bytes = assembly.bytes();
            assert_eq!(bytes.len() as u64, 2 * CLUSTER);
            assert!(bytes.as_ptr().align_offset(ALIGN as usize) == 0);
            let mut rest = bytes.to_vec();
            for (place, value) in places.iter().zip([1, 2, 3]) {
                let range = place.offset as usize..(place.offset + place.length) as usize;
                assert!(rest[range.clone()].iter().all(|byte| *byte == value));
                rest[range].fill(0);
            }
            assert!(rest.iter().all(|byte| *byte == 0));
        }
    }
}
