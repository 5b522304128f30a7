//! The inode: Documentation/filesystems/ext4/inodes.rst.

use super::checksum::Seed;
use super::extent::BODY;
use super::geometry::INODE;
use super::record::{Record, high_u16, high_u32, low_u16, low_u32};
use crate::error::{Error, Kind, Result};
use crate::units::Timestamp;

/// Numbers of inodes with a fixed meaning.
pub(super) const ROOT: u32 = 2;
pub(super) const RESIZE: u32 = 7;
pub(super) const JOURNAL: u32 = 8;
/// The first one that is not reserved; by custom it is lost+found's.
pub(super) const LOST_FOUND: u32 = 11;

/// File types in `i_mode`.
pub(super) const S_IFIFO: u16 = 0x1000;
pub(super) const S_IFCHR: u16 = 0x2000;
pub(super) const S_IFDIR: u16 = 0x4000;
pub(super) const S_IFBLK: u16 = 0x6000;
pub(super) const S_IFREG: u16 = 0x8000;
pub(super) const S_IFLNK: u16 = 0xA000;
pub(super) const S_IFSOCK: u16 = 0xC000;

/// `i_flags`: the folder has an index; `i_block` holds an extent tree.
pub(super) const INDEX_FL: u32 = 0x1000;
pub(super) const EXTENTS_FL: u32 = 0x8_0000;

/// Bytes of fields that we fill after the first 128 (`i_extra_isize`).
pub(super) const EXTRA: u16 = 32;
/// Where extended attributes begin, and how many bytes there are for them.
const ATTRIBUTES_AT: usize = 128 + EXTRA as usize;
pub(super) const ATTRIBUTES_ROOM: usize = INODE as usize - ATTRIBUTES_AT;

/// `i_blocks` counts sectors of 512 bytes.
const SECTORS_PER_BLOCK: u64 = 8;

mod at {
    pub const MODE: usize = 0x00;
    pub const UID: usize = 0x02;
    pub const SIZE: usize = 0x04;
    pub const ATIME: usize = 0x08;
    pub const CTIME: usize = 0x0C;
    pub const MTIME: usize = 0x10;
    pub const GID: usize = 0x18;
    pub const LINKS: usize = 0x1A;
    pub const BLOCKS: usize = 0x1C;
    pub const FLAGS: usize = 0x20;
    pub const BODY: usize = 0x28;
    pub const ATTRIBUTE_BLOCK: usize = 0x68;
    pub const SIZE_HIGH: usize = 0x6C;
    pub const BLOCKS_HIGH: usize = 0x74;
    pub const ATTRIBUTE_BLOCK_HIGH: usize = 0x76;
    pub const UID_HIGH: usize = 0x78;
    pub const GID_HIGH: usize = 0x7A;
    pub const CHECKSUM: usize = 0x7C;
    pub const EXTRA_SIZE: usize = 0x80;
    pub const CHECKSUM_HIGH: usize = 0x82;
    pub const CTIME_EXTRA: usize = 0x84;
    pub const MTIME_EXTRA: usize = 0x88;
    pub const ATIME_EXTRA: usize = 0x8C;
    pub const CRTIME: usize = 0x90;
    pub const CRTIME_EXTRA: usize = 0x94;
}

/// An inode before it is encoded.
#[derive(Clone, Debug)]
pub(super) struct Inode<'a> {
    pub number: u32,
    /// Type and permissions.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub links: u16,
    /// Filesystem blocks of content, tree and attributes.
    pub blocks: u64,
    pub flags: u32,
    pub body: [u8; BODY],
    pub time: Timestamp,
    /// The block with extended attributes; 0 for none.
    pub attribute_block: u64,
    /// Extended attributes in the inode.
    pub attributes: &'a [u8],
}

impl Inode<'_> {
    /// The bytes on disk. The time must be one that [`check_time`] passed.
    pub fn encode(&self, seed: Seed) -> [u8; INODE as usize] {
        let mut record = Record::<{ INODE as usize }>::new();
        record.u16(at::MODE, self.mode);
        record.split_u32(at::UID, at::UID_HIGH, self.uid);
        record.split_u32(at::GID, at::GID_HIGH, self.gid);
        record.split_u64(at::SIZE, at::SIZE_HIGH, self.size);
        record.u16(at::LINKS, self.links);
        let sectors = self.blocks * SECTORS_PER_BLOCK;
        record.u32(at::BLOCKS, low_u32(sectors));
        record.u16(at::BLOCKS_HIGH, low_u16(high_u32(sectors)));
        record.u32(at::FLAGS, self.flags);
        record.bytes(at::BODY, &self.body);
        record.u32(at::ATTRIBUTE_BLOCK, low_u32(self.attribute_block));
        record.u16(at::ATTRIBUTE_BLOCK_HIGH, low_u16(high_u32(self.attribute_block)));
        record.u16(at::EXTRA_SIZE, EXTRA);
        let (seconds, extra) = encode_time(self.time);
        for (at, at_extra) in [
            (at::ATIME, at::ATIME_EXTRA),
            (at::CTIME, at::CTIME_EXTRA),
            (at::MTIME, at::MTIME_EXTRA),
            (at::CRTIME, at::CRTIME_EXTRA),
        ] {
            record.u32(at, seconds);
            record.u32(at_extra, extra);
        }
        record.bytes(ATTRIBUTES_AT, self.attributes);
        seal(record, self.number, seed)
    }
}

/// A reserved inode that is not in use.
pub(super) fn unused(number: u32, seed: Seed) -> [u8; INODE as usize] {
    let mut record = Record::new();
    record.u16(at::EXTRA_SIZE, EXTRA);
    seal(record, number, seed)
}

fn seal(mut record: Record<{ INODE as usize }>, number: u32, seed: Seed) -> [u8; INODE as usize] {
    let sum = seed.of_inode(number).sum(&[&record.0]);
    record.u16(at::CHECKSUM, low_u16(sum));
    record.u16(at::CHECKSUM_HIGH, high_u16(sum));
    record.0
}

/// 32 signed bits of seconds, then two more bits of them below 30 bits of nanoseconds
/// (`ext4_encode_extra_time`).
fn encode_time(time: Timestamp) -> (u32, u32) {
    let low = time.seconds as i32;
    let epoch = ((time.seconds - i64::from(low)) >> 32) as u32 & 3;
    (low.cast_unsigned(), time.nanos << 2 | epoch)
}

/// Refuses moments that ext4 cannot store: its range is December 1901 to May 2446. The kernel would
/// silently move them to the nearest limit.
pub(super) fn check_time(time: Timestamp) -> Result<()> {
    const FIRST: i64 = i32::MIN as i64;
    const LAST: i64 = FIRST + (1 << 34) - 1;
    if (FIRST..=LAST).contains(&time.seconds) && time.nanos < 1_000_000_000 {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("ext4 cannot keep the time {time}"))
        .remedy("give the file a time between 1902 and 2446"))
}

/// The body of a device's inode: small numbers in the old form, others in the new
/// (`old_encode_dev`, `new_encode_dev` in include/linux/kdev_t.h).
pub(super) fn device(major: u32, minor: u32) -> Result<[u8; BODY]> {
    const MAX_MAJOR: u32 = (1 << 12) - 1;
    const MAX_MINOR: u32 = (1 << 20) - 1;
    if major > MAX_MAJOR || minor > MAX_MINOR {
        let message = format!("Linux has no device number {major}:{minor}");
        return Err(Error::new(Kind::Input, message)
            .remedy("the major number has 12 bits and the minor 20"));
    }
    let (place, value) = if major < 256 && minor < 256 {
        (0, major << 8 | minor)
    } else {
        (4, minor & 0xFF | major << 8 | (minor & !0xFF) << 12)
    };
    let mut body = [0; BODY];
    super::record::put_u32(&mut body, place, value);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_use_the_extra_bits_as_the_kernel_does() {
        // the table in Documentation/filesystems/ext4/inodes.rst, "Inode Timestamps"
        for (seconds, low, epoch) in [
            (-1, 0xFFFF_FFFF, 0),
            (0, 0, 0),
            (0x7FFF_FFFF, 0x7FFF_FFFF, 0),
            (0x8000_0000, 0x8000_0000, 1),
            (0x1_0000_0000, 0, 1),
            (0x3_7FFF_FFFF, 0x7FFF_FFFF, 3),
        ] {
            assert_eq!(encode_time(Timestamp { seconds, nanos: 5 }), (low, 5 << 2 | epoch));
            assert!(check_time(Timestamp::from_seconds(seconds)).is_ok());
        }
        assert!(check_time(Timestamp::from_seconds(0x3_8000_0000)).is_err());
        assert!(check_time(Timestamp::from_seconds(-0x8000_0001)).is_err());
    }

    #[test]
    fn device_numbers_are_refused_where_linux_has_none() {
        assert!(device(4095, (1 << 20) - 1).is_ok());
        assert!(device(4096, 0).is_err());
        assert!(device(0, 1 << 20).is_err());
    }
}
