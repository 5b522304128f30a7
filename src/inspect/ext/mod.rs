//! ext2, ext3 and ext4, read by the ext4-view crate. Bytes that the crate would trust too much are
//! checked before it sees them.
//!
//! `volume`, `extents` and `folder` read ext4 without the crate, for [`walk`](super::walk), which goes through all of it.

pub(super) mod extents;
pub(super) mod features;
pub(super) mod folder;
pub(super) mod links;
mod reader;
pub(super) mod superblock;
pub(super) mod volume;

pub(super) use reader::ExtReader;
