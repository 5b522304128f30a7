//! Writing past the page cache.
//!
//! An artifact is flushed before it has its name, so its bytes go to the disk in any case. Through the page
//! cache they are copied by a processor first, page by page, and wait there for the flush; and what a build wrote
//! takes the place of the bases that the next one reads. Past it, the disk fetches them from our buffers while
//! the next ones are read.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::units::KIB;

/// What lies on it in memory and in the file, every disk takes: its blocks have 512 or 4096 bytes (open(2),
/// O_DIRECT).
pub const ALIGN: u64 = 4 * KIB;
/// Fewer bytes are quicker through the page cache: each write past it waits for the disk.
const LEAST: usize = (256 * KIB) as usize;

/// Opens a file a second time, for writing past the page cache; none where its filesystem has no such way.
pub fn open(path: &Path) -> Option<File> {
    let flags = rustix::fs::OFlags::DIRECT.bits() as i32;
    OpenOptions::new().write(true).custom_flags(flags).open(path).ok()
}

/// How many bytes come before those that may pass the page cache by, and how many of these there are; none
/// when there are too few, or when memory and file lie differently.
pub fn split(bytes: &[u8], offset: u64) -> Option<(usize, usize)> {
    let lead = (offset.next_multiple_of(ALIGN) - offset) as usize;
    let aligned = bytes.get(lead..)?;
    let length = aligned.len() / ALIGN as usize * ALIGN as usize;
    let fits = aligned.as_ptr().align_offset(ALIGN as usize) == 0;
    (fits && length >= LEAST).then_some((lead, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_aligned_in_memory_and_file_passes_and_its_ends_do_not() {
        let memory = vec![1; 2 * LEAST];
        let start = memory.as_ptr().align_offset(ALIGN as usize);
        let bytes = |from: usize, length: usize| &memory[start + from..start + from + length];
        let align = ALIGN as usize;
        assert_eq!(split(bytes(0, LEAST), ALIGN), Some((0, LEAST)));
        assert_eq!(split(bytes(5, LEAST + align), 5), Some((align - 5, LEAST)));
        assert_eq!(split(bytes(0, LEAST + 7), 0), Some((0, LEAST)));
        assert_eq!(split(bytes(0, LEAST - 1), 0), None);
        assert_eq!(split(bytes(5, LEAST + align), 6), None);
        assert_eq!(split(&[], 3), None);
    }
}
