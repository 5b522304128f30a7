//! How an image boots: by BIOS, and from the files of its EFI partition.

use std::io::Read;
use std::sync::Arc;

use serde::Serialize;

use super::image::Image;
use super::window::Window;
use super::{fat, pe};
use crate::disk::layout::{Region, SECTOR};
use crate::error::{Error, Kind, Result};
use crate::units::{ByteSize, MIB};

/// Bytes of the EFI partition that may be read, whatever its size: reading a circular chain of
/// clusters must end. Systems install only a few MiB there.
pub(super) const BUDGET: u64 = 512 * MIB;
/// Limits of what is looked at: the depth of folders, the names in all folders together, and the
/// bytes of a program. A folder that contains itself never runs out of names.
pub(super) const DEPTH: usize = 8;
pub(super) const NAMES: usize = 4096;
const PROGRAM_LIMIT: u64 = 64 * MIB;
/// Where boot.img has the sector of the core image (GRUB 2.06, boot.S), and what its messages begin
/// with.
const BOOT_KERNEL_SECTOR: usize = 0x5C;
const BOOT_MESSAGE: &[u8] = b"GRUB";

/// One file of the EFI partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EfiFile {
    /// Its path, with `/` between names.
    pub path: String,
    /// Its length.
    pub size: ByteSize,
    /// The names in the certificates of a program's signatures, in their order: each certificate's
    /// issuer and then its owner. They are shown but not verified. Empty for a program without a
    /// signature; absent for a file that is no program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signers: Option<Vec<String>>,
}

/// Whether the first sector is GRUB's, and points at the BIOS boot partition.
pub fn bios(image: &Image, partition: Region) -> Result<bool> {
    let mut sector = [0; SECTOR as usize];
    image.read_at(&mut sector, 0)?;
    let kernel = sector[BOOT_KERNEL_SECTOR..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    let grub = sector.windows(BOOT_MESSAGE.len()).any(|w| w == BOOT_MESSAGE);
    let mut core = [0; SECTOR as usize];
    image.read_at(&mut core, partition.offset)?;
    Ok(grub && kernel == partition.first_sector() && core.iter().any(|b| *b != 0))
}

/// All files of the EFI partition by path.
pub fn efi_files(image: &Arc<Image>, partition: Region) -> Result<Vec<EfiFile>> {
    fat::check(image, partition)?;
    let read = || -> std::io::Result<Vec<EfiFile>> {
        let window = Window::new(image, partition.offset, partition.length, BUDGET);
        let volume = fatfs::FileSystem::new(window, fatfs::FsOptions::new())?;
        let (mut files, mut names) = (Vec::new(), NAMES);
        walk(&volume.root_dir(), "", 0, &mut names, &mut files)?;
        files.sort_by(|a: &EfiFile, b| a.path.cmp(&b.path));
        Ok(files)
    };
    let failed = || {
        let message = "cannot read the EFI partition";
        Error::new(Kind::Damaged, message).at(image.path()).offset(partition.offset)
    };
    // fatfs computes with cluster numbers as it finds them, and a build with overflow checks panics
    // there: foreign bytes must not end this program
    match std::panic::catch_unwind(read) {
        Ok(files) => files.map_err(|e| failed().because(e)),
        Err(_) => Err(failed()),
    }
}

fn walk(
    folder: &fatfs::Dir<'_, Window>,
    above: &str,
    depth: usize,
    names: &mut usize,
    files: &mut Vec<EfiFile>,
) -> std::io::Result<()> {
    let circle = || {
        let message = "its folders have too many names, or contain themselves";
        std::io::Error::new(std::io::ErrorKind::InvalidData, message)
    };
    for entry in folder.iter() {
        let entry = entry?;
        *names = names.checked_sub(1).ok_or_else(circle)?;
        let name = entry.file_name();
        if matches!(name.as_str(), "." | "..") {
            continue;
        }
        let path = if above.is_empty() { name } else { format!("{above}/{name}") };
        if entry.is_dir() {
            if depth == DEPTH {
                return Err(circle());
            }
            walk(&entry.to_dir(), &path, depth + 1, names, files)?;
            continue;
        }
        let program = path.to_ascii_lowercase().ends_with(".efi");
        let signers = if program { Some(signers(entry.to_file())?) } else { None };
        files.push(EfiFile { path, size: ByteSize(entry.len()), signers });
    }
    Ok(())
}

fn signers(file: fatfs::File<'_, Window>) -> std::io::Result<Vec<String>> {
    let mut program = Vec::new();
    file.take(PROGRAM_LIMIT).read_to_end(&mut program)?;
    Ok(pe::signers(&program))
}
