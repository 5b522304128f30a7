//! What an image is made of, read from outside without booting or mounting it.
//!
//! Images are foreign bytes: another program may have written them, and a disk may have damaged
//! them.

mod blocks;
pub(crate) mod boot;
pub mod damage;
mod ext;
mod fat;
pub(crate) mod filesystem;
mod gce;
mod gnu_sparse;
mod image;
mod members;
mod others;
mod ova;
pub(crate) mod pe;
mod qcow2;
pub(crate) mod root;
mod source;
mod stream;
mod sums;
pub(crate) mod system;
pub(crate) mod table;
mod vhd;
mod vhdx;
mod vmdk;
pub mod walk;
mod window;

use std::path::Path;
use std::sync::Arc;

use gpt::partition_types::{BIOS, EFI, Type};
use serde::Serialize;

pub use boot::EfiFile;
pub use filesystem::begins_a_disk;
pub use gce::Archive;
pub use image::{Container, Image};
pub use members::Member;
pub use ova::PackageText;
pub use root::RootFacts;
pub use source::Source;
pub use sums::{Algorithm, Line as ManifestLine, Sums};
pub use system::System;
pub use table::{Partition, Table};
pub use vhd::Footer as VhdFooter;
pub use vmdk::VmdkFacts;

use crate::error::{Error, Kind, Result};
use crate::manifest::ImageRecord;
use crate::profile::Format;
use crate::profile::Probe;
use crate::units::{ByteSize, MIB};
use root::Root;

/// The most bytes that a compressed file of `length` bytes may plausibly hold; zeros do not count.
/// Systems' own files compress to a third; a file that claims more than this was made to fill a
/// disk, or to keep somebody waiting.
fn plausible(length: u64) -> u64 {
    length.saturating_mul(RATIO).saturating_add(ANYWAY)
}

/// The factor, and the number of bytes that is plausible for any length: a file of one line
/// compresses better than any disk.
const RATIO: u64 = 200;
const ANYWAY: u64 = 256 * MIB;

/// Everything that an image says about itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The image's format.
    pub format: Format,
    /// The size of the disk in it.
    pub disk: ByteSize,
    /// The length of the file.
    pub file: ByteSize,
    /// The partition table.
    pub table: Table,
    /// How it boots.
    pub boot: Boot,
    /// The root filesystem.
    pub root: RootFacts,
    /// What the builder wrote down; none in an image that slipway did not build.
    pub record: Option<ImageRecord>,
}

/// The ways to boot an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Boot {
    /// Whether it has GRUB for BIOS.
    pub bios: bool,
    /// The files on the EFI partition.
    pub efi: Vec<EfiFile>,
}

/// Reads everything that an image says about itself.
///
/// # Errors
/// [`Kind::Damaged`] with the image's path, and the byte where it is known, for bytes that make no
/// sense; [`Kind::Refused`] for images that need other files or keys.
pub fn inspect(path: &Path) -> Result<Report> {
    report(&Arc::new(Image::open(path)?))
}

/// The same for an open image.
pub fn report(image: &Arc<Image>) -> Result<Report> {
    let table = table::read(image)?;
    let (bios, efi) = loaders(image, &table)?;
    let root = open_root(image, &table)?;
    Ok(Report {
        format: image.format(),
        disk: ByteSize(image.size()),
        file: ByteSize(image.length()),
        boot: Boot { bios, efi },
        root: root.facts()?,
        record: root.record()?,
        table,
    })
}

/// The facts that decide whether an image starts elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The partition table.
    pub table: Table,
    /// Whether it has GRUB for BIOS.
    pub bios: bool,
    /// The files on the EFI partition.
    pub efi: Vec<EfiFile>,
    /// What the root filesystem says.
    pub system: System,
}

impl Inside {
    /// Whether firmware finds a boot loader without a boot entry for it.
    pub fn boots_by_uefi(&self) -> bool {
        self.efi.iter().any(|file| file.path.eq_ignore_ascii_case("EFI/BOOT/BOOTX64.EFI"))
    }
}

/// Reads the facts that decide whether an image starts elsewhere.
pub fn look_inside(image: &Arc<Image>) -> Result<Inside> {
    let table = table::read(image)?;
    let (bios, efi) = loaders(image, &table)?;
    let system = system::look(&open_root(image, &table)?)?;
    Ok(Inside { table, bios, efi, system })
}

fn loaders(image: &Arc<Image>, table: &Table) -> Result<(bool, Vec<EfiFile>)> {
    let bios = match find(table, &BIOS) {
        Some(partition) => boot::bios(image, partition.region())?,
        None => false,
    };
    let efi = match find(table, &EFI) {
        Some(partition) => boot::efi_files(image, partition.region())?,
        None => Vec::new(),
    };
    Ok((bios, efi))
}

/// What the builder wrote down; none in an image that slipway did not build.
pub fn record(image: &Arc<Image>) -> Result<Option<ImageRecord>> {
    open_root(image, &table::read(image)?)?.record()
}

/// The probes of an image's profile; see [`crate::manifest::PROBES`].
pub fn probes(image: &Arc<Image>) -> Result<Vec<Probe>> {
    open_root(image, &table::read(image)?)?.probes()
}

/// Writes one file of the image's root filesystem to `out`; returns its length in bytes.
pub fn copy_file(path: &Path, in_image: &str, out: &mut dyn std::io::Write) -> Result<u64> {
    copy_file_of(&Arc::new(Image::open(path)?), in_image, out)
}

/// The same for an open image.
pub fn copy_file_of(
    image: &Arc<Image>,
    in_image: &str,
    out: &mut dyn std::io::Write,
) -> Result<u64> {
    if !in_image.starts_with('/') {
        let message = format!("{in_image:?} is not a path from the image's root");
        return Err(Error::new(Kind::Input, message).remedy("begin it with a /"));
    }
    let table = table::read(image)?;
    open_root(image, &table)?.copy(in_image, out)
}

/// Opens the root filesystem; [`Kind::Refused`] where there is none.
pub(crate) fn open_root(image: &Arc<Image>, table: &Table) -> Result<Root> {
    Root::open(image, root_partition(image, table)?.region())
}

fn root_partition<'t>(image: &Image, table: &'t Table) -> Result<&'t Partition> {
    table.root().ok_or_else(|| {
        Error::new(Kind::Refused, "no partition has the type of a Linux filesystem")
            .at(image.path())
            .remedy("give an image that slipway built")
    })
}

fn find<'t>(table: &'t Table, wanted: &Type) -> Option<&'t Partition> {
    table.partitions.iter().find(|p| p.is(wanted))
}
