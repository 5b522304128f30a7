//! The EFI partition's files: shim, the signed GRUB, and the file that leads it to the root
//! filesystem.

use tera::Context as Values;

use super::{find, need, os_release};
use crate::disk::esp::Files;
use crate::disk::spec::Ids;
use crate::error::{Error, Kind, Result};
use crate::template::{Language, render};
use crate::tree::Tree;

/// Where a base without signed boot loaders puts a GRUB for UEFI, made by
/// `grub-mkimage -O x86_64-efi -p EFI_CORE_PREFIX` with the modules that it needs built in.
pub const EFI_CORE: &str = "/usr/lib/slipway/boot/grubx64.efi";
/// Where [`EFI_CORE`] looks for its configuration on the EFI partition.
pub const EFI_CORE_PREFIX: &str = "/EFI/slipway";

// Package paths of the signed chain, in the order of preference. Debian 12 and 13 have the first of
// each; Ubuntu has a separate name for shim's current build, and there the plain name is a symbolic
// link.
const SHIM: &[&str] =
    &["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/shimx64.efi.signed.latest"];
const SIGNED_GRUB: &[&str] = &[
    "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed.latest",
];
const MOK_MANAGER: &[&str] = &["/usr/lib/shim/mmx64.efi.signed", "/usr/lib/shim/mmx64.efi"];

const ESP_GRUB_CFG_TEMPLATE: &str = include_str!("../../../templates/boot/esp-grub.cfg");

/// The files of the EFI partition: the signed chain if the tree has it, or else the base's own
/// GRUB.
///
/// Only the removable path is used, without a fallback program and its list: those write boot
/// entries into the firmware, and restart for ever on machines with a TPM.
pub fn efi_files(tree: &Tree, ids: &Ids) -> Result<Files> {
    let mut files = Files::new();
    let shim = find(tree, SHIM)?;
    let grub = find(tree, SIGNED_GRUB)?;
    let folder = if let (Some(shim), Some(grub)) = (shim, grub) {
        files.insert("EFI/BOOT/BOOTX64.EFI".into(), shim.clone());
        files.insert("EFI/BOOT/grubx64.efi".into(), grub.clone());
        if let Some(manager) = find(tree, MOK_MANAGER)? {
            files.insert("EFI/BOOT/mmx64.efi".into(), manager.clone());
        }
        format!("EFI/{}", vendor(tree)?)
    } else {
        let advice = "add shim-signed and grub-efi-amd64-signed to the base's packages";
        files.insert("EFI/BOOT/BOOTX64.EFI".into(), need(tree, EFI_CORE, advice)?.clone());
        EFI_CORE_PREFIX.trim_start_matches('/').to_owned()
    };
    let mut values = Values::new();
    values.insert("filesystem", &ids.filesystem.to_string());
    let config = format!("{folder}/grub.cfg");
    let text = render(Language::Grub, &config, ESP_GRUB_CFG_TEMPLATE, &values)?;
    files.insert(config, text.into());
    Ok(files)
}

/// The signed GRUB's name for its folder, which is the distribution's.
fn vendor(tree: &Tree) -> Result<String> {
    let id = os_release(tree, "ID")?.unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty() || !id.bytes().all(plain) {
        let message = format!("the base's os-release has no usable ID: {id:?}");
        return Err(Error::new(Kind::Input, message));
    }
    Ok(id)
}
