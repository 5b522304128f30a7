//! GRUB for BIOS: boot.img patched as grub-bios-setup would do it, and core.img as grub-mkimage
//! made it.

use super::need;
use crate::disk::gpt::BOOT_CODE;
use crate::disk::layout::{Region, SECTOR};
use crate::error::{Error, Kind, Result};
use crate::tree::Tree;

/// Where the base puts BIOS GRUB's core image, made by `grub-mkimage` for i386-pc with the prefix
/// `(,gpt3)/boot/grub` and every module that it needs: the disk has no loadable modules besides.
pub const CORE_IMG: &str = "/usr/lib/slipway/boot/core.img";
/// GRUB's first sector, from the distribution's package.
const BOOT_IMG: &str = "/usr/lib/grub/i386-pc/boot.img";

// Offsets in boot.img and core.img, from GRUB 2.06's grub-core/boot/i386/pc/boot.S and diskboot.S.
/// boot.img: u64, the sector of core.img.
const BOOT_KERNEL_SECTOR: usize = 0x5C;
/// boot.img: the drive to read from; 0xFF is the one that the BIOS started from.
const BOOT_DRIVE: usize = 0x64;
/// boot.img: a jump over the check for broken BIOSes' drive numbers, which hard disks need.
const BOOT_DRIVE_CHECK: usize = 0x66;
const JUMP: [u8; 2] = [0xEB, 0x05];
const NOPS: [u8; 2] = [0x90, 0x90];
/// core.img: u64, the sector of its second sector, in the block list at the end of its first.
const CORE_BLOCK_LIST: usize = 0x1F4;
/// The largest core.img that GRUB loads, in bytes.
const CORE_LIMIT: u64 = 454_656;

/// What BIOS needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bios {
    /// The disk's first bytes.
    pub boot_code: [u8; BOOT_CODE],
    /// The content of the BIOS boot partition, from its start.
    pub core: Vec<u8>,
}

/// Patches GRUB's two images for a core image at the start of `region`.
pub fn bios(tree: &Tree, region: Region) -> Result<Bios> {
    let boot =
        need(tree, BOOT_IMG, "add the package grub-pc-bin to the base's packages")?.read()?;
    let core = need(tree, CORE_IMG, "rebuild the base: it is made together with it")?;
    if core.length() > CORE_LIMIT.min(region.length) || core.length() < 2 * SECTOR {
        let message = format!("{CORE_IMG} has {} bytes", core.length());
        return Err(Error::new(Kind::Damaged, message)
            .remedy(format!("it must have from {} to {CORE_LIMIT} bytes", 2 * SECTOR)));
    }
    let start = region.first_sector();
    let mut core = core.read()?.to_vec();
    core[CORE_BLOCK_LIST..CORE_BLOCK_LIST + 8].copy_from_slice(&(start + 1).to_le_bytes());
    let code = boot.get(..BOOT_CODE).and_then(|b| <[u8; BOOT_CODE]>::try_from(b).ok());
    let known = |code: &[u8; BOOT_CODE]| code[BOOT_DRIVE_CHECK..BOOT_DRIVE_CHECK + 2] == JUMP;
    let Some(mut boot_code) = code.filter(known) else {
        return Err(Error::new(Kind::Damaged, format!("{BOOT_IMG} is not a boot.img of GRUB 2")));
    };
    boot_code[BOOT_KERNEL_SECTOR..BOOT_KERNEL_SECTOR + 8].copy_from_slice(&start.to_le_bytes());
    boot_code[BOOT_DRIVE] = 0xFF;
    boot_code[BOOT_DRIVE_CHECK..BOOT_DRIVE_CHECK + 2].copy_from_slice(&NOPS);
    Ok(Bios { boot_code, core })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{MIB, Timestamp};

    const REGION: Region = Region { offset: MIB, length: MIB };

    fn tree(boot: Vec<u8>, core: Vec<u8>) -> Tree {
        let mut tree = Tree::new();
        tree.put_file(BOOT_IMG, 0o644, Timestamp::default(), boot).unwrap();
        tree.put_file(CORE_IMG, 0o644, Timestamp::default(), core).unwrap();
        tree
    }

    fn boot_img() -> Vec<u8> {
        let mut boot = vec![0x11; 512];
        boot[BOOT_DRIVE_CHECK..BOOT_DRIVE_CHECK + 2].copy_from_slice(&JUMP);
        boot
    }

    #[test]
    fn both_images_point_at_the_place_of_the_core() {
        let bios = bios(&tree(boot_img(), vec![0x22; 2000]), REGION).unwrap();
        assert_eq!(bios.boot_code[0x5C..0x64], 2048u64.to_le_bytes());
        assert_eq!(bios.boot_code[0x64], 0xFF);
        assert_eq!(bios.boot_code[0x66..0x68], [0x90, 0x90]);
        assert_eq!(bios.core[0x1F4..0x1FC], 2049u64.to_le_bytes());
        assert_eq!(bios.core.len(), 2000);
    }

    #[test]
    fn images_that_are_not_grubs_are_refused() {
        for boot in [vec![], vec![0; 100], vec![0; 512]] {
            assert!(bios(&tree(boot, vec![0; 2000]), REGION).is_err());
        }
        for core in [0, 1023, 454_657] {
            assert!(bios(&tree(boot_img(), vec![0; core]), REGION).is_err(), "{core}");
        }
    }
}
