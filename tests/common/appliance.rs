//! A small appliance with everything that a reader looks at.

use slipway::disk::{Disk, DiskSpec, bootloader, compose};
use slipway::manifest::{IMAGE_RECORD, ImageRecord};
use slipway::tree::Tree;
use slipway::units::{ByteSize, Digest, MIB, Timestamp};

/// The builder's record.
pub fn record() -> ImageRecord {
    let digest = Digest::of("anything");
    serde_json::from_value(serde_json::json!({
        "format": 1,
        "builder": "0.1.0",
        "plan": digest,
        "time": { "seconds": 1_760_000_000, "nanos": 0 },
        "profile": {
            "customer": { "id": "acme", "name": "Acme \u{1b}[31m GmbH" },
            "base": "debian-12",
            "site": "demo",
            "channel": "stable",
            "store": "file:///srv/store",
        },
        "base": { "name": "debian-12", "digest": digest },
        "bundle": { "site": "demo", "release": "demo-1.0.0+b1", "digest": digest },
        "packages": [{ "name": "zsh", "version": "5.9-4", "architecture": "amd64" }],
    }))
    .unwrap()
}

/// Its disk: a root filesystem with little in it, and everything around it.
pub fn disk() -> Disk {
    disk_with(256 * MIB, &[])
}

/// The same with another size and more files.
pub fn disk_with(size: u64, more: &[(&str, &str)]) -> Disk {
    let time = Timestamp::from_seconds(1_760_000_000);
    let plan = Digest::of("a plan");
    let spec = DiskSpec { size: ByteSize(size), plan, time, command_line: vec![] };
    let mut boot = vec![0x11; 512];
    boot[0x66..0x68].copy_from_slice(&[0xEB, 0x05]);
    boot[0x180..0x184].copy_from_slice(b"GRUB");
    let os = "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    let mut tree = Tree::new();
    let files: [(&str, Vec<u8>); 8] = [
        ("/etc/hostname", b"acme\n".to_vec()),
        ("/etc/os-release", os.into()),
        ("/usr/lib/os-release", os.into()),
        ("/usr/lib/grub/i386-pc/boot.img", boot),
        ("/usr/lib/slipway/boot/core.img", vec![0x22; 3000]),
        ("/usr/lib/slipway/boot/grubx64.efi", vec![0x33; 100_000]),
        ("/boot/vmlinuz-6.1.0-1-amd64", vec![0x44; 10_000]),
        (IMAGE_RECORD, serde_json::to_vec(&record()).unwrap()),
    ];
    for (path, bytes) in files {
        tree.put_file(path, 0o644, time, bytes).unwrap();
    }
    tree.put_symlink("/vmlinuz", "boot/vmlinuz-6.1.0-1-amd64", time).unwrap();
    tree.put_symlink("/initrd.img", "boot/initrd.img-6.1.0-1-amd64", time).unwrap();
    for (path, text) in more {
        tree.put_file(path, 0o644, time, *text).unwrap();
    }
    bootloader::configure(&mut tree, &spec).unwrap();
    compose(&tree, &[], &spec).unwrap()
}
