//! Neighbouring bytes that are written together.

use std::ops::Range;

use super::{BLOCK, Slice};
use crate::error::Result;
use crate::format::Target;
use crate::format::direct::ALIGN;
use crate::format::used::is_zero;
use crate::units::MIB;

/// Bytes that are joined. Larger ones make the disk quicker where the page cache is passed by, up to here.
pub const BUFFER: u64 = 4 * MIB;

/// A buffer that knows its place in the file. In memory it lies as in the file relative to [`ALIGN`], so that
/// the disk can fetch its bytes from where they are.
#[derive(Default)]
pub struct Joined {
    at: u64,
    memory: Vec<u8>,
    /// Where in `memory` the bytes lie.
    held: Range<usize>,
    /// Those of its blocks that are not all zeros, neighbours together; relative to `at`.
    used: Vec<Range<usize>>,
}

impl Joined {
    /// The bytes that it holds.
    pub fn length(&self) -> u64 {
        self.held.len() as u64
    }

    /// Whether bytes at this place follow and find room.
    pub fn takes(&self, at: u64, length: u64) -> bool {
        self.at + self.length() == at && self.length() + length <= BUFFER
    }

    /// Begins anew at a place in the file, without bytes.
    pub fn begin(&mut self, at: u64) {
        let align = ALIGN as usize;
        self.memory.resize(BUFFER as usize + 2 * align, 0);
        let start = self.memory.as_ptr().align_offset(align) + (at % ALIGN) as usize;
        self.at = at;
        self.held = start..start;
        self.used.clear();
    }

    /// Adds bytes for which [`Joined::takes`] said yes.
    pub fn append(&mut self, slice: Slice<'_>) -> Result<()> {
        let end = self.held.end + slice.length() as usize;
        slice.read(&mut self.memory[self.held.end..end])?;
        self.held.end = end;
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

    /// Writes what [`Joined::find_used`] found.
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
