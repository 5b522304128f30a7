//! Where artifacts may be cut into pieces so that images of one base have most of them in common, though their offsets
//! differ: a hint for those who store and transport images. It follows from the disk, as the bytes do, and never changes
//! any of them.
//!
//! There is a cut around everything that images share, and about every [`EVERY`] bytes of the disk, wherever those are in
//! the file. What only one image has (tables of a format, a customer's own files) lies between others, so that it
//! spoils no neighbour. Cuts that follow from the contents (a rolling hash) were rejected: they would cut within clusters
//! that differ as a whole, and cost a pass over every file.

use std::ops::Range;

use super::encode::segment::{parts, segments};
use super::encode::{Codec, Group};
use super::host::{Part, PartFrom};
use super::used::used;
use crate::disk::Disk;
use crate::units::MIB;

/// Bytes of the disk in a piece, at most: compressed, it is a request that is worth its latency, and one byte that
/// differs costs no more than this.
pub const EVERY: u64 = 4 * MIB;

/// The same where no other image has all of it: one that differs in a few clusters of its tables has the rest in common.
/// Much smaller pieces would be gathered with others ([`release::pieces`](crate::release::pieces)).
const OWN: u64 = MIB;

/// Offsets in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts(Vec<u64>);

impl Cuts {
    /// A group of encoded chunks that was put at `start`: cut around it, and where its chunks come to another [`EVERY`]
    /// bytes of the disk, or [`OWN`].
    pub fn group(&mut self, codec: Codec, group: &Group<'_>, start: u64) {
        let Some(first) = group.places.first() else { return };
        self.0.push(start);
        let every = if group.shared { EVERY } else { OWN };
        let region = |index: u64| index * codec.chunk() / every;
        let mut current = region(first.index);
        for place in group.places {
            if region(place.index) != current {
                current = region(place.index);
                self.0.push(start + place.offset);
            }
        }
        self.0.push(start + group.bytes.length());
    }

    /// A file that holds the disk unencoded: cut at the same places of the disk, and around what the format adds.
    pub fn of_parts(file: &[Part], disk: &Disk) -> Self {
        let places = places(disk);
        let region = |at: u64| places.partition_point(|place| *place <= at);
        let mut cuts = Self::default();
        // where the part before ends, and the region of the disk that it ends in
        let mut before: (u64, Option<usize>) = (0, None);
        for part in file {
            let (here, last) = match &part.from {
                PartFrom::Bytes(_) => (None, None),
                PartFrom::Disk(range) => (Some(region(range.start)), Some(region(range.end - 1))),
            };
            if before != (part.at, here) {
                cuts.0.extend([before.0, part.at]);
            }
            if let PartFrom::Disk(range) = &part.from {
                let within = &places[region(range.start)..region(range.end - 1)];
                cuts.0.extend(within.iter().map(|place| part.at + (place - range.start)));
            }
            before = (part.end(), last);
        }
        cuts.0.push(before.0);
        cuts
    }

    /// All of them within a file of this size, rising.
    pub fn within(self, size: u64) -> Vec<u64> {
        let mut cuts = self.0;
        cuts.retain(|cut| (1..size).contains(cut));
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}

/// The places of the disk where unencoded files are cut: the multiples of [`EVERY`] around what is used, and where
/// something begins or ends that images share.
fn places(disk: &Disk) -> Vec<u64> {
    let whole = used(disk, EVERY).flat_map(|run| run.start..=run.end).map(|index| index * EVERY);
    let mut places: Vec<u64> = whole.collect();
    for segment in segments(disk) {
        // any codec of small chunks tells the same
        let shared = parts(disk, Codec::Grain, &segment).into_iter();
        let ends = |chunks: Range<u64>| [chunks.start, chunks.end];
        let ends =
            shared.filter(|part| !part.sources.is_empty()).flat_map(|part| ends(part.chunks));
        places.extend(ends.map(|chunk| chunk * Codec::Grain.chunk()));
    }
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::super::encode::{Bytes, Form, Place};
    use super::*;
    use crate::disk::Extent;

    fn cuts(parts: &[Part], disk: &Disk) -> Vec<u64> {
        Cuts::of_parts(parts, disk).within(64 * MIB)
    }

    #[test]
    fn a_group_is_cut_around_and_where_the_disk_comes_to_the_next_piece() {
        let chunk = Codec::Grain.chunk();
        let place =
            |index, offset| Place { index, form: Form::Encoded, offset, length: 10, crc: 0 };
        let places = [0, 1, EVERY / chunk, EVERY / chunk + 1, 3 * EVERY / chunk];
        let places: Vec<_> =
            places.iter().zip((0..).step_by(10)).map(|(i, o)| place(*i, o)).collect();
        let of = |places, bytes, shared| Group { places, bytes: Bytes::Fresh(bytes), shared };
        let mut cuts = Cuts::default();
        cuts.group(Codec::Grain, &of(&places, &[1; 50], true), 1000);
        cuts.group(Codec::Grain, &of(&[], &[], true), 1050);
        assert_eq!(cuts.clone().within(2000), [1000, 1020, 1040, 1050]);
        assert_eq!(cuts.within(1050), [1000, 1020, 1040]);
        // what only this image has is cut more finely
        let places = [place(0, 0), place(OWN / chunk - 1, 10), place(OWN / chunk, 20)];
        let mut cuts = Cuts::default();
        cuts.group(Codec::Grain, &of(&places, &[1; 30], false), 1000);
        assert_eq!(cuts.within(2000), [1000, 1020, 1030]);
    }

    #[test]
    fn an_unencoded_file_is_cut_at_the_same_places_of_the_disk_wherever_they_are_in_it() {
        let extents = vec![Extent::bytes(5, *b"x"), Extent::bytes(9 * MIB, vec![1; 4 << 20])];
        let disk = Disk::new(32 * MIB, extents).unwrap();
        let raw = cuts(&[Part::disk(0, 0..32 * MIB)], &disk);
        assert_eq!(raw, [4 * MIB, 8 * MIB, 12 * MIB, 16 * MIB, 32 * MIB]);
        // in front of each block there is something of the format's; the last two are neighbours
        let blocks = [
            Part::bytes(0, [1; 512]),
            Part::disk(512, 0..2 * MIB),
            Part::bytes(512 + 2 * MIB, [1; 512]),
            Part::disk(1024 + 2 * MIB, 8 * MIB..10 * MIB),
            Part::disk(1024 + 4 * MIB, 10 * MIB..14 * MIB),
        ];
        let moved = [512, 512 + 2 * MIB, 1024 + 2 * MIB, 1024 + 6 * MIB, 1024 + 8 * MIB];
        assert_eq!(cuts(&blocks, &disk), moved);
    }
}
