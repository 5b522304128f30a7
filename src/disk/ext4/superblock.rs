//! The superblock: Documentation/filesystems/ext4/super.rst.

use super::Params;
use super::checksum::crc32c;
use super::extent::BODY;
use super::geometry::{DESCRIPTOR, FLEX_LOG, GROUP_BLOCKS, Geometry, INODE};
use super::htree::HALF_MD4;
use super::inode::{EXTRA, JOURNAL, LOST_FOUND};
use super::record::{Record, high_u32, low_u32};
use crate::error::{Error, Kind, Result};

/// Bytes of the superblock, and its place in the first block (in a backup: at the group's start).
pub(super) const LENGTH: usize = 1024;
pub(super) const FIRST_AT: u64 = 1024;
/// Bytes of the volume's name.
const MAX_LABEL: usize = 16;

const MAGIC: u16 = 0xEF53;
const CLEAN: u16 = 1;
/// What the kernel does on damage: an appliance must not continue to write to a root that is known
/// to be damaged, and a root that turned read-only is noticed at once (`EXT4_ERRORS_RO`).
const ERRORS_READ_ONLY: u16 = 2;
/// Never check by the count of mounts.
const NO_MOUNT_LIMIT: u16 = 0xFFFF;
const DYNAMIC_REVISION: u32 = 1;
/// Block sizes are given as a power of two above 1024 bytes.
const LOG_BLOCK: u32 = 2;
/// `EXT4_DEFM_XATTR_USER | EXT4_DEFM_ACL`, mke2fs's default.
const MOUNT_OPTIONS: u32 = 0x4 | 0x8;
const SIGNED_HASH: u32 = 1;
const JOURNAL_BLOCKS_KEPT: u8 = 1;
const CRC32C: u8 = 1;
/// One block in this many is reserved for root. Filling the disk is the commonest way for an
/// appliance to die, and its daemons run as root beside a database that does not: 2.5 % of 8 GiB
/// keeps 200 MiB for logs, Puppet and repair, while mke2fs's 5 % would lose 50 GiB of 1 TiB. Not 2
/// %: as the filesystem grows, the kernel adds the share in whole percent, rounded down at every
/// step, and would soon continue with 1 %.
const RESERVED_ONE_IN: u64 = 40;

/// ext_attr, resize_inode, dir_index, has_journal.
const COMPATIBLE: u32 = 0x8 | 0x10 | 0x20 | 0x4;
/// filetype, extents, 64bit, flex_bg.
const INCOMPATIBLE: u32 = 0x2 | 0x40 | 0x80 | 0x200;
/// sparse_super, large_file, huge_file, dir_nlink, extra_isize, metadata_csum.
const READ_ONLY_COMPATIBLE: u32 = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x400;

mod at {
    pub const INODES: usize = 0x00;
    pub const BLOCKS: usize = 0x04;
    pub const RESERVED: usize = 0x08;
    pub const FREE_BLOCKS: usize = 0x0C;
    pub const FREE_INODES: usize = 0x10;
    pub const LOG_BLOCK: usize = 0x18;
    pub const LOG_CLUSTER: usize = 0x1C;
    pub const BLOCKS_PER_GROUP: usize = 0x20;
    pub const CLUSTERS_PER_GROUP: usize = 0x24;
    pub const INODES_PER_GROUP: usize = 0x28;
    pub const WRITTEN: usize = 0x30;
    pub const MAX_MOUNTS: usize = 0x36;
    pub const MAGIC: usize = 0x38;
    pub const STATE: usize = 0x3A;
    pub const ERRORS: usize = 0x3C;
    pub const CHECKED: usize = 0x40;
    pub const REVISION: usize = 0x4C;
    pub const FIRST_INODE: usize = 0x54;
    pub const INODE_SIZE: usize = 0x58;
    pub const GROUP: usize = 0x5A;
    pub const COMPATIBLE: usize = 0x5C;
    pub const INCOMPATIBLE: usize = 0x60;
    pub const READ_ONLY_COMPATIBLE: usize = 0x64;
    pub const UUID: usize = 0x68;
    pub const LABEL: usize = 0x78;
    pub const RESERVED_DESCRIPTORS: usize = 0xCE;
    pub const JOURNAL_INODE: usize = 0xE0;
    pub const HASH_SEED: usize = 0xEC;
    pub const HASH_VERSION: usize = 0xFC;
    pub const JOURNAL_KEPT: usize = 0xFD;
    pub const DESCRIPTOR_SIZE: usize = 0xFE;
    pub const MOUNT_OPTIONS: usize = 0x100;
    pub const MADE: usize = 0x108;
    pub const JOURNAL_BODY: usize = 0x10C;
    pub const JOURNAL_SIZE_HIGH: usize = JOURNAL_BODY + super::BODY;
    pub const JOURNAL_SIZE: usize = JOURNAL_SIZE_HIGH + 4;
    pub const BLOCKS_HIGH: usize = 0x150;
    pub const RESERVED_HIGH: usize = 0x154;
    pub const FREE_BLOCKS_HIGH: usize = 0x158;
    pub const MIN_EXTRA: usize = 0x15C;
    pub const WANT_EXTRA: usize = 0x15E;
    pub const FLAGS: usize = 0x160;
    pub const FLEX_LOG: usize = 0x174;
    pub const CHECKSUM_TYPE: usize = 0x175;
    pub const OVERHEAD: usize = 0x248;
    pub const WRITTEN_HIGH: usize = 0x274;
    pub const MADE_HIGH: usize = 0x276;
    pub const CHECKED_HIGH: usize = 0x277;
    pub const CHECKSUM: usize = 0x3FC;
}

/// What the superblock says in addition to the geometry and the parameters.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub free_blocks: u64,
    pub free_inodes: u64,
    pub journal_body: [u8; BODY],
    pub journal_bytes: u64,
}

/// Refuses a label or a time that the superblock cannot hold.
pub(super) fn check(params: &Params) -> Result<()> {
    if params.label.len() > MAX_LABEL || params.label.contains('\0') {
        let message = format!("the volume label {:?} is refused", params.label);
        return Err(Error::new(Kind::Input, message).remedy("use up to 16 bytes, none of them 0"));
    }
    params.time.for_image()?;
    Ok(())
}

/// The superblock without its group's number and checksum (see [`seal`]).
pub(super) fn encode(geometry: &Geometry, params: &Params, counts: &Counts) -> Record<LENGTH> {
    let mut record = Record::new();
    write_counts(&mut record, geometry, counts);
    write_shape(&mut record);
    record.bytes(at::UUID, &params.uuid);
    record.bytes(at::LABEL, params.label.as_bytes());
    record.bytes(at::HASH_SEED, &params.hash_seed);
    let seconds = params.time.seconds.cast_unsigned();
    for (low, high) in [
        (at::WRITTEN, at::WRITTEN_HIGH),
        (at::CHECKED, at::CHECKED_HIGH),
        (at::MADE, at::MADE_HIGH),
    ] {
        record.u32(low, low_u32(seconds));
        record.u8(high, (high_u32(seconds) & 0xFF) as u8);
    }
    record.u32(at::JOURNAL_INODE, JOURNAL);
    record.u8(at::JOURNAL_KEPT, JOURNAL_BLOCKS_KEPT);
    record.bytes(at::JOURNAL_BODY, &counts.journal_body);
    record.split_u64(at::JOURNAL_SIZE, at::JOURNAL_SIZE_HIGH, counts.journal_bytes);
    record
}

fn write_counts(record: &mut Record<LENGTH>, geometry: &Geometry, counts: &Counts) {
    record.u32(at::INODES, low_u32(geometry.inodes()));
    record.u32(at::FREE_INODES, low_u32(counts.free_inodes));
    record.split_u64(at::BLOCKS, at::BLOCKS_HIGH, geometry.blocks);
    record.split_u64(at::RESERVED, at::RESERVED_HIGH, geometry.blocks / RESERVED_ONE_IN);
    record.split_u64(at::FREE_BLOCKS, at::FREE_BLOCKS_HIGH, counts.free_blocks);
    record.u32(at::BLOCKS_PER_GROUP, low_u32(GROUP_BLOCKS));
    record.u32(at::CLUSTERS_PER_GROUP, low_u32(GROUP_BLOCKS));
    record.u32(at::INODES_PER_GROUP, geometry.inodes_per_group);
    record.u16(at::RESERVED_DESCRIPTORS, geometry.reserved_descriptor_blocks as u16);
    record.u32(at::OVERHEAD, low_u32(geometry.overhead()));
}

fn write_shape(record: &mut Record<LENGTH>) {
    record.u32(at::LOG_BLOCK, LOG_BLOCK);
    record.u32(at::LOG_CLUSTER, LOG_BLOCK);
    record.u16(at::MAX_MOUNTS, NO_MOUNT_LIMIT);
    record.u16(at::MAGIC, MAGIC);
    record.u16(at::STATE, CLEAN);
    record.u16(at::ERRORS, ERRORS_READ_ONLY);
    record.u32(at::REVISION, DYNAMIC_REVISION);
    record.u32(at::FIRST_INODE, LOST_FOUND);
    record.u16(at::INODE_SIZE, INODE as u16);
    record.u32(at::COMPATIBLE, COMPATIBLE);
    record.u32(at::INCOMPATIBLE, INCOMPATIBLE);
    record.u32(at::READ_ONLY_COMPATIBLE, READ_ONLY_COMPATIBLE);
    record.u8(at::HASH_VERSION, HALF_MD4);
    record.u16(at::DESCRIPTOR_SIZE, DESCRIPTOR as u16);
    record.u32(at::MOUNT_OPTIONS, MOUNT_OPTIONS);
    record.u16(at::MIN_EXTRA, EXTRA);
    record.u16(at::WANT_EXTRA, EXTRA);
    record.u32(at::FLAGS, SIGNED_HASH);
    record.u8(at::FLEX_LOG, FLEX_LOG as u8);
    record.u8(at::CHECKSUM_TYPE, CRC32C);
}

/// The bytes of the copy in `group`.
pub(super) fn seal(mut record: Record<LENGTH>, group: u32) -> Record<LENGTH> {
    record.u16(at::GROUP, group as u16);
    let sum = crc32c(!0, &record.0[..at::CHECKSUM]);
    record.u32(at::CHECKSUM, sum);
    record
}
