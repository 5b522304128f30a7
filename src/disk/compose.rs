//! From a tree to a disk: puts the parts in their places.

use std::sync::Arc;

use super::layout::{Layout, Region};
use super::spec::{DiskSpec, hash_seed};
use super::{Disk, Extent, bootloader, esp, ext4, gpt};
use crate::error::Result;
use crate::pack::Pack;
use crate::tree::Tree;

/// The root filesystem's label.
const ROOT_LABEL: &str = "root";

/// Makes the disk of an appliance: the tree as its root filesystem, and everything that boots it.
///
/// `packs` are those that are placed as a whole, the base's first. The tree must have passed
/// [`bootloader::configure`] with the same `spec`.
///
/// # Errors
/// [`Kind::NoSpace`](crate::error::Kind::NoSpace) when the tree does not fit on a disk of this
/// size, [`Kind::Input`](crate::error::Kind::Input) when the tree cannot boot or cannot be stored.
pub fn compose(tree: &Tree, packs: &[Arc<Pack>], spec: &DiskSpec) -> Result<Disk> {
    let layout = Layout::new(spec.size)?;
    let ids = spec.ids();
    let params = ext4::Params {
        size: layout.root.length,
        uuid: ids.filesystem.into_bytes(),
        hash_seed: hash_seed(packs.first().map(|pack| pack.digest())),
        time: spec.time,
        label: ROOT_LABEL.to_owned(),
    };
    assemble(tree, spec, ext4::build(tree, packs, &params)?)
}

/// Puts a disk together around any root filesystem, given as extents relative to its partition,
/// which is [`Layout::root`].
///
/// The tree must have passed [`bootloader::configure`] with the same `spec`.
pub fn assemble(tree: &Tree, spec: &DiskSpec, root: Vec<Extent>) -> Result<Disk> {
    let layout = Layout::new(spec.size)?;
    let ids = spec.ids();
    bootloader::check(tree, spec)?;
    let bios = bootloader::bios(tree, layout.bios_boot)?;
    let files = bootloader::efi_files(tree, &ids)?;
    let volume = esp::Params { region: layout.esp, serial: ids.esp_serial, time: spec.time };
    let mut extents = gpt::build(&layout, &ids.guids, bios.boot_code)?;
    extents.push(Extent::bytes(layout.bios_boot.offset, bios.core));
    extents.extend(moved(esp::build(&files, &volume)?, layout.esp));
    extents.extend(moved(root, layout.root));
    Disk::new(layout.size, extents)
}

fn moved(extents: Vec<Extent>, region: Region) -> impl Iterator<Item = Extent> {
    extents.into_iter().map(move |e| Extent { offset: e.offset + region.offset, data: e.data })
}
