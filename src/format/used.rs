//! Which parts of a disk hold anything, in pieces of any size, and which of those are only zeros.

use std::ops::Range;

use crate::disk::{Disk, Extent};

/// The ranges of pieces that any extent touches, in order and separate. Piece `i` starts at byte
/// `i * piece`.
pub fn used(disk: &Disk, piece: u64) -> impl Iterator<Item = Range<u64>> {
    let mut extents = disk.extents().iter().peekable();
    let pieces = move |e: &Extent| e.offset / piece..e.end().div_ceil(piece);
    std::iter::from_fn(move || {
        let mut run = pieces(extents.next()?);
        while let Some(next) = extents.next_if(|e| e.offset / piece <= run.end) {
            run.end = pieces(next).end;
        }
        Some(run)
    })
}

/// The number of pieces that any extent touches.
pub fn count(disk: &Disk, piece: u64) -> u64 {
    used(disk, piece).map(|run| run.end - run.start).sum()
}

/// Whether all bytes are zero. Compares words of 16 bytes, which the compiler turns into vectors.
pub fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    rest.iter().all(|b| *b == 0) && words.iter().all(|w| u128::from_ne_bytes(*w) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_used_pieces_are_apart() {
        let extents = vec![
            Extent::bytes(0, *b"a"),
            Extent::bytes(511, *b"bb"),
            Extent::bytes(1024, *b"c"),
            Extent::bytes(9 * 512, *b"d"),
        ];
        let disk = Disk::new(10 * 512, extents).unwrap();
        assert_eq!(used(&disk, 512).collect::<Vec<_>>(), [0..3, 9..10]);
        assert_eq!(count(&disk, 512), 4);
    }
}
