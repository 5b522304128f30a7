//! Writes that bypass the page cache.
//!
//! An artifact is flushed before it gets its name, so its bytes go to the disk in any case. Through
//! the page cache, a processor copies them first, page by page, and they wait there for the flush;
//! and the output of one build displaces the bases that the next one reads. Without it, the disk
//! fetches the bytes from our buffers while the next ones are read.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::units::KIB;

/// Every disk accepts bytes that are aligned to this in memory and in the file: disks' blocks have
/// 512 or 4096 bytes (open(2), O_DIRECT).
pub const ALIGN: u64 = 4 * KIB;
/// Fewer bytes are written faster through the page cache: each write that bypasses it waits for the
/// disk.
const LEAST: usize = (256 * KIB) as usize;

/// Opens a file a second time, for writing past the page cache; none if its filesystem cannot do
/// that.
pub fn open(path: &Path) -> Option<File> {
    let flags = rustix::fs::OFlags::DIRECT.bits() as i32;
    OpenOptions::new().write(true).custom_flags(flags).open(path).ok()
}

/// The number of bytes before those that may bypass the page cache, and the number of these; none
/// when there are too few, or when memory and file are aligned differently.
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
