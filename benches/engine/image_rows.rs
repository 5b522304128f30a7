//! From a disk to what customers import.

use std::path::Path;

use slipway::format::extension;
use slipway::profile::Format;

use crate::disk_rows::peak;
use crate::inputs::{DISK, Inputs};
use crate::run::{best, remove, shell};
use crate::table::{Figure, Row};

/// A format, the arguments with which QEMU's program makes the same, and how close to its time the
/// first and the second customer's artifact should come. The first one's length should be at most
/// [`LONGER`] times QEMU's.
struct Rival {
    format: Format,
    name: &'static str,
    convert: &'static str,
    first: Option<f64>,
    second: f64,
}

const LONGER: f64 = 1.03;

const RIVALS: [Rival; 4] = [
    Rival {
        format: Format::Qcow2,
        name: "qcow2, deflate",
        convert: "-c -m 8 -W -O qcow2 -o compression_type=zlib",
        first: Some(0.3),
        second: 0.04,
    },
    Rival {
        format: Format::Qcow2Zstd,
        name: "qcow2, zstd",
        convert: "-c -m 8 -W -O qcow2 -o compression_type=zstd",
        first: Some(0.5),
        second: 0.3,
    },
    Rival {
        format: Format::Ova,
        name: "OVA",
        convert: "-m 8 -W -O vmdk -o subformat=streamOptimized",
        first: Some(0.2),
        second: 0.04,
    },
    Rival {
        format: Format::Vhd,
        name: "fixed VHD",
        convert: "-m 8 -W -O vpc -o subformat=fixed,force_size=on",
        first: None,
        second: 0.6,
    },
];

/// All rows of this page.
pub fn all(inputs: &Inputs) -> Vec<Row> {
    let mut rows = Vec::new();
    for rival in &RIVALS {
        rows.extend(against_qemu(inputs, rival));
    }
    rows.push(copy_and_digest(inputs));
    let [small, large] = [DISK, "64 GiB"].map(|disk| peak(inputs, disk));
    rows.push(Row {
        work: "peak memory, a disk of 64 GiB".into(),
        against: format!("the same, a disk of {DISK}"),
        ours: Figure::Bytes(large),
        peer: Figure::Bytes(small),
        reach: Some(1.1),
    });
    rows
}

fn length(path: &Path) -> Figure {
    Figure::Bytes(path.metadata().unwrap().len() as f64)
}

/// Seconds for the second customer's artifact.
fn second(inputs: &Inputs, format: Format) -> f64 {
    let out = inputs.path(&format!("second.{}", extension(format)));
    best(
        inputs.scale.rounds,
        || remove(&out),
        || inputs.write(&inputs.second, &[format], "second", Some(&inputs.cache())),
    )
}

/// Seconds for the first customer's, with an empty cache.
fn first(inputs: &Inputs, format: Format, digests: bool) -> f64 {
    let out = inputs.path(&format!("first.{}", extension(format)));
    let before = || {
        remove(&out);
        inputs.forget();
    };
    best(inputs.scale.rounds, before, || {
        inputs.write_with(&inputs.first, &[format], "first", Some(&inputs.cache()), digests)
    })
}

fn against_qemu(inputs: &Inputs, rival: &Rival) -> Vec<Row> {
    let raw = inputs.raw(&inputs.second, "second");
    let converted = inputs.path("converted");
    let line = format!("qemu-img convert -f raw {} \"$1\" \"$2\"; sync \"$2\"", rival.convert);
    let peer =
        best(inputs.scale.rounds, || remove(&converted), || shell(&line, &[&raw, &converted]));
    let against = format!("`qemu-img convert {}`", rival.convert);
    let row = |work: String, ours: f64, peer: f64, reach| Row {
        work,
        against: against.clone(),
        ours: Figure::Seconds(ours),
        peer: Figure::Seconds(peer),
        reach: Some(reach),
    };
    let mut rows = Vec::new();
    let Rival { format, name, .. } = *rival;
    if let Some(reach) = rival.first {
        // an OVA's manifest contains the disk's digest; for a qcow2 QEMU computes none
        let ours = first(inputs, format, format == Format::Ova);
        rows.push(row(format!("first {name}"), ours, peer, reach));
        let first_path = inputs.path(&format!("first.{}", extension(format)));
        let (ours, theirs) = (length(&first_path), length(&converted));
        let work = format!("its length, {name}");
        rows.push(Row { work, against: against.clone(), ours, peer: theirs, reach: Some(LONGER) });
        if format != Format::Ova {
            let digest = "openssl dgst -sha256 \"$1\" >/dev/null";
            let digest = best(inputs.scale.rounds, || (), || shell(digest, &[&converted]));
            let work = format!("first {name}, and its SHA-256");
            let and = row(work, first(inputs, format, true), peer + digest, reach);
            rows.push(Row { against: format!("{against}, and `openssl dgst -sha256`"), ..and });
        }
        remove(&first_path);
    }
    let work = format!("second customer's {name}");
    rows.push(row(work, second(inputs, format), peer, rival.second));
    remove(&converted);
    rows
}

fn copy_and_digest(inputs: &Inputs) -> Row {
    inputs.forget();
    inputs.write(&inputs.first, &[Format::Ova], "first", Some(&inputs.cache()));
    let ours = second(inputs, Format::Ova);
    let (ova, copy) = (inputs.path("second.ova"), inputs.path("copy.ova"));
    let line = "cp \"$1\" \"$2\"; openssl dgst -sha256 \"$2\" >/dev/null; sync \"$2\"";
    let peer = best(inputs.scale.rounds, || remove(&copy), || shell(line, &[&ova, &copy]));
    remove(&copy);
    Row {
        work: "second customer's OVA".into(),
        against: "`cp` of that OVA and `openssl dgst -sha256` of it".into(),
        ours: Figure::Seconds(ours),
        peer: Figure::Seconds(peer),
        reach: Some(2.0),
    }
}
