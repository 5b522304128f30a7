//! Windows into an image's disk, for the crates that read tables and filesystems.

use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::image::Image;

/// The smallest cost of a read, in bytes: thousands of tiny ones are work, too.
const LEAST: u64 = 512;

/// A run of an image's disk as a read-only device.
///
/// It returns at most `budget` bytes in its life, so that reading a circular folder or chain ends.
/// The caller chooses the budget, and does not derive it from what the image says about its size.
#[derive(Clone, Debug)]
pub struct Window {
    image: Arc<Image>,
    start: u64,
    length: u64,
    position: u64,
    budget: u64,
}

impl Window {
    /// The `length` bytes from `start`; the caller has checked that they are on the disk.
    pub fn new(image: &Arc<Image>, start: u64, length: u64, budget: u64) -> Self {
        Self { image: image.clone(), start, length, position: 0, budget }
    }

    /// Fills `buffer` from `offset` of the run.
    pub fn read_exact_at(&mut self, buffer: &mut [u8], offset: u64) -> IoResult<()> {
        self.position = offset;
        self.read_exact(buffer)
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let left = self.length.saturating_sub(self.position);
        let n = left.min(buffer.len() as u64);
        let refused = || IoError::new(ErrorKind::InvalidData, "its structures run in a circle");
        self.budget = self.budget.checked_sub(n.max(LEAST)).ok_or_else(refused)?;
        let part = &mut buffer[..n as usize];
        self.image.read_at(part, self.start + self.position).map_err(IoError::other)?;
        self.position += n;
        Ok(n as usize)
    }
}

impl Write for Window {
    fn write(&mut self, _: &[u8]) -> IoResult<usize> {
        Err(IoError::from(ErrorKind::ReadOnlyFilesystem))
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        let place = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.length.checked_add_signed(n),
            SeekFrom::Current(n) => self.position.checked_add_signed(n),
        };
        self.position = place.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
