//! ext2, ext3 and ext4, read by the ext4-view crate. Bytes that the crate would trust too much are
//! checked before it sees them.

pub(super) mod features;
pub(super) mod links;
mod reader;
pub(super) mod superblock;

pub(super) use reader::ExtReader;
