//! OVA and streamOptimized VMDK before independent judges. No VMware product and no VirtualBox is among
//! them: what those refuse is known from public threads, which the tests name.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod archive;
mod stream;

use std::path::{Path, PathBuf};
use std::process::Command;

use slipway::disk::{Disk, Extent};
use slipway::profile::Format;
use slipway::units::MIB;

use common::artifact;

/// A disk with grains of all sorts in its first and third 32 MiB, and none in the second.
fn disk() -> Disk {
    let noise: Vec<u8> =
        (0u64..300_000).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    let extents = vec![
        Extent::bytes(5, *b"x"),
        Extent::bytes(MIB, vec![b'y'; 3_000_000]),
        Extent::bytes(10 * MIB + 7, noise),
        Extent::bytes(70 * MIB, vec![0; 200_000]),
        Extent::bytes(96 * MIB - 1, *b"z"),
    ];
    Disk::new(97 * MIB, extents).unwrap()
}

/// Runs a judge in a folder; what it prints is given when it finds nothing wrong.
fn judge(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|e| panic!("the judge {program} does not start: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{text}{errors}", output.status);
    text
}

/// A program of the readers' environment, which is made when it is not there.
fn reader(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    judge(folder, "scripts/readers", &[]);
    shown(&folder.join("target/readers/bin").join(name)).to_owned()
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn written(format: Format, folder: &Path) -> PathBuf {
    artifact::write(format, &disk(), folder)
}
