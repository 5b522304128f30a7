//! Files that exist only in memory.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, memfd_create};

/// Bytes before a piece: its offset (four) and its length (two), lowest byte first.
const HEAD: usize = 6;

/// A file with a path, as readers need one, that leaves nothing behind when a fuzzer is killed.
pub struct Memory {
    file: File,
    path: PathBuf,
}

impl Memory {
    /// An empty file.
    pub fn new() -> Self {
        let file = memfd_create("fuzzing", MemfdFlags::CLOEXEC).expect("files in memory");
        let file = File::from(file);
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Self { file, path }
    }

    /// A file with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let memory = Self::new();
        memory.put(0, bytes);
        memory
    }

    /// A file that is mostly zeros: its length in four bytes, then pieces, each with its offset and
    /// its length before its bytes. An image of megabytes becomes an input of kilobytes, whose
    /// mutations hit what matters. It has at most `longest` bytes: readers look at everything that
    /// a file seems to have.
    pub fn sparse(input: &[u8], longest: u64) -> Self {
        let memory = Self::new();
        let Some((length, mut rest)) = input.split_first_chunk::<4>() else { return memory };
        let length = u64::from(u32::from_le_bytes(*length)).min(longest);
        memory.file.set_len(length).expect("memory");
        while let Some((head, after)) = rest.split_first_chunk::<HEAD>() {
            let [a, b, c, d, e, f] = *head;
            let offset = u64::from(u32::from_le_bytes([a, b, c, d])).min(length);
            let there = usize::from(u16::from_le_bytes([e, f])).min(after.len());
            let fits = there.min((length - offset) as usize);
            memory.put(offset, &after[..fits]);
            rest = &after[there..];
        }
        memory
    }

    /// The reverse: the input from which `sparse` makes these bytes.
    #[cfg(test)]
    pub fn sparse_input(bytes: &[u8]) -> Vec<u8> {
        /// The number of zeros that is worth a new piece.
        const GAP: usize = 16;
        let mut input = (bytes.len() as u32).to_le_bytes().to_vec();
        let mut at = 0;
        while let Some(start) = bytes[at..].iter().position(|b| *b != 0).map(|n| at + n) {
            let most = bytes.len().min(start + usize::from(u16::MAX));
            let zeros = |window: &[u8]| window.iter().all(|b| *b == 0);
            let end = bytes[start..most].windows(GAP).position(zeros).map_or(most, |n| start + n);
            input.extend((start as u32).to_le_bytes());
            input.extend(((end - start) as u16).to_le_bytes());
            input.extend(&bytes[start..end]);
            at = end;
        }
        input
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.file.metadata().expect("memory").len()
    }

    /// `length` bytes from `offset`; none if the file does not have all of them.
    pub fn get(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        if offset.checked_add(length)? > self.length() {
            return None;
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    /// Writes bytes.
    pub fn put(&self, offset: u64, bytes: &[u8]) {
        self.file.write_all_at(bytes, offset).expect("memory");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_file_reads_back_from_its_input() {
        let mut bytes = vec![0; 300_000];
        bytes[5] = 1;
        bytes[100_000..240_000].fill(7);
        bytes[299_999] = 9;
        let memory = Memory::sparse(&Memory::sparse_input(&bytes), 1 << 20);
        assert_eq!(memory.get(0, 300_000).unwrap(), bytes);
        assert_eq!(memory.length(), 300_000);
    }

    #[test]
    fn pieces_never_make_the_file_longer() {
        let memory = Memory::sparse(&[9, 0, 0, 0, 6, 0, 0, 0, 4, 0, 1, 2, 3, 4], 8);
        assert_eq!(memory.get(0, 8).unwrap(), [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(memory.length(), 8);
        assert_eq!(Memory::sparse(&[], 8).length(), 0);
    }
}
