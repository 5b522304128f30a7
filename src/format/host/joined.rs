//! Neighbouring bytes that are written together.

use std::ops::Range;

use super::{BLOCK, Slice};
use crate::error::Result;
use crate::format::Target;
use crate::format::direct::ALIGN;
use crate::format::used::is_zero;
use crate::units::{KIB, MIB};

/// Bytes that are joined. Where the page cache is bypassed, larger buffers make the disk faster, up
/// to this size.
pub const BUFFER: u64 = 4 * MIB;

/// Gaps of up to this many bytes are filled with zeros, and the bytes after them are joined, too:
/// files end within a block, and otherwise each would be a separate write. Blocks of zeros are
/// still not written.
const GAP: u64 = 64 * KIB;

/// A buffer that knows its place in the file. Its alignment in memory, relative to [`ALIGN`], is
/// the same as in the file, so that the disk can fetch its bytes directly.
#[derive(Default)]
pub struct Joined {
    at: u64,
    memory: Vec<u8>,
    /// Where in `memory` the bytes are.
    held: Range<usize>,
    /// The number of bytes that were added; the others fill gaps.
    added: u64,
    /// Its blocks that are not all zeros, with neighbours joined; relative to `at`.
    used: Vec<Range<usize>>,
}

impl Joined {
    /// The number of bytes that were added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// The number of bytes that it holds.
    pub fn length(&self) -> u64 {
        self.held.len() as u64
    }

    /// Whether bytes at this place follow directly or after a short gap, and still fit.
    pub fn takes(&self, at: u64, length: u64) -> bool {
        let end = self.at + self.length();
        (end..=end + GAP).contains(&at) && at - self.at + length <= BUFFER
    }

    /// Starts again at a place in the file, without bytes.
    pub fn begin(&mut self, at: u64) {
        let align = ALIGN as usize;
        self.memory.resize(BUFFER as usize + 2 * align, 0);
        let start = self.memory.as_ptr().align_offset(align) + (at % ALIGN) as usize;
        self.at = at;
        self.held = start..start;
        self.added = 0;
        self.used.clear();
    }

    /// Adds bytes at a place for which [`Joined::takes`] returned true.
    pub fn append(&mut self, at: u64, slice: Slice<'_>) -> Result<()> {
        let start = self.held.start + (at - self.at) as usize;
        let end = start + slice.length() as usize;
        self.memory[self.held.end..start].fill(0);
        slice.read(&mut self.memory[start..end])?;
        self.held.end = end;
        self.added += slice.length();
        Ok(())
    }

    /// Finds the blocks that hold anything.
    pub fn find_used(&mut self) {
        let bytes = &self.memory[self.held.clone()];
        let (block, length) = (BLOCK as usize, bytes.len());
        let lead = (block - self.at as usize % block).min(length);
        for start in std::iter::once(0).chain((lead..length).step_by(block)) {
            let stop = if start == 0 { lead } else { (start + block).min(length) };
            if is_zero(&bytes[start..stop]) {
                continue;
            }
            match self.used.last_mut().filter(|run| run.end == start) {
                Some(run) => run.end = stop,
                None => self.used.push(start..stop),
            }
        }
    }

    /// Writes the blocks that [`Joined::find_used`] found.
    pub fn write(&self, target: Target<'_>) -> Result<()> {
        let bytes = &self.memory[self.held.clone()];
        let mut runs = self.used.iter();
        runs.try_for_each(|run| {
            target.write_large_at(&bytes[run.clone()], self.at + run.start as u64)
        })
    }
}

impl Slice<'_> {
    /// Reads its bytes.
    pub fn read(self, to: &mut [u8]) -> Result<()> {
        match self {
            Self::Bytes(bytes) => {
                to.copy_from_slice(bytes);
                Ok(())
            }
            Self::Data { data, offset, .. } => data.read_at(to, offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_soon_is_joined_and_blocks_of_zeros_between_are_not_written() {
        let mut joined = Joined::default();
        joined.begin(100);
        joined.append(100, Slice::Bytes(&[1; 10])).unwrap();
        let next = 5 * BLOCK + 7;
        assert!(joined.takes(next, 3));
        joined.append(next, Slice::Bytes(&[2; 3])).unwrap();
        let end = next + 3;
        assert!(!joined.takes(end + GAP + 1, 1) && !joined.takes(end - 1, 1));
        assert!(
            !joined.takes(end, 100 + BUFFER - end + 1) && joined.takes(end, 100 + BUFFER - end)
        );
        joined.find_used();
        // relative to the start: the first block's rest, then from the sixth block on
        assert_eq!(
            joined.used,
            [0..(BLOCK - 100) as usize, (5 * BLOCK - 100) as usize..(end - 100) as usize]
        );
        assert_eq!((joined.added(), joined.length()), (13, end - 100));

        let file = tempfile::NamedTempFile::new().unwrap();
        joined.write(Target { file: file.as_file(), direct: None, path: file.path() }).unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(bytes.len() as u64, end);
        assert_eq!(&bytes[100..110], [1; 10]);
        assert_eq!(&bytes[next as usize..], [2; 3]);
        assert!(is_zero(&bytes[..100]) && is_zero(&bytes[110..next as usize]));
    }
}
