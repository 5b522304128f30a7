//! A root that can be made bootable.

use slipway::tree::Tree;
use slipway::units::Timestamp;

/// GRUB's images with only the bytes that the builder looks at.
pub fn tree(time: Timestamp) -> Tree {
    let mut tree = Tree::new();
    let mut boot = vec![0x11; 512];
    boot[0x66..0x68].copy_from_slice(&[0xEB, 0x05]);
    let os = "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    let files: [(&str, Vec<u8>); 6] = [
        ("/usr/lib/os-release", os.into()),
        ("/usr/lib/grub/i386-pc/boot.img", boot),
        ("/usr/lib/slipway/boot/core.img", vec![0x22; 3000]),
        ("/usr/lib/shim/shimx64.efi.signed", vec![0x33; 950_000]),
        ("/usr/lib/shim/mmx64.efi.signed", vec![0x44; 512]),
        ("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", vec![0x55; 4_000_001]),
    ];
    for (path, bytes) in files {
        tree.put_file(path, 0o644, time, bytes).unwrap();
    }
    for link in ["/vmlinuz", "/initrd.img"] {
        tree.put_symlink(link, "boot/target", time).unwrap();
    }
    tree
}
