//! A filesystem's inodes by their numbers.
//!
//! The ext4-view crate shows neither these numbers nor devices, and it looks for each name from the root on: going
//! through a whole root would take it minutes, and it would take two names of one file for two files.

use std::cell::Cell;
use std::sync::Arc;

use super::superblock;
use crate::disk::layout::Region;
use crate::error::{Error, Kind, Result};
use crate::inspect::image::Image;
use crate::inspect::source::le;

/// Fields of the superblock (Documentation/filesystems/ext4/super.rst); `superblock` has the others.
mod field {
    pub const INODES: usize = 0x0;
    pub const UUID: usize = 0x68;
    pub const SEED: usize = 0x270;
}
/// The feature (incompatible) that the seed of checksums is stored.
const STORED_SEED: u32 = 0x2000;
/// Fields of an inode (inodes.rst).
mod at {
    pub const MODE: usize = 0x00;
    pub const UID: usize = 0x02;
    pub const SIZE: usize = 0x04;
    pub const GID: usize = 0x18;
    pub const FLAGS: usize = 0x20;
    pub const BODY: usize = 0x28;
    pub const GENERATION: usize = 0x64;
    pub const SIZE_HIGH: usize = 0x6C;
    pub const UID_HIGH: usize = 0x78;
    pub const GID_HIGH: usize = 0x7A;
    pub const CHECKSUM: usize = 0x7C;
    pub const EXTRA_SIZE: usize = 0x80;
    pub const CHECKSUM_HIGH: usize = 0x82;
}
/// Bytes of `i_block`, and of the smallest inode.
pub(in crate::inspect) const BODY: usize = 60;
const SMALLEST: usize = 128;

/// The number of the root folder's inode.
pub(in crate::inspect) const ROOT: u32 = 2;

/// An open filesystem.
#[derive(Debug)]
pub(in crate::inspect) struct Volume {
    image: Arc<Image>,
    region: Region,
    /// Bytes of a block.
    pub block: u64,
    /// Blocks of the filesystem.
    pub blocks: u64,
    inodes: u32,
    group_inodes: u32,
    inode_size: usize,
    /// Where the groups' descriptors begin, and bytes of one.
    descriptors: (u64, u64),
    wide: bool,
    /// What checksums start from; none where there are none.
    seed: Option<u32>,
    /// How many blocks of extents may still be read: a real filesystem has one for thousands of files.
    nodes: Cell<u32>,
}

/// The most blocks of extents that are read of a filesystem.
const NODES: u32 = 1 << 20;

/// What an inode says.
#[derive(Clone, Debug)]
pub(in crate::inspect) struct Inode {
    pub number: u32,
    /// Type and permissions.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub flags: u32,
    pub body: [u8; BODY],
}

impl Volume {
    /// Reads the superblock.
    ///
    /// # Errors
    /// As for [`superblock::check`]; [`Kind::Refused`] for one whose journal has to be replayed first.
    pub fn open(image: &Arc<Image>, region: Region) -> Result<Self> {
        let shape = superblock::check(image, region)?;
        let b = superblock::bytes(image, region)?;
        let features = le::u32_at(&b, superblock::FEATURES);
        if features & superblock::RECOVER != 0 {
            let message = "the root filesystem was not unmounted: its journal holds what its files do not have yet";
            return Err(Error::new(Kind::Refused, message)
                .at(image.path())
                .offset(region.offset)
                .remedy("boot the machine and shut it down, or run e2fsck on the partition"));
        }
        let wide = features & superblock::WIDE != 0;
        let high = u64::from(le::u32_at(&b, superblock::BLOCKS_HIGH));
        let checked = le::u32_at(&b, superblock::READ_ONLY_FEATURES) & superblock::CHECKSUMS != 0;
        let seed = match features & STORED_SEED {
            0 => crc32c(!0, &b[field::UUID..][..16]),
            _ => le::u32_at(&b, field::SEED),
        };
        let volume = Self {
            image: image.clone(),
            region,
            block: shape.block as u64,
            blocks: high << 32 | u64::from(le::u32_at(&b, superblock::BLOCKS)),
            inodes: le::u32_at(&b, field::INODES),
            group_inodes: le::u32_at(&b, superblock::GROUP_INODES),
            inode_size: usize::from(le::u16_at(&b, superblock::INODE_SIZE)),
            descriptors: (
                (u64::from(le::u32_at(&b, superblock::FIRST_BLOCK)) + 1) * shape.block as u64,
                if wide {
                    le::u16_at(&b, superblock::DESCRIPTOR_SIZE).into()
                } else {
                    superblock::DESCRIPTOR
                },
            ),
            wide,
            seed: checked.then_some(seed),
            nodes: Cell::new(NODES),
        };
        let sizes = volume.group_inodes > 0
            && (SMALLEST..=shape.block).contains(&volume.inode_size)
            && volume.descriptors.1 >= superblock::DESCRIPTOR;
        if !sizes {
            return Err(volume.damaged("the root filesystem has inodes of an impossible size", 0));
        }
        Ok(volume)
    }

    /// The inode with this number.
    pub fn inode(&self, number: u32) -> Result<Inode> {
        if number == 0 || number > self.inodes {
            return Err(self.damaged(format!("a name leads to inode {number}, which is none"), 0));
        }
        let (group, within) = ((number - 1) / self.group_inodes, (number - 1) % self.group_inodes);
        let mut descriptor = [0; 64];
        let length = self.descriptors.1.min(64) as usize;
        self.read(
            &mut descriptor[..length],
            self.descriptors.0 + u64::from(group) * self.descriptors.1,
        )?;
        let high =
            if self.wide { le::u32_at(&descriptor, superblock::INODE_TABLE_HIGH) } else { 0 };
        let table =
            u64::from(high) << 32 | u64::from(le::u32_at(&descriptor, superblock::INODE_TABLE));
        let place = self.place(table)? + u64::from(within) * self.inode_size as u64;
        let mut bytes = vec![0; self.inode_size];
        self.read(&mut bytes, place)?;
        if self.seed.is_some_and(|seed| !is_whole(&bytes, number, seed)) {
            return Err(
                self.damaged(format!("inode {number} is not what its checksum says"), place)
            );
        }
        Ok(Inode {
            number,
            mode: le::u16_at(&bytes, at::MODE),
            uid: halves(&bytes, at::UID, at::UID_HIGH),
            gid: halves(&bytes, at::GID, at::GID_HIGH),
            size: u64::from(le::u32_at(&bytes, at::SIZE_HIGH)) << 32
                | u64::from(le::u32_at(&bytes, at::SIZE)),
            flags: le::u32_at(&bytes, at::FLAGS),
            body: bytes[at::BODY..].first_chunk().copied().unwrap_or([0; BODY]),
        })
    }

    /// Where a block is, in bytes from the filesystem's start.
    pub fn place(&self, block: u64) -> Result<u64> {
        if block == 0 || block >= self.blocks {
            return Err(self.damaged(format!("block {block} is not in the root filesystem"), 0));
        }
        Ok(block * self.block)
    }

    /// Fills a buffer from an offset of the filesystem.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.region.length) {
            return Err(self.damaged("the root filesystem ends before what is needed", offset));
        }
        self.image.read_at(buffer, self.region.offset + offset)
    }

    /// A block with extents.
    pub fn node(&self, block: u64) -> Result<Vec<u8>> {
        let place = self.place(block)?;
        let left = self.nodes.get().checked_sub(1);
        self.nodes.set(left.ok_or_else(|| self.damaged("its extents run in a circle", place))?);
        let mut node = vec![0; self.block as usize];
        self.read(&mut node, place)?;
        Ok(node)
    }

    /// An error about a byte of the filesystem.
    pub fn damaged(&self, what: impl Into<String>, offset: u64) -> Error {
        let at = self.region.offset.saturating_add(offset);
        Error::new(Kind::Damaged, what).at(self.image.path()).offset(at)
    }

    /// An error about something that is not read here.
    pub fn refused(&self, what: impl Into<String>) -> Error {
        Error::new(Kind::Refused, what).at(self.image.path())
    }
}

fn halves(bytes: &[u8], low: usize, high: usize) -> u32 {
    u32::from(le::u16_at(bytes, high)) << 16 | u32::from(le::u16_at(bytes, low))
}

/// The textbook's checksum without its last inversion, as ext4 uses it.
fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// Whether an inode's checksum is right (checksums.rst): its number, its generation, and its bytes with zeros for the
/// checksum. The smallest inodes have only the lower half.
fn is_whole(bytes: &[u8], number: u32, seed: u32) -> bool {
    let mut clear = bytes.to_vec();
    clear[at::CHECKSUM..][..2].fill(0);
    let tall = bytes.len() > SMALLEST && le::u16_at(bytes, at::EXTRA_SIZE) >= 4;
    if tall {
        clear[at::CHECKSUM_HIGH..][..2].fill(0);
    }
    let start = crc32c(crc32c(seed, &number.to_le_bytes()), &bytes[at::GENERATION..][..4]);
    let (sum, stored) = (crc32c(start, &clear), halves(bytes, at::CHECKSUM, at::CHECKSUM_HIGH));
    if tall { sum == stored } else { sum & 0xFFFF == stored & 0xFFFF }
}
