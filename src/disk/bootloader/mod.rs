//! GRUB for BIOS and the signed chain for UEFI, from files that the base has in its tree.
//!
//! No program of the target runs here: boot.img is patched as grub-bios-setup would do it, core.img
//! was made by grub-mkimage together with the base, and shim and the signed GRUB are copied.

mod bios;
mod efi;

use tera::Context as Values;

pub use bios::{Bios, CORE_IMG, bios};
pub use efi::{EFI_CORE, EFI_CORE_PREFIX, efi_files};

use super::spec::DiskSpec;
use crate::error::{Error, Kind, Result};
use crate::template::{Language, render};
use crate::tree::{Content, Node, Tree, TreePath};

/// GRUB's configuration on the root filesystem.
pub const GRUB_CFG: &str = "/boot/grub/grub.cfg";

/// The kernel and its initrd as symbolic links that the distribution keeps: Debian's, then
/// Ubuntu's.
const KERNEL_LINKS: &[(&str, &str)] =
    &[("/vmlinuz", "/initrd.img"), ("/boot/vmlinuz", "/boot/initrd.img")];
/// These would replace our configuration with a generated one when a kernel is installed. They are
/// configuration files of their package, so dpkg does not restore them.
const KERNEL_HOOKS: &[&str] =
    &["/etc/kernel/postinst.d/zz-update-grub", "/etc/kernel/postrm.d/zz-update-grub"];

/// The last console is /dev/console: systemd's lines go to the serial port. The kernel's go there,
/// too, and to the third screen (Alt+F3): the first screen is for the customer, and shows the
/// product from power-on. `quiet` was rejected, because it silences the serial port as well.
/// Without a serial port the kernel drops that console, and the third screen is /dev/console.
/// `panic`: seconds until it starts again, long enough to read the message; an appliance in a
/// cellar had better try again than hang.
///
/// `systemd.condition-first-boot=no`: on a first boot systemd would apply every unit's preset,
/// which fails, because the root cannot be written yet, and takes five seconds on a slow host to do
/// so. The image's units are enabled when it is built, and the machine's id is made all the same
/// (machine-id(5)).
const COMMAND_LINE: &[&str] =
    &["ro", "console=tty3", "console=ttyS0,115200", "panic=30", "systemd.condition-first-boot=no"];

/// What is mounted at boot (fstab(5)).
const FSTAB: &str = "/etc/fstab";

const GRUB_CFG_TEMPLATE: &str = include_str!("../../../templates/boot/grub.cfg");

/// Puts GRUB's configuration and the mount table into the tree, and removes what would overwrite
/// it.
///
/// Called once, after all layers and before [`super::compose`]: the configuration is part of the
/// tree, so that the image holds exactly this tree.
///
/// # Errors
/// [`Kind::Input`] when the tree has no kernel links or a kernel parameter has characters that
/// could end it.
pub fn configure(tree: &mut Tree, spec: &DiskSpec) -> Result<()> {
    let config = config(tree, spec)?;
    for hook in KERNEL_HOOKS {
        tree.remove(TreePath::new(hook.as_bytes())?);
    }
    tree.put_file(GRUB_CFG, 0o644, spec.time, config)?;
    tree.put_file(FSTAB, 0o644, spec.time, fstab(spec))
}

/// The kernel mounts root read-only, so that it can be checked after a power cut; systemd remounts
/// it for writing because it is listed here.
fn fstab(spec: &DiskSpec) -> String {
    let root = spec.ids().filesystem;
    format!(
        "# <device> <folder> <type> <options> <dump> <check>\nUUID={root} / ext4 errors=remount-ro 0 1\n"
    )
}

/// Checks that the tree was passed to [`configure`] with this `spec`: with any other it would look
/// for another root.
pub fn check(tree: &Tree, spec: &DiskSpec) -> Result<()> {
    let present = find(tree, &[GRUB_CFG])?.map(Content::read).transpose()?;
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
    render(Language::Grub, GRUB_CFG, GRUB_CFG_TEMPLATE, &values)
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
        // no character that has a meaning to GRUB's shell or the kernel's parser
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

/// The file in which a layer may name the product.
pub const PRODUCT: &str = "/usr/lib/slipway/product";

/// The menu's title: the product's name, or else the distribution's, without anything that could
/// end a quoted word.
fn title(tree: &Tree) -> Result<String> {
    let fine = |c: &char| c.is_ascii_alphanumeric() || " ./()-_+".contains(*c);
    if let Some(content) = find(tree, &[PRODUCT])? {
        let bytes = content.read()?;
        let name: String = String::from_utf8_lossy(&bytes).chars().filter(fine).collect();
        if !name.trim().is_empty() {
            return Ok(name.trim().to_owned());
        }
    }
    let name = os_release(tree, "PRETTY_NAME")?.unwrap_or_else(|| "Linux".to_owned());
    Ok(name.chars().filter(fine).collect())
}

fn os_release(tree: &Tree, key: &str) -> Result<Option<String>> {
    let Some(content) = find(tree, &["/usr/lib/os-release", "/etc/os-release"])? else {
        return Ok(None);
    };
    let bytes = content.read()?;
    let text = String::from_utf8_lossy(&bytes);
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    Ok(value.map(|v| v.trim_matches(['"', '\'']).to_owned()))
}

fn need<'t>(tree: &'t Tree, path: &str, remedy: &str) -> Result<&'t Content> {
    let missing = || Error::new(Kind::NotFound, format!("the base has no {path}")).remedy(remedy);
    find(tree, &[path])?.ok_or_else(missing)
}

/// The first of `paths` that is a regular file.
fn find<'t>(tree: &'t Tree, paths: &[&str]) -> Result<Option<&'t Content>> {
    for path in paths {
        if let Some(content) = tree.file(TreePath::new(path.as_bytes())?) {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

fn exists(tree: &Tree, path: &str) -> Result<bool> {
    let entry = tree.get(TreePath::new(path.as_bytes())?);
    Ok(entry.is_some_and(|e| !matches!(e.node, Node::Directory)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ByteSize, Digest, GIB, Timestamp};

    fn spec(command_line: &[&str]) -> DiskSpec {
        let command_line = command_line.iter().map(ToString::to_string).collect();
        let (plan, time) = (Digest::of("plan"), Timestamp::from_seconds(1));
        DiskSpec { size: ByteSize(GIB), plan, time, command_line }
    }

    fn tree(kernel: &str, initrd: &str) -> Tree {
        let mut tree = Tree::new();
        for link in [kernel, initrd] {
            tree.put_symlink(link, "target", Timestamp::default()).unwrap();
        }
        let os = "NAME=x\nPRETTY_NAME=\"It's $(reboot) 1.0\"\n";
        tree.put_file("/usr/lib/os-release", 0o644, Timestamp::default(), os).unwrap();
        tree
    }

    fn configured(mut tree: Tree, spec: &DiskSpec) -> String {
        configure(&mut tree, spec).unwrap();
        let content = tree.file(b"boot/grub/grub.cfg").unwrap().read().unwrap();
        String::from_utf8(content.to_vec()).unwrap()
    }

    #[test]
    fn the_configuration_boots_the_distributions_links_and_root_by_uuid() {
        let spec = spec(&["quiet"]);
        let uuid = spec.ids().filesystem;
        let debian = configured(tree("/vmlinuz", "/initrd.img"), &spec);
        let line = format!("linux /vmlinuz root=UUID={uuid} ro console=tty3 console=ttyS0,115200");
        assert!(debian.contains(&line), "{debian}");
        assert!(debian.contains("panic=30 systemd.condition-first-boot=no quiet\n"), "{debian}");
        let ubuntu = configured(tree("/boot/vmlinuz", "/boot/initrd.img"), &spec);
        assert!(ubuntu.contains("initrd /boot/initrd.img.old"), "{ubuntu}");
    }

    #[test]
    fn the_distributions_name_cannot_break_out_of_the_title() {
        let config = configured(tree("/vmlinuz", "/initrd.img"), &spec(&[]));
        assert!(config.contains("menuentry 'Its (reboot) 1.0' {"), "{config}");
    }

    #[test]
    fn the_menu_has_the_products_name_and_one_without_a_letter_that_it_can_show_the_distributions()
    {
        for (product, title) in
            [("Acme's $(x) ERP\n", "Acmes (x) ERP"), ("\u{65e5}\u{672c}\n", "Its (reboot) 1.0")]
        {
            let mut tree = tree("/vmlinuz", "/initrd.img");
            tree.put_file(PRODUCT, 0o644, Timestamp::default(), product).unwrap();
            let config = configured(tree, &spec(&[]));
            assert!(config.contains(&format!("menuentry '{title}' {{")), "{config}");
        }
    }

    #[test]
    fn what_would_overwrite_the_configuration_is_taken_out() {
        let mut tree = tree("/vmlinuz", "/initrd.img");
        for hook in KERNEL_HOOKS {
            tree.put_file(hook, 0o755, Timestamp::default(), "#!/bin/sh").unwrap();
        }
        configure(&mut tree, &spec(&[])).unwrap();
        assert!(KERNEL_HOOKS.iter().all(|hook| !exists(&tree, hook).unwrap()));
    }
}
