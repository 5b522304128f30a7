//! The source from which the ext4-view crate reads.

use ext4_view::Ext4Read;

use super::superblock::Shape;
use crate::inspect::source::le;
use crate::inspect::window::Window;

/// A node of an extent tree: its header's magic, its bytes, and those of an entry
/// (fs/ext4/ext4_extents.h).
const MAGIC: [u8; 2] = [0x0A, 0xF3];
const HEADER: usize = 12;
const ENTRY: usize = 12;
/// The deepest tree (`EXT4_MAX_EXTENT_DEPTH`).
const DEPTH: u16 = 5;

/// A partition with an ext filesystem.
#[derive(Debug)]
pub struct ExtReader {
    window: Window,
    shape: Shape,
}

impl ExtReader {
    /// Reads a filesystem of this shape.
    pub fn new(window: Window, shape: Shape) -> Self {
        Self { window, shape }
    }
}

impl Ext4Read for ExtReader {
    fn read(
        &mut self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.window.read_exact_at(buffer, offset)?;
        self.shape.hide_checksums(buffer, offset);
        if offset.is_multiple_of(self.shape.block as u64) && runs_on(buffer, self.shape.block) {
            return Err("its extents run in a circle".into());
        }
        Ok(())
    }
}

/// Whether a block among these is a node of an extent tree that leads nowhere: one without entries,
/// or with an extent of no blocks. The crate follows as many of them as a tree names, and each
/// block of a six-block tree can name such a node 340 times: that would take years. Every other
/// node adds blocks to a file, and a file's length is checked.
fn runs_on(buffer: &[u8], block: usize) -> bool {
    buffer.chunks(block).any(|node| {
        let (entries, depth) = (usize::from(le::u16_at(node, 2)), le::u16_at(node, 6));
        if !node.starts_with(&MAGIC) || depth > DEPTH || HEADER + entries * ENTRY > node.len() {
            return false;
        }
        let length = |entry| le::u16_at(node, HEADER + entry * ENTRY + 4);
        entries == 0 || depth == 0 && (0..entries).any(|entry| length(entry) == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node with extents of these lengths.
    fn node(depth: u8, lengths: &[u8]) -> Vec<u8> {
        let mut node = vec![0x0A, 0xF3, lengths.len() as u8, 0, 84, 0, depth, 0, 0, 0, 0, 0];
        for length in lengths {
            node.extend([0, 0, 0, 0, *length, 0, 0, 0, 9, 0, 0, 0]);
        }
        node.resize(1024, 0);
        node
    }

    #[test]
    fn a_node_that_gives_a_file_nothing_is_told_from_others() {
        for good in [node(0, &[1, 8]), node(1, &[0, 0]), vec![0; 1024], vec![0x0A; 1024]] {
            assert!(!runs_on(&good, 1024));
        }
        for bad in [node(0, &[1, 0]), node(0, &[]), node(3, &[])] {
            assert!(runs_on(&bad, 1024));
            assert!(runs_on(&[node(0, &[1]), bad].concat(), 1024));
        }
    }
}
