//! OVA and streamOptimized VMDK, judged independently. Neither a VMware product nor VirtualBox is
//! among the judges: what those refuse is known from public threads, which the tests name.

mod archive;
mod stream;

use std::path::{Path, PathBuf};

use slipway::disk::{Disk, Extent};
use slipway::profile::Format;
use slipway::units::MIB;

use crate::common::artifact;
use crate::common::judge::{judge_in as judge, shown};
use crate::common::readers::installed as reader;

/// A disk with grains of all kinds in its first and third 32 MiB, and none in the second.
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

fn written(format: Format, folder: &Path) -> PathBuf {
    artifact::write(format, &disk(), folder)
}
