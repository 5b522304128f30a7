//! Which chunks form a group, and which groups other images may share: pure functions of the disk.

use std::ops::Range;

use super::{Codec, SEGMENT};
use crate::disk::{Data, Disk, Extent};
use crate::tree::Content;
use crate::units::{Digest, MIB};

/// The smallest size of a group, in bytes, that is worth an entry in the cache.
const SHARED_MINIMUM: u64 = MIB;

/// A group before it is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its chunks.
    pub chunks: Range<u64>,
    /// The sources of its bytes if all come from packs; empty for a group of this image alone.
    pub sources: Vec<PackRun>,
}

/// Bytes of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackRun {
    /// The pack.
    pub pack: Digest,
    /// Bytes from its start.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// The bytes of all segments of the disk, in order.
pub fn segments(disk: &Disk) -> impl Iterator<Item = Range<u64>> {
    let size = disk.size();
    (0..size.div_ceil(SEGMENT)).map(move |i| i * SEGMENT..((i + 1) * SEGMENT).min(size))
}

/// The extents that are in these bytes of the disk, at least in part.
pub fn extents<'d>(disk: &'d Disk, bytes: &Range<u64>) -> impl Iterator<Item = &'d Extent> {
    let first = disk.extents().partition_point(|e| e.end() <= bytes.start);
    let end = bytes.end;
    disk.extents()[first..].iter().take_while(move |e| e.offset < end)
}

/// The chunks that these bytes of the disk touch.
pub fn chunks(codec: Codec, bytes: &Range<u64>) -> Range<u64> {
    bytes.start / codec.chunk()..bytes.end.div_ceil(codec.chunk())
}

/// Cuts a segment into groups: chunks whose bytes all come from packs, and the others. A segment of
/// zeros has no groups if zeros are left out.
pub fn parts(disk: &Disk, codec: Codec, segment: &Range<u64>) -> Vec<Part> {
    if !codec.holds_zeros() && extents(disk, segment).next().is_none() {
        return Vec::new();
    }
    let all = chunks(codec, segment);
    let mut parts = Vec::new();
    let mut done = all.start;
    for shared in packed(disk, segment) {
        let chunk = codec.chunk();
        let chunks = shared.start.div_ceil(chunk)..shared.end / chunk;
        let bytes = chunks.start * chunk..chunks.end * chunk;
        if bytes.end.saturating_sub(bytes.start) < SHARED_MINIMUM {
            continue;
        }
        if done < chunks.start {
            parts.push(Part { chunks: done..chunks.start, sources: Vec::new() });
        }
        done = chunks.end;
        parts.push(Part { chunks, sources: sources(disk, &bytes) });
    }
    if done < all.end {
        parts.push(Part { chunks: done..all.end, sources: Vec::new() });
    }
    parts
}

/// The longest ranges in a segment that extents in packs cover without a gap.
fn packed(disk: &Disk, segment: &Range<u64>) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for extent in extents(disk, segment) {
        // bytes in memory belong to one image alone, and those of another image have no digest to
        // identify them
        let Data::Content(Content::Packed { .. }) = extent.data else { continue };
        let bytes = extent.offset.max(segment.start)..extent.end().min(segment.end);
        match ranges.last_mut().filter(|last| last.end == bytes.start) {
            Some(last) => last.end = bytes.end,
            None => ranges.push(bytes),
        }
    }
    ranges
}

/// The sources of bytes that packs cover without a gap. The same bytes give the same list, however
/// the disk divides them into extents.
fn sources(disk: &Disk, bytes: &Range<u64>) -> Vec<PackRun> {
    let mut sources: Vec<PackRun> = Vec::new();
    for extent in extents(disk, bytes) {
        let Data::Content(Content::Packed { pack, offset, .. }) = &extent.data else { continue };
        let (from, to) = (extent.offset.max(bytes.start), extent.end().min(bytes.end));
        let offset = offset + (from - extent.offset);
        let source = PackRun { pack: pack.digest(), offset, length: to - from };
        let joins = |last: &&mut PackRun| {
            last.pack == source.pack && last.offset + last.length == source.offset
        };
        match sources.last_mut().filter(joins) {
            Some(last) => last.length += source.length,
            None => sources.push(source),
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::CLUSTER;
    use super::*;
    use crate::pack::Pack;

    fn packed_extent(pack: &Arc<Pack>, offset: u64, from: u64, length: u64) -> Extent {
        let content = Content::Packed { pack: pack.clone(), offset: from, length };
        Extent { offset, data: content.into() }
    }

    fn pack(name: &str) -> Arc<Pack> {
        Pack::open("/dev/null", Digest::of(name)).unwrap()
    }

    #[test]
    fn whole_chunks_of_packs_form_groups_apart_from_the_rest() {
        let (a, b) = (pack("a"), pack("b"));
        let extents = vec![
            Extent::bytes(0, *b"x"),
            packed_extent(&a, CLUSTER - 4096, 0, MIB),
            packed_extent(&b, CLUSTER - 4096 + MIB, 8192, MIB),
            Extent::bytes(4 * MIB, *b"y"),
        ];
        let disk = Disk::new(5 * MIB, extents).unwrap();
        let parts = parts(&disk, Codec::Grain, &(0..5 * MIB));
        let chunks: Vec<_> = parts.iter().map(|p| p.chunks.clone()).collect();
        assert_eq!(chunks, [0..1, 1..32, 32..80]);
        assert!(parts[0].sources.is_empty() && parts[2].sources.is_empty());
        let first = PackRun { pack: a.digest(), offset: 4096, length: MIB - 4096 };
        let second = PackRun { pack: b.digest(), offset: 8192, length: MIB - CLUSTER + 4096 };
        assert_eq!(parts[1].sources, [first, second]);
    }

    #[test]
    fn however_extents_are_cut_the_same_bytes_have_the_same_sources() {
        let a = pack("a");
        let whole = vec![packed_extent(&a, 0, 4096, 4 * MIB)];
        let cut =
            vec![packed_extent(&a, 0, 4096, MIB), packed_extent(&a, MIB, 4096 + MIB, 3 * MIB)];
        let [whole, cut] = [whole, cut].map(|extents| {
            let disk = Disk::new(4 * MIB, extents).unwrap();
            parts(&disk, Codec::Gzip, &(0..4 * MIB))
        });
        assert_eq!(whole, cut);
    }

    #[test]
    fn little_is_not_worth_sharing() {
        let extents = vec![packed_extent(&pack("a"), 0, 0, MIB - 1)];
        let disk = Disk::new(2 * MIB, extents).unwrap();
        let parts = parts(&disk, Codec::Grain, &(0..2 * MIB));
        assert_eq!(parts, [Part { chunks: 0..32, sources: vec![] }]);
    }
}
