//! The roots that real machines boot from: this takes minutes, and Debian's archive.

use super::*;
use std::io::Write;
use std::process::{Command, Stdio};

/// The names of the files in the initramfs; drivers that are built into the kernel are not modules.
const DRIVERS: &str = "ext4 sd_mod sr_mod virtio_pci virtio_blk virtio_scsi virtio_net vmw_pvscsi \
    vmxnet3 mptspi mptsas hv_vmbus hv_storvsc hv_netvsc hyperv-keyboard hid-hyperv xen-blkfront \
    xen-netfront ahci ata_piix nvme megaraid_sas sym53c8xx e1000 e1000e usbhid";

fn names_in_initramfs(root: &Root) -> String {
    let path = root.tree.iter().map(|(path, _)| path.to_string());
    let path = path.into_iter().find(|path| path.starts_with("/boot/initrd.img-")).unwrap();
    let packed = root.tree.file(&path[1..]).unwrap().read().unwrap();
    let mut list = Command::new("sh")
        .args(["-c", "zstd -dc | cpio --quiet -t"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = list.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&packed));
    let output = list.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "zstd and cpio are needed for this test");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn debian_12_is_reproducible_sealed_and_has_every_hypervisors_drivers() {
    let definition = Definition::find("images", "debian-12").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["a", "b"].map(|name| {
        let cache = Cache::open(folder.path().join(name)).unwrap();
        cache.rebuild(&definition, &Quiet).unwrap()
    });
    assert_eq!(first.digest, second.digest);

    let names = names_in_initramfs(&first);
    for driver in DRIVERS.split_whitespace() {
        assert!(names.contains(&format!("/{driver}.ko")), "{driver} is not in the initramfs");
    }
    let core = first.tree.file("usr/lib/slipway/boot/core.img").unwrap();
    assert!(core.length() < 454_656, "core.img does not fit: {}", core.length());
    for path in [
        "usr/lib/grub/i386-pc/boot.img",
        "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
        "usr/lib/shim/shimx64.efi.signed",
        "usr/lib/shim/mmx64.efi.signed",
        "etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
        "etc/systemd/system/systemd-firstboot.service",
    ] {
        assert!(first.tree.get(path).is_some(), "{path} is missing");
    }
    assert!(first.tree.get("etc/kernel/postinst.d/zz-update-grub").is_none());
    let data: u64 = first.packs.iter().map(|pack| pack.length()).sum();
    assert!(data < 640 << 20, "the base grew to {data} bytes");
}
