//! Where a file's blocks are: Documentation/filesystems/ext4/ifork.rst, "Extent Tree".

use super::checksum::Seed;
use super::geometry::{BLOCK_BYTES, Run};
use super::record::{put_u16, put_u32};
use super::space::Space;
use crate::error::Result;

const MAGIC: u16 = 0xF30A;
/// Bytes of header and entries, and how many entries fit.
const HEADER: usize = 12;
const ENTRY: usize = 12;
const IN_INODE: usize = (BODY - HEADER) / ENTRY;
const IN_BLOCK: usize = (BLOCK_BYTES - HEADER) / ENTRY;
/// Blocks of the longest initialised extent (`EXT_INIT_MAX_LEN`).
const MAX_LENGTH: u64 = 1 << 15;

/// Bytes of `i_block`, which holds the tree's root (or a short symlink, or a device number).
pub(super) const BODY: usize = 60;

/// The tree of one file.
#[derive(Debug)]
pub(super) struct Mapping {
    pub body: [u8; BODY],
    /// Blocks of the tree outside the inode: number and bytes.
    pub blocks: Vec<(u64, Vec<u8>)>,
}

/// One line of the tree: at the lowest level a run of blocks, above it (length 0) a block of lines.
#[derive(Clone, Copy, Debug)]
struct Line {
    logical: u64,
    physical: u64,
    length: u64,
}

/// Encodes `runs`, a file's blocks in order. Takes blocks for the tree if the inode is too small.
pub(super) fn encode(runs: &[Run], seed: Seed, space: &mut Space<'_>) -> Result<Mapping> {
    let mut lines = lines(runs);
    let mut blocks = Vec::new();
    let mut depth = 0;
    while lines.len() > IN_INODE {
        let mut upper = Vec::with_capacity(lines.len().div_ceil(IN_BLOCK));
        for part in lines.chunks(IN_BLOCK) {
            let physical = space.take_one()?;
            let mut block = vec![0; BLOCK_BYTES];
            write_node(&mut block, part, IN_BLOCK, depth);
            let tail = HEADER + IN_BLOCK * ENTRY;
            let sum = seed.sum(&[&block[..tail]]);
            put_u32(&mut block, tail, sum);
            blocks.push((physical, block));
            upper.push(Line { logical: part[0].logical, physical, length: 0 });
        }
        lines = upper;
        depth += 1;
    }
    let mut body = [0; BODY];
    write_node(&mut body, &lines, IN_INODE, depth);
    Ok(Mapping { body, blocks })
}

/// The largest number of blocks that the tree of a file with `extents` extents needs.
pub(super) fn most_blocks(extents: u64) -> u64 {
    let mut lines = extents;
    let mut blocks = 0;
    while lines > IN_INODE as u64 {
        lines = lines.div_ceil(IN_BLOCK as u64);
        blocks += lines;
    }
    blocks
}

fn lines(runs: &[Run]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(runs.len());
    let mut logical = 0;
    for run in runs {
        let mut done = 0;
        while done < run.length {
            let length = (run.length - done).min(MAX_LENGTH);
            lines.push(Line { logical, physical: run.start + done, length });
            done += length;
            logical += length;
        }
    }
    lines
}

fn write_node(node: &mut [u8], lines: &[Line], limit: usize, depth: u16) {
    put_u16(node, 0, MAGIC);
    put_u16(node, 2, lines.len() as u16);
    put_u16(node, 4, limit as u16);
    put_u16(node, 6, depth);
    for (i, line) in lines.iter().enumerate() {
        let entry = &mut node[HEADER + i * ENTRY..][..ENTRY];
        let (low, high) = (line.physical as u32, (line.physical >> 32) as u16);
        put_u32(entry, 0, line.logical as u32);
        if depth == 0 {
            put_u16(entry, 4, line.length as u16);
            put_u16(entry, 6, high);
            put_u32(entry, 8, low);
        } else {
            put_u32(entry, 4, low);
            put_u16(entry, 8, high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ext4::geometry::Geometry;
    use crate::units::GIB;

    fn encode_runs(count: u64) -> Mapping {
        let geometry = Geometry::new(GIB).unwrap().unwrap();
        let runs: Vec<Run> = (0..count).map(|i| Run { start: 1000 + 2 * i, length: 1 }).collect();
        let seed = Seed::of_filesystem(&[1; 16]).of_inode(12);
        encode(&runs, seed, &mut Space::new(&geometry)).unwrap()
    }

    #[test]
    fn the_tree_is_as_deep_as_its_runs_need_and_no_larger_than_was_counted() {
        for (count, depth) in [(0, 0), (4, 0), (5, 1), (1360, 1), (1361, 2), (5000, 2)] {
            let tree = encode_runs(count);
            assert_eq!(tree.body[6], depth, "{count} runs");
            assert_eq!(tree.blocks.len() as u64, most_blocks(count));
        }
    }

    #[test]
    fn a_run_is_cut_at_the_longest_extent() {
        let run = Run { start: 9, length: 2 * MAX_LENGTH + 1 };
        let lengths: Vec<u64> = lines(&[run]).iter().map(|line| line.length).collect();
        assert_eq!(lengths, [MAX_LENGTH, MAX_LENGTH, 1]);
    }
}
