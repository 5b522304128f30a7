//! From a tree to a disk: the parts in their places.

use std::sync::Arc;

use uuid::Uuid;

use super::layout::{Layout, Region};
use super::{Disk, Extent, bootloader, esp, ext4, gpt};
use crate::error::Result;
use crate::pack::Pack;
use crate::tree::Tree;
use crate::units::{ByteSize, Digest, Timestamp};

/// All names that are derived from a plan lie in this namespace (RFC 9562, version 5). A constant of this
/// program: another value would give every image other identifiers.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d0c_6a0e_3f1b_5c57_9a46_21f7_b0de_5e11);

/// What a disk is made of, beside the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// The disk's virtual size: whole MiB, at least [`super::layout::DISK_MINIMUM`].
    pub size: ByteSize,
    /// The plan's digest, from which every identifier on the disk follows.
    pub plan: Digest,
    /// The time of all that has no time of its own.
    pub time: Timestamp,
    /// Kernel parameters beside those that every appliance has, as in `quiet` or `mitigations=off`.
    pub command_line: Vec<String>,
}

impl DiskSpec {
    /// The identifiers of this disk.
    pub fn ids(&self) -> Ids {
        Ids::of(self.plan)
    }
}

/// Every identifier on a disk: a function of the plan, so that equal plans give equal bytes and two
/// customers' disks can hang on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The partition table's.
    pub guids: gpt::Guids,
    /// The root filesystem's UUID.
    pub filesystem: Uuid,
    /// The seed of the root filesystem's folder hashes.
    pub hash_seed: Uuid,
    /// The EFI partition's serial number.
    pub esp_serial: u32,
}

impl Ids {
    /// The identifiers that belong to a plan.
    pub fn of(plan: Digest) -> Self {
        let id = |name: &str| {
            let mut bytes = plan.as_bytes().to_vec();
            bytes.extend_from_slice(name.as_bytes());
            Uuid::new_v5(&NAMESPACE, &bytes)
        };
        Self {
            guids: gpt::Guids {
                disk: id("disk"),
                bios_boot: id("bios-boot"),
                esp: id("esp"),
                root: id("root"),
            },
            filesystem: id("filesystem"),
            hash_seed: id("hash-seed"),
            esp_serial: id("esp-serial").as_fields().0,
        }
    }
}

/// The root filesystem's label.
const ROOT_LABEL: &str = "root";

/// Makes the disk of an appliance: the tree as its root filesystem, and all that boots it.
///
/// `packs` are those that are laid whole, the base's first; the tree must have passed
/// [`bootloader::configure`] with the same `spec`.
///
/// # Errors
/// [`Kind::NoSpace`](crate::error::Kind::NoSpace) when the tree does not fit on a disk of this size,
/// [`Kind::Input`](crate::error::Kind::Input) when the tree cannot boot or cannot be stored.
pub fn compose(tree: &Tree, packs: &[Arc<Pack>], spec: &DiskSpec) -> Result<Disk> {
    let layout = Layout::new(spec.size)?;
    let ids = spec.ids();
    let params = ext4::Params {
        size: layout.root.length,
        uuid: ids.filesystem.into_bytes(),
        hash_seed: ids.hash_seed.into_bytes(),
        time: spec.time,
        label: ROOT_LABEL.to_owned(),
    };
    assemble(tree, spec, ext4::build(tree, packs, &params)?)
}

/// Puts a disk together around any root filesystem, given as extents relative to its partition, which is
/// [`Layout::root`].
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
