//! The root filesystem: ext4 as a pure function of a tree.
//!
//! The layout follows one rule. First comes everything that the size of the disk alone determines:
//! superblocks, group descriptors, bitmaps, inode tables, the journal. Then come the packs, each as
//! a whole and in the order given, split only at the fixed metadata; a part of a pack that no file
//! uses any more is free in the bitmaps, but its bytes stay. Everything that depends on the tree
//! comes last: folders, attributes, long symbolic links, contents in memory, extent trees. So all
//! filesystems of one size with the same first packs have equal bytes there, and the encoded form
//! of that region can be shared between images. Each byte of a pack also keeps its place within 64
//! KiB, so that the clusters of disks of other sizes are equal, too, except beside fixed metadata.
//!
//! The features are those of mke2fs for Debian 12 (64bit, metadata_csum, flex_bg, dir_index,
//! extents, a journal, and resize_inode to grow while mounted) without the two that older boot
//! loaders and kernels refuse: `metadata_csum_seed` and `orphan_file`.
//!
//! The way through: `inventory` numbers a tree's entries, `sources` decides which contents stay in their packs, and
//! `parts` encodes what needs no place yet (`dir`, `htree` and `hash`; `xattr` and `acl`). `demand` counts what that
//! needs; `geometry` follows from the size. `write` then calls `place`, which takes blocks from `space` (`extent` says
//! where they are), and encodes `inode`, `journal`, `resize`, `group` and `superblock`, each a `record` with a `checksum`.
//! `output` collects the extents.

pub(crate) mod acl;
mod checksum;
mod demand;
mod dir;
mod extent;
mod geometry;
mod group;
mod hash;
mod htree;
mod inode;
mod inventory;
mod journal;
mod output;
mod parts;
mod place;
mod record;
mod resize;
mod sources;
mod space;
mod superblock;
mod write;
mod xattr;

pub(in crate::disk) use checksum::with_common_seed;

use std::sync::Arc;

use super::Extent;
use crate::error::Result;
use crate::pack::Pack;
use crate::tree::Tree;
use crate::units::Timestamp;

/// The parameters of a filesystem, besides its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Bytes of the partition. A filesystem may end a little earlier (whole blocks, no useless last
    /// group).
    pub size: u64,
    /// The filesystem's UUID; the checksums of all metadata start from it.
    pub uuid: [u8; 16],
    /// The seed of the hashes that order large folders.
    pub hash_seed: [u8; 16],
    /// When the filesystem was made.
    pub time: Timestamp,
    /// The volume's name, up to 16 bytes.
    pub label: String,
}

/// The extents of an ext4 filesystem with the tree's entries, sorted, by offsets in bytes from the
/// start of the partition. No pack is read. `packs` are placed as a whole, in this order. Of other
/// packs that hold contents, only the parts in use are on the disk.
///
/// # Errors
/// `NoSpace`, with a sufficient size, when the disk is too small; `Input`, with the path, when the
/// tree has something that ext4 cannot store, or is incomplete (a folder is missing, a hard link
/// leads nowhere).
pub fn build(tree: &Tree, packs: &[Arc<Pack>], params: &Params) -> Result<Vec<Extent>> {
    superblock::check(params)?;
    let parts = parts(tree, packs, params)?;
    let geometry = demand::Demand::of(&parts).geometry(params.size)?;
    write::Writer::new(&geometry, params, &parts).write()
}

/// The smallest size of a partition, in bytes and whole MiB, that holds the tree; `params.size` is
/// ignored. You must add the space that the appliance needs at run time.
///
/// # Errors
/// As for [`build`].
pub fn needed(tree: &Tree, packs: &[Arc<Pack>], params: &Params) -> Result<u64> {
    demand::Demand::of(&parts(tree, packs, params)?).smallest(0)
}

fn parts<'a>(tree: &'a Tree, packs: &'a [Arc<Pack>], params: &Params) -> Result<parts::Parts<'a>> {
    let inventory = inventory::Inventory::of(tree, params.time)?;
    let sources = sources::Sources::decide(&inventory, packs)?;
    let coder = dir::Coder {
        seed: checksum::Seed::of_filesystem(&params.uuid),
        hasher: hash::NameHasher::new(&params.hash_seed),
    };
    parts::Parts::encode(inventory, sources, coder)
}
