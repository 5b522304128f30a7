//! ext2, ext3 and ext4, by the ext4-view crate; what that crate would trust too much is checked before it sees it.

pub(super) mod features;
pub(super) mod links;
mod reader;
pub(super) mod superblock;

pub(super) use reader::Reader;
