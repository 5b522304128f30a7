//! Which blocks are taken. Space is assigned in one pass from the front, around the fixed metadata,
//! so a place depends only on what was placed before it.

use super::geometry::{BLOCK, BLOCK_BYTES, GROUP_BLOCKS, Geometry, Run};
use crate::error::{Error, Kind, Result};

/// Blocks in 64 KiB, the unit that qcow2, VMDK and similar formats encode. Partitions begin at
/// multiples of it.
pub(super) const CLUSTER: u64 = 65536 / BLOCK;

/// The blocks of one filesystem.
#[derive(Debug)]
pub(super) struct Space<'g> {
    geometry: &'g Geometry,
    fixed: Vec<Run>,
    cursor: u64,
    /// A map for each group; none while only its copy of the superblock is taken.
    maps: Vec<Option<Box<[u8; BLOCK_BYTES]>>>,
    taken: Vec<u64>,
}

impl<'g> Space<'g> {
    pub fn new(geometry: &'g Geometry) -> Self {
        let mut space = Self {
            geometry,
            fixed: geometry.fixed(),
            cursor: 0,
            maps: vec![None; geometry.groups as usize],
            taken: (0..geometry.groups).map(|g| geometry.super_blocks(g)).collect(),
        };
        for (_, run) in geometry.tables() {
            space.claim(run);
        }
        // the kernel makes up a missing map, except where the group's end must be marked
        space.open(geometry.groups - 1);
        space
    }

    /// Passes over free blocks for a pack of `blocks` blocks, without taking them. The runs are
    /// split only at fixed metadata.
    ///
    /// Each block has the same place within a [`CLUSTER`] as in the pack. So the clusters of an
    /// image format hold the same bytes wherever the pack is, even on disks of other sizes, and
    /// their encoded form can be cached by pack.
    pub fn pass_pack(&mut self, blocks: u64) -> Result<Vec<Run>> {
        self.pass(blocks, CLUSTER)
    }

    fn pass(&mut self, blocks: u64, cluster: u64) -> Result<Vec<Run>> {
        let mut runs = Vec::with_capacity(1);
        let mut done = 0;
        while done < blocks {
            let (start, end) = self.gap()?;
            let padding = (done % cluster + cluster - start % cluster) % cluster;
            let length = (blocks - done).min(end.saturating_sub(start + padding));
            self.cursor = (start + padding).min(end) + length;
            if length > 0 {
                runs.push(Run { start: start + padding, length });
                done += length;
            }
        }
        Ok(runs)
    }

    /// The range from the next free block to the next fixed metadata.
    fn gap(&mut self) -> Result<(u64, u64)> {
        let next = self.fixed.partition_point(|run| run.end() <= self.cursor);
        for run in &self.fixed[next..] {
            if run.start > self.cursor {
                return Ok((self.cursor, run.start));
            }
            self.cursor = run.end();
        }
        if self.cursor < self.geometry.blocks {
            return Ok((self.cursor, self.geometry.blocks));
        }
        Err(Error::new(Kind::NoSpace, "the files do not fit into the disk")
            .remedy("choose a larger disk size"))
    }

    /// Takes the next free blocks, as runs that are split only at fixed metadata.
    pub fn take(&mut self, blocks: u64) -> Result<Vec<Run>> {
        let runs = self.pass(blocks, 1)?;
        for run in &runs {
            self.claim(*run);
        }
        Ok(runs)
    }

    /// Takes one block.
    pub fn take_one(&mut self) -> Result<u64> {
        Ok(self.take(1)?.first().map_or(0, |run| run.start))
    }

    /// Marks a run as taken.
    pub fn claim(&mut self, run: Run) {
        self.by_group(run, |map, from, to| set_bits(map, from, to));
        let mut start = run.start;
        while start < run.end() {
            let group = start / GROUP_BLOCKS;
            let end = run.end().min((group + 1) * GROUP_BLOCKS);
            self.taken[group as usize] += end - start;
            start = end;
        }
    }

    fn by_group(&mut self, run: Run, mut visit: impl FnMut(&mut [u8; BLOCK_BYTES], usize, usize)) {
        let mut start = run.start;
        while start < run.end() {
            let group = start / GROUP_BLOCKS;
            let first = group * GROUP_BLOCKS;
            let end = run.end().min(first + GROUP_BLOCKS);
            visit(self.open(group as u32), (start - first) as usize, (end - first) as usize);
            start = end;
        }
    }

    fn open(&mut self, group: u32) -> &mut [u8; BLOCK_BYTES] {
        let geometry = self.geometry;
        self.maps[group as usize].get_or_insert_with(|| {
            let mut map = Box::new([0; BLOCK_BYTES]);
            set_bits(&mut map[..], 0, geometry.super_blocks(group) as usize);
            set_bits(&mut map[..], geometry.group_blocks(group) as usize, GROUP_BLOCKS as usize);
            map
        })
    }

    /// The map of a group; none if the kernel is to make it up (`BLOCK_UNINIT`).
    pub fn map(&self, group: u32) -> Option<&[u8; BLOCK_BYTES]> {
        self.maps[group as usize].as_deref()
    }

    /// Free blocks of a group.
    pub fn free_in(&self, group: u32) -> u64 {
        self.geometry.group_blocks(group) - self.taken[group as usize]
    }

    /// Free blocks of all groups.
    pub fn free(&self) -> u64 {
        self.geometry.blocks - self.taken.iter().sum::<u64>()
    }
}

/// Sets the bits from `from` up to, but not including, `to`.
pub(super) fn set_bits(map: &mut [u8], from: usize, to: usize) {
    let mut bit = from;
    while bit < to {
        if bit.is_multiple_of(8) && to - bit >= 8 {
            let bytes = (to - bit) / 8;
            map[bit / 8..bit / 8 + bytes].fill(0xFF);
            bit += 8 * bytes;
        } else {
            map[bit / 8] |= 1 << (bit % 8);
            bit += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::GIB;

    #[test]
    fn bits_are_set_from_the_first_to_before_the_last() {
        let mut map = [0; 4];
        set_bits(&mut map, 3, 21);
        assert_eq!(map, [0b1111_1000, 0xFF, 0b0001_1111, 0]);
    }

    #[test]
    fn space_is_broken_only_at_fixed_metadata() {
        let geometry = Geometry::new(GIB).unwrap().unwrap();
        let mut space = Space::new(&geometry);
        let before = space.free();
        let runs = space.take(100_000).unwrap();
        assert_eq!(runs.iter().map(|r| r.length).sum::<u64>(), 100_000);
        assert_eq!(space.free(), before - 100_000);
        for pair in runs.windows(2) {
            let between = Run { start: pair[0].end(), length: pair[1].start - pair[0].end() };
            assert!(geometry.fixed().contains(&between));
        }
        assert!(space.take(1 << 20).is_err());
    }

    #[test]
    fn a_pack_keeps_its_place_within_clusters_on_both_sides_of_metadata() {
        let geometry = Geometry::new(GIB).unwrap().unwrap();
        let mut space = Space::new(&geometry);
        space.take(7).unwrap();
        let mut done = 0;
        for run in space.pass_pack(100_000).unwrap() {
            assert_eq!(run.start % CLUSTER, done % CLUSTER);
            done += run.length;
        }
        assert_eq!(done, 100_000);
    }
}
