//! `inspect` on images of ours, of QEMU's making, and on damaged ones.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::appliance::{disk, record};
use common::artifact;
use proptest::prelude::{any, prop};
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use slipway::disk::{Data, Disk};
use slipway::error::Kind;
use slipway::inspect::{Report, copy_file, inspect};
use slipway::profile::Format;
use slipway::tree::Content;
use slipway::units::ByteSize;

fn qemu_img(args: &[&str]) {
    let output = Command::new("qemu-img").args(args).output();
    let output = output.unwrap_or_else(|e| panic!("qemu-img does not start: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "qemu-img {args:?}: {errors}");
}

fn written(format: Format, folder: &Path) -> PathBuf {
    artifact::write(format, &disk(), folder)
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a report says of the disk, whatever file it is in.
fn content(report: Report) -> Report {
    Report { format: Format::Raw, file: ByteSize(0), ..report }
}

#[test]
fn an_image_says_what_went_into_it_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let raw = inspect(&written(Format::Raw, folder.path())).unwrap();
    assert_eq!(raw.record, Some(record()));
    assert_eq!(raw.root.system.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    assert_eq!(raw.root.kernels, ["vmlinuz-6.1.0-1-amd64"]);
    assert_eq!(raw.root.boots.as_deref(), Some("boot/vmlinuz-6.1.0-1-amd64"));
    assert!(raw.table.both_copies && raw.boot.bios);
    let names: Vec<&str> = raw.table.partitions.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["bios-boot", "esp", "root"]);
    let efi: Vec<&str> = raw.boot.efi.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(efi, ["EFI/BOOT/BOOTX64.EFI", "EFI/slipway/grub.cfg"]);
    assert_eq!(raw.boot.efi[0].signers, Some(vec![]));
    let qcow2 = inspect(&written(Format::Qcow2, folder.path())).unwrap();
    assert_eq!(qcow2.format, Format::Qcow2);
    assert_eq!(content(qcow2), content(raw));
}

#[test]
fn images_that_qemu_wrote_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let raw = written(Format::Raw, folder.path());
    let expected = content(inspect(&raw).unwrap());
    let variants: [&[&str]; 7] = [
        &[],
        &["-c"],
        &["-c", "-o", "compression_type=zstd"],
        &["-o", "compat=0.10"],
        &["-o", "cluster_size=512"],
        &["-c", "-o", "cluster_size=2M"],
        &["-c", "-o", "cluster_size=4k,compression_type=zstd"],
    ];
    for variant in variants {
        let copy = folder.path().join("copy.qcow2");
        let mut args = vec!["convert", "-f", "raw", "-O", "qcow2"];
        args.extend(variant);
        args.extend([shown(&raw), shown(&copy)]);
        qemu_img(&args);
        assert_eq!(content(inspect(&copy).unwrap()), expected, "{variant:?}");
    }
}

#[test]
fn an_image_that_needs_another_file_or_a_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let raw = written(Format::Raw, folder.path());
    let data = format!("data_file={}", shown(&folder.path().join("data")));
    let variants: [(&[&str], &str); 3] = [
        (&["-F", "raw", "-b", shown(&raw)], "backing file"),
        (&["-o", &data], "another file"),
        (&["-o", "extended_l2=on"], "extended"),
    ];
    for (variant, reason) in variants {
        let image = folder.path().join("new.qcow2");
        let mut args = vec!["create", "-q", "-f", "qcow2"];
        args.extend(variant);
        args.extend([shown(&image), "256M"]);
        qemu_img(&args);
        let error = inspect(&image).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    // by hand: qemu-img measures the processor for an encrypted one, and gives up on a busy machine
    let encrypted = written(Format::Qcow2, folder.path());
    let file = File::options().write(true).open(&encrypted).unwrap();
    file.write_all_at(&2u32.to_be_bytes(), 32).unwrap();
    let error = inspect(&encrypted).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[test]
fn a_file_of_the_image_is_given_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Qcow2, folder.path());
    let mut out = Vec::new();
    assert_eq!(copy_file(&image, "/vmlinuz", &mut out).unwrap(), 10_000);
    assert_eq!(out, vec![0x44; 10_000]);
    let missing = copy_file(&image, "/etc/no", &mut out).unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert!(missing.to_string().contains("/etc/no"), "{missing}");
    assert_eq!(copy_file(&image, "etc", &mut out).unwrap_err().kind(), Kind::Input);
    assert!(copy_file(&image, "/etc", &mut out).is_err());
}

#[test]
fn what_is_not_an_image_is_named_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for bytes in [&b""[..], b"hello", b"QFI\xFB", &[0; 100_000]] {
        std::fs::write(&path, bytes).unwrap();
        let error = inspect(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged, "{error}");
        assert_eq!(error.path(), Some(path.as_path()));
    }
    assert_eq!(inspect(folder.path()).unwrap_err().kind(), Kind::Input);
    assert_eq!(inspect(&folder.path().join("no")).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn the_program_prints_for_people_and_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Qcow2, folder.path());
    let run = |args: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
        let output = command.arg("inspect").arg(&image).args(args).assert().success();
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    };
    let text = run(&[]);
    for part in ["acme (Acme \u{FFFD}[31m GmbH)", "demo-1.0.0+b1", "1 (--json names them)"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(json["record"], serde_json::to_value(record()).unwrap());
    assert_eq!(run(&["--file", "/etc/hostname"]), "acme\n");
}

/// A place that a reader looks at, as bytes of the raw image.
fn read_places(disk: &Disk) -> Vec<(u64, u64)> {
    let known = |data: &Data| matches!(data, Data::Content(Content::Bytes(_)));
    let extents = disk.extents().iter().filter(|e| known(&e.data));
    // the beginning of each part is where its structure is
    extents.map(|e| (e.offset, e.data.length().min(4096))).collect()
}

/// Overwrites some bytes, looks at the image, and puts them back. Any answer will do but a panic.
fn survives(path: &Path, damages: &[(u64, u8)]) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut before = vec![0; damages.len()];
    for (i, (offset, byte)) in damages.iter().enumerate() {
        file.read_exact_at(&mut before[i..=i], *offset).unwrap();
        file.write_all_at(&[*byte], *offset).unwrap();
    }
    if let Err(error) = inspect(path) {
        assert!(error.path().is_some(), "{error}");
    }
    for ((offset, _), byte) in damages.iter().zip(&before).rev() {
        file.write_all_at(&[*byte], *offset).unwrap();
    }
}

/// Runs `check` with many lists of numbers, from which it makes its damages.
fn with_damages(check: impl Fn(&[(Index, u64, u8)])) {
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let damages = prop::collection::vec((any::<Index>(), any::<u64>(), any::<u8>()), 1..6);
    let run = |damages: Vec<_>| {
        check(&damages);
        Ok(())
    };
    TestRunner::new(config).run(&damages, run).unwrap();
}

#[test]
fn a_damaged_raw_image_gives_an_error_or_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Raw, folder.path());
    let places = read_places(&disk());
    with_damages(|damages| {
        let place = |(index, within, byte): &(Index, u64, u8)| {
            let (offset, length) = places[index.index(places.len())];
            (offset + within % length, *byte)
        };
        survives(&image, &damages.iter().map(place).collect::<Vec<_>>());
    });
}

#[test]
fn a_damaged_qcow2_image_gives_an_error_or_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let image = written(Format::Qcow2, folder.path());
    let length = std::fs::metadata(&image).unwrap().len() as usize;
    with_damages(|damages| {
        // half of them into the header
        let place = |(index, half, byte): &(Index, u64, u8)| {
            (index.index(if half % 2 == 0 { 112 } else { length }) as u64, *byte)
        };
        survives(&image, &damages.iter().map(place).collect::<Vec<_>>());
    });
}
