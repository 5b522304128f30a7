//! Where the chunks of a group are placed: pure arithmetic, the same for a group that is written to
//! an artifact and for one that goes into the cache.

use std::ops::Range;

use super::{Codec, Form};

/// The places of a group's chunks so far, as offsets from the group's start.
///
/// Encoded chunks are placed back to back. In qcow2 they share host clusters, and a chunk may cross
/// into the next cluster only if that belongs to encoded chunks, too; a stored chunk takes a whole
/// cluster.
#[derive(Clone, Debug)]
pub struct Packing {
    alignment: u64,
    end: u64,
    /// The free rest of the cluster into which encoded chunks are packed.
    free: Range<u64>,
}

impl Packing {
    /// An empty group.
    pub fn new(codec: Codec) -> Self {
        Self { alignment: codec.alignment(), end: 0, free: 0..0 }
    }

    /// The place of the next chunk, which takes `length` bytes.
    pub fn place(&mut self, form: Form, length: u64) -> u64 {
        match form {
            Form::Encoded => self.packed(length),
            Form::Stored => self.whole(length),
        }
    }

    /// The bytes that the group takes.
    pub fn length(&self) -> u64 {
        self.end
    }

    fn whole(&mut self, length: u64) -> u64 {
        let offset = self.end;
        self.end += length.next_multiple_of(self.alignment);
        offset
    }

    fn packed(&mut self, length: u64) -> u64 {
        if self.free.start + length > self.free.end {
            if self.free.end != self.end {
                self.free.start = self.end;
            }
            self.end = (self.free.start + length).next_multiple_of(self.alignment);
            self.free.end = self.end;
        }
        let offset = self.free.start;
        self.free.start += length;
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::super::CLUSTER;
    use super::*;

    #[test]
    fn encoded_chunks_lie_back_to_back() {
        let mut packing = Packing::new(Codec::Grain);
        assert_eq!(packing.place(Form::Encoded, 512), 0);
        assert_eq!(packing.place(Form::Encoded, 1024), 512);
        assert_eq!(packing.length(), 1536);
    }

    #[test]
    fn clusters_are_shared_by_encoded_chunks_and_never_with_stored_ones() {
        let mut packing = Packing::new(Codec::Qcow2Deflate);
        assert_eq!(packing.place(Form::Encoded, 100), 0);
        assert_eq!(packing.place(Form::Encoded, CLUSTER - 1), 100);
        assert_eq!(packing.length(), 2 * CLUSTER);
        assert_eq!(packing.place(Form::Stored, CLUSTER), 2 * CLUSTER);
        assert_eq!(packing.place(Form::Encoded, 50), CLUSTER + 99);
        // the next one does not fit, and the following cluster is taken
        assert_eq!(packing.place(Form::Encoded, CLUSTER - 10), 3 * CLUSTER);
        assert_eq!(packing.length(), 4 * CLUSTER);
    }
}
