//! Readers of disk images that slipway did not write: qemu-img, and dissect.hypervisor and libyal's
//! libvhdi and libvmdk, which scripts/readers installs.

use std::path::Path;
use std::process::Command;

use slipway::profile::Format;

use super::disk::must;
use super::judge::{judge_in, shown};

/// qemu-img's name for a format.
pub fn qemu_name(format: Format) -> &'static str {
    match format {
        Format::Raw => "raw",
        Format::Qcow2 | Format::Qcow2Zstd | Format::Qcow2Plain => "qcow2",
        Format::Vmdk | Format::VmdkSparse => "vmdk",
        Format::Vhd | Format::VhdDynamic => "vpc",
        Format::Vhdx => "vhdx",
        Format::RawZst | Format::Ova | Format::Gce => panic!("qemu-img cannot read {format}"),
    }
}

/// Every reader of the format finds `raw`'s bytes in the image, and nothing wrong.
pub fn assert_all_read(format: Format, image: &Path, raw: &Path) {
    qemu_reads(format, image, raw);
    reads("dissect", format, image, raw);
    let by_libyal =
        [Format::Vmdk, Format::VmdkSparse, Format::Vhd, Format::VhdDynamic, Format::Vhdx];
    if by_libyal.contains(&format) {
        reads("libyal", format, image, raw);
    }
}

/// QEMU finds the size and the bytes of `raw` in the image, and nothing wrong where it can check.
pub fn qemu_reads(format: Format, image: &Path, raw: &Path) {
    let name = qemu_name(format);
    if matches!(name, "qcow2" | "vmdk" | "vhdx") {
        must(Command::new("qemu-img").args(["check", "-q", "-f", name]).arg(image));
    }
    let size = std::fs::metadata(raw).unwrap().len();
    assert_eq!(virtual_size(format, image), size, "{format}");
    let compare = ["compare", "-q", "-f", "raw", "-F", name];
    must(Command::new("qemu-img").args(compare).arg(raw).arg(image));
}

/// The size of the disk according to QEMU.
pub fn virtual_size(format: Format, image: &Path) -> u64 {
    let info = ["info", "--output=json", "-f", qemu_name(format)];
    let info = must(Command::new("qemu-img").args(info).arg(image));
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    info["virtual-size"].as_u64().unwrap()
}

/// A program of the readers' environment, which is created if it does not exist.
pub fn installed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    judge_in(folder, "scripts/readers", &[]);
    shown(&folder.join("target/readers/bin").join(name)).to_owned()
}

/// One of the readers that scripts/readers installs finds `raw`'s bytes in the image.
pub fn reads(reader: &str, format: Format, image: &Path, raw: &Path) {
    let mut command = Command::new(installed("read-image"));
    must(command.args([reader, &format.to_string()]).args([image, raw]));
}
