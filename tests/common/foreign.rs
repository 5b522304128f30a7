//! Images that programs other than ours make: qemu-img, zstd, tar.

use std::path::{Path, PathBuf};
use std::process::Command;

use slipway::profile::Format;

/// A program that makes an image from a raw disk.
#[derive(Clone, Copy, Debug)]
pub enum Maker {
    /// `qemu-img convert -O` with these options.
    Qemu(&'static str, &'static [&'static str]),
    /// zstd with these options.
    Zstd(&'static [&'static str]),
    /// GNU tar and gzip with these options.
    Tar(&'static [&'static str]),
    /// A package around a VMDK of qemu-img's.
    Package,
}

/// Every known way to make an image, with its format.
pub const ALL: [(Format, Maker); 22] = [
    (Format::Raw, Maker::Qemu("raw", &[])),
    (Format::Qcow2Plain, Maker::Qemu("qcow2", &[])),
    (Format::Qcow2Plain, Maker::Qemu("qcow2", &["-o", "compat=0.10"])),
    (Format::Qcow2Plain, Maker::Qemu("qcow2", &["-o", "cluster_size=512"])),
    (Format::Qcow2, Maker::Qemu("qcow2", &["-c"])),
    (Format::Qcow2, Maker::Qemu("qcow2", &["-c", "-o", "cluster_size=2M"])),
    (Format::Qcow2Zstd, Maker::Qemu("qcow2", &["-c", "-o", "compression_type=zstd"])),
    (
        Format::Qcow2Zstd,
        Maker::Qemu("qcow2", &["-c", "-o", "cluster_size=4k,compression_type=zstd"]),
    ),
    (Format::VmdkSparse, Maker::Qemu("vmdk", &[])),
    (Format::VmdkSparse, Maker::Qemu("vmdk", &["-o", "zeroed_grain=on,adapter_type=lsilogic"])),
    (Format::Vmdk, Maker::Qemu("vmdk", &["-o", "subformat=streamOptimized"])),
    (Format::Vhd, Maker::Qemu("vpc", &["-o", "subformat=fixed,force_size"])),
    (Format::VhdDynamic, Maker::Qemu("vpc", &["-o", "subformat=dynamic,force_size"])),
    (Format::Vhdx, Maker::Qemu("vhdx", &[])),
    (Format::Vhdx, Maker::Qemu("vhdx", &["-o", "subformat=fixed"])),
    (Format::Vhdx, Maker::Qemu("vhdx", &["-o", "block_size=1M"])),
    (Format::Vhdx, Maker::Qemu("vhdx", &["-o", "block_size=64M"])),
    (Format::RawZst, Maker::Zstd(&["-1"])),
    (Format::RawZst, Maker::Zstd(&["-3", "--long=27", "--no-content-size"])),
    (Format::Gce, Maker::Tar(&["--format=oldgnu", "--sparse"])),
    (Format::Gce, Maker::Tar(&["--format=ustar"])),
    (Format::Ova, Maker::Package),
];

impl Maker {
    /// Makes `folder`/foreign from a raw disk, replacing what was there.
    pub fn make(self, raw: &Path, folder: &Path) -> PathBuf {
        let image = folder.join("foreign");
        match self {
            Self::Qemu(format, options) => {
                let mut command = Command::new("qemu-img");
                command.args(["convert", "-f", "raw", "-O", format]).args(options);
                run(command.arg(raw).arg(&image));
            }
            Self::Zstd(options) => run(Command::new("zstd")
                .args(["-q", "-f"])
                .args(options)
                .arg(raw)
                .arg("-o")
                .arg(&image)),
            Self::Tar(options) => {
                let inside = folder.join("disk.raw");
                if inside != raw {
                    std::fs::copy(raw, &inside).unwrap();
                }
                let mut command = Command::new("tar");
                command.args(options).arg("-C").arg(folder).arg("-czf");
                run(command.arg(&image).arg("disk.raw"));
            }
            Self::Package => package(raw, folder, &image),
        }
        image
    }
}

/// A minimal package: a description that no importer would accept, and the disk.
fn package(raw: &Path, folder: &Path, image: &Path) {
    let disk = folder.join("disk.vmdk");
    let mut command = Command::new("qemu-img");
    command.args(["convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized"]);
    run(command.arg(raw).arg(&disk));
    std::fs::write(folder.join("disk.ovf"), "<Envelope/>").unwrap();
    let mut command = Command::new("tar");
    command.args(["--format=ustar", "-C"]).arg(folder).arg("-cf");
    run(command.arg(image).args(["disk.ovf", "disk.vmdk"]));
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
}
