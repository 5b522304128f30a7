//! GRUB for BIOS and the signed chain for UEFI, from files that the base has in its tree.
//!
//! Nothing of the target is run here: boot.img is patched as grub-bios-setup would, core.img was made by
//! grub-mkimage when the base was, shim and the signed GRUB are copied.

use tera::{Context as Values, Tera};

use super::compose::{DiskSpec, Ids};
use super::esp::Files;
use super::gpt::BOOT_CODE;
use super::layout::{Region, SECTOR};
use crate::error::{Error, Kind, Result};
use crate::tree::{Content, Node, Tree, TreePath};

/// Where the base puts BIOS GRUB's core image, made by
/// `grub-mkimage -O i386-pc -p CORE_IMG_PREFIX CORE_IMG_MODULES`.
pub const CORE_IMG: &str = "/usr/lib/slipway/boot/core.img";
/// Where BIOS GRUB looks for its configuration: the third partition of the disk that it was read from.
pub const CORE_IMG_PREFIX: &str = "(,gpt3)/boot/grub";
/// What [`CORE_IMG`] must have built in. The image holds no loadable modules beside it.
pub const CORE_IMG_MODULES: &[&str] = &[
    "part_gpt",
    "ext2",
    "biosdisk",
    "normal",
    "configfile",
    "linux",
    "test",
    "search",
    "search_fs_uuid",
    "serial",
    "terminal",
    "gzio",
    "all_video",
    "echo",
    "ls",
    "cat",
    "sleep",
    "reboot",
    "halt",
];
/// Where a base without signed boot loaders puts a GRUB for UEFI, made by
/// `grub-mkimage -O x86_64-efi -p EFI_CORE_PREFIX EFI_CORE_MODULES`.
pub const EFI_CORE: &str = "/usr/lib/slipway/boot/grubx64.efi";
/// Where [`EFI_CORE`] looks for its configuration on the EFI partition.
pub const EFI_CORE_PREFIX: &str = "/EFI/slipway";
/// What [`EFI_CORE`] must have built in.
pub const EFI_CORE_MODULES: &[&str] = &[
    "part_gpt",
    "ext2",
    "fat",
    "normal",
    "configfile",
    "linux",
    "test",
    "search",
    "search_fs_uuid",
    "terminal",
    "gzio",
    "all_video",
    "echo",
    "ls",
    "cat",
    "sleep",
    "reboot",
    "halt",
];
/// GRUB's first sector, from the distribution's package.
const BOOT_IMG: &str = "/usr/lib/grub/i386-pc/boot.img";
/// GRUB's configuration on the root filesystem.
pub const GRUB_CFG: &str = "/boot/grub/grub.cfg";

// Package paths of the signed chain, in the order of preference. Debian 12 and 13 have the first of
// each; Ubuntu names shim's current build apart, and the plain name is then a symbolic link.
const SHIM: &[&str] =
    &["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/shimx64.efi.signed.latest"];
const SIGNED_GRUB: &[&str] = &[
    "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed.latest",
];
const MOK_MANAGER: &[&str] = &["/usr/lib/shim/mmx64.efi.signed", "/usr/lib/shim/mmx64.efi"];

/// The kernel and its initrd as symbolic links that the distribution keeps: Debian's, then Ubuntu's.
const KERNEL_LINKS: &[(&str, &str)] =
    &[("/vmlinuz", "/initrd.img"), ("/boot/vmlinuz", "/boot/initrd.img")];
/// These would replace our configuration by a generated one when a kernel is installed. They are
/// configuration files of their package, so dpkg does not bring them back.
const KERNEL_HOOKS: &[&str] =
    &["/etc/kernel/postinst.d/zz-update-grub", "/etc/kernel/postrm.d/zz-update-grub"];

/// The last console is /dev/console: systemd's lines go to the serial port and leave the screen to the
/// banner; kernel messages and panics go to both. Without a serial port the kernel drops that console
/// and the screen is /dev/console. `panic`: seconds until it starts again, long enough to be read; an
/// appliance in a cellar is better off trying than hanging.
const COMMAND_LINE: &[&str] = &["ro", "console=tty1", "console=ttyS0,115200", "panic=30"];

const GRUB_CFG_TEMPLATE: &str = include_str!("../../templates/boot/grub.cfg");
const ESP_GRUB_CFG_TEMPLATE: &str = include_str!("../../templates/boot/esp-grub.cfg");

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

/// Puts GRUB's configuration into the tree, and takes out what would overwrite it.
///
/// Called once, after all layers and before [`super::compose`]: the configuration is part of the tree, so
/// that the tree in the image is the tree that went in.
///
/// # Errors
/// [`Kind::Input`] when the tree has no kernel links or a kernel parameter has characters that could
/// end it.
pub fn configure(tree: &mut Tree, spec: &DiskSpec) -> Result<()> {
    let config = config(tree, spec)?;
    for hook in KERNEL_HOOKS {
        tree.remove(TreePath::new(hook.as_bytes())?);
    }
    tree.put_file(GRUB_CFG, 0o644, spec.time, config)
}

/// Checks that the tree was given to [`configure`] with this `spec`: any other would look for another root.
pub fn check(tree: &Tree, spec: &DiskSpec) -> Result<()> {
    let present = find(tree, &[GRUB_CFG])?.map(|(_, content)| content.read()).transpose()?;
    if present.as_deref() == Some(config(tree, spec)?.as_bytes()) {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("the tree's {GRUB_CFG} is not the one of this disk"))
        .remedy("this is a defect of slipway: please report it"))
}

fn config(tree: &Tree, spec: &DiskSpec) -> Result<String> {
    let (kernel, initrd) = kernel_links(tree)?;
    let mut values = Values::new();
    values.insert("title", &title(tree)?);
    values.insert("kernel", kernel);
    values.insert("initrd", initrd);
    values.insert("command_line", &command_line(spec)?);
    render(GRUB_CFG_TEMPLATE, &values)
}

fn kernel_links(tree: &Tree) -> Result<(&'static str, &'static str)> {
    for (kernel, initrd) in KERNEL_LINKS {
        if exists(tree, kernel)? && exists(tree, initrd)? {
            return Ok((kernel, initrd));
        }
    }
    Err(Error::new(Kind::Input, "the base has no kernel: neither /vmlinuz nor /boot/vmlinuz")
        .remedy("add a kernel package, as in linux-image-amd64, to the base's packages"))
}

fn command_line(spec: &DiskSpec) -> Result<String> {
    let root = format!("root=UUID={}", spec.ids().filesystem);
    let mut words = vec![root.as_str()];
    words.extend(COMMAND_LINE);
    for word in &spec.command_line {
        // nothing that GRUB's shell or the kernel's parser gives a meaning to
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.,=:/@+%".contains(&b);
        if word.is_empty() || !word.bytes().all(fine) {
            let message = format!("the kernel parameter {word:?} is refused");
            return Err(Error::new(Kind::Input, message)
                .remedy("use letters, digits and the characters - _ . , = : / @ + %"));
        }
        words.push(word);
    }
    Ok(words.join(" "))
}

/// The menu's title: the distribution's name, without anything that could end a quoted word.
fn title(tree: &Tree) -> Result<String> {
    let name = os_release(tree, "PRETTY_NAME")?.unwrap_or_else(|| "Linux".to_owned());
    let fine = |c: &char| c.is_ascii_alphanumeric() || " ./()-_+".contains(*c);
    Ok(name.chars().filter(fine).collect())
}

fn os_release(tree: &Tree, key: &str) -> Result<Option<String>> {
    let Some((_, content)) = find(tree, &["/usr/lib/os-release", "/etc/os-release"])? else {
        return Ok(None);
    };
    let bytes = content.read()?;
    let text = String::from_utf8_lossy(&bytes);
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    Ok(value.map(|v| v.trim_matches(['"', '\'']).to_owned()))
}

fn render(template: &str, values: &Values) -> Result<String> {
    Tera::one_off(template, values, false).map_err(|e| {
        Error::new(Kind::Damaged, "cannot fill in a boot template")
            .because(e)
            .remedy("this is a defect of slipway: please report it")
    })
}

/// What BIOS needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bios {
    /// The disk's first bytes.
    pub boot_code: [u8; BOOT_CODE],
    /// The content of the BIOS boot partition, from its start.
    pub core: Vec<u8>,
}

/// Patches GRUB's two images for a core image that lies at the start of `region`.
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

/// The files of the EFI partition: the signed chain where the tree has it, else the base's own GRUB.
///
/// Only the removable path is used, without a fallback program and its list: those write boot entries
/// into the firmware, and restart for ever on machines with a TPM.
pub fn efi_files(tree: &Tree, ids: &Ids) -> Result<Files> {
    let mut files = Files::new();
    let shim = find(tree, SHIM)?;
    let grub = find(tree, SIGNED_GRUB)?;
    let folder = if let (Some((_, shim)), Some((_, grub))) = (shim, grub) {
        files.insert("EFI/BOOT/BOOTX64.EFI".into(), shim.clone());
        files.insert("EFI/BOOT/grubx64.efi".into(), grub.clone());
        if let Some((_, manager)) = find(tree, MOK_MANAGER)? {
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
    files.insert(format!("{folder}/grub.cfg"), render(ESP_GRUB_CFG_TEMPLATE, &values)?.into());
    Ok(files)
}

/// The name that the signed GRUB has for its folder: the distribution's.
fn vendor(tree: &Tree) -> Result<String> {
    let id = os_release(tree, "ID")?.unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty() || !id.bytes().all(plain) {
        let message = format!("the base's os-release has no usable ID: {id:?}");
        return Err(Error::new(Kind::Input, message));
    }
    Ok(id)
}

fn need<'t>(tree: &'t Tree, path: &str, remedy: &str) -> Result<&'t Content> {
    let found = find(tree, &[path])?;
    let missing = || Error::new(Kind::NotFound, format!("the base has no {path}")).remedy(remedy);
    found.map(|(_, content)| content).ok_or_else(missing)
}

/// The first of `paths` that is a regular file.
fn find<'t, 'p>(tree: &'t Tree, paths: &[&'p str]) -> Result<Option<(&'p str, &'t Content)>> {
    for path in paths {
        if let Some(content) = tree.file(TreePath::new(path.as_bytes())?) {
            return Ok(Some((path, content)));
        }
    }
    Ok(None)
}

fn exists(tree: &Tree, path: &str) -> Result<bool> {
    let entry = tree.get(TreePath::new(path.as_bytes())?);
    Ok(entry.is_some_and(|e| !matches!(e.node, Node::Directory)))
}
