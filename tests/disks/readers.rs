//! Readers of every format, on images that other programs made, and on damaged ones.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::common::foreign::{self, Maker, run};
use crate::common::{appliance, artifact};
use proptest::prelude::{any, prop};
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use slipway::convert;
use slipway::error::{Error, Kind, Result};
use slipway::inspect::{Image, Report, inspect};
use slipway::profile::Format;
use slipway::units::{ByteSize, KIB, MIB};

/// Bytes that are compared at a time: not a multiple of any format's blocks.
const PART: usize = 1_000_003;

/// Text, noise and holes, at even and uneven places.
fn raw(folder: &Path) -> PathBuf {
    let path = folder.join("disk.raw");
    let file = File::create_new(&path).unwrap();
    file.set_len(35 * MIB).unwrap();
    let noise: Vec<u8> =
        (0u64..900_000).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    let text = b"all work and no play ".repeat(40_000);
    let pieces = [(0, &text[..511]), (3 * MIB - 7, &noise), (9 * MIB + 512, &text)];
    for (offset, bytes) in pieces {
        file.write_all_at(bytes, offset).unwrap();
    }
    file.write_all_at(&noise[..70_000], 35 * MIB - 70_000).unwrap();
    path
}

fn assert_equal(image: &Image, expected: &Path, what: &str) {
    let file = File::open(expected).unwrap();
    let size = file.metadata().unwrap().len();
    assert_eq!(image.size(), size, "{what}");
    let (mut ours, mut theirs) = (vec![1; PART], vec![2; PART]);
    let mut offset = 0;
    while offset < size {
        let n = (size - offset).min(PART as u64) as usize;
        image.read_at(&mut ours[..n], offset).unwrap();
        file.read_exact_at(&mut theirs[..n], offset).unwrap();
        assert!(ours[..n] == theirs[..n], "{what}: other bytes after {offset}");
        offset += n as u64;
    }
}

#[test]
fn every_format_of_other_programs_reads_as_the_disk_that_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path());
    for (format, maker) in foreign::ALL {
        let path = maker.make(&raw, folder.path());
        let what = format!("{maker:?}");
        let image = Arc::new(Image::open(&path).unwrap_or_else(|e| panic!("{what}: {e}")));
        assert_eq!(image.format(), format, "{what}");
        assert_equal(&image, &raw, &what);
    }
}

#[test]
fn what_is_zeros_is_not_read_and_nothing_else_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path());
    let all = std::fs::read(&raw).unwrap();
    for (format, maker) in foreign::ALL {
        let image = Arc::new(Image::open(&maker.make(&raw, folder.path())).unwrap());
        let disk = convert::disk(&image).unwrap();
        let mut bytes = vec![1; all.len()];
        disk.read_at(&mut bytes, 0).unwrap();
        assert!(bytes == all, "{maker:?}");
        // the largest blocks here have 64 MiB, and some writers store zeros
        let sparse = !matches!(format, Format::Vhdx | Format::Vhd | Format::Raw);
        assert!(!sparse || disk.allocated() < 10 * MIB, "{maker:?}: {}", disk.allocated());
    }
}

/// What a report says about the disk, whatever file it is in.
fn content(report: Report) -> Report {
    Report { format: Format::Raw, file: ByteSize(0), ..report }
}

#[test]
fn an_appliance_says_the_same_in_every_format_of_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let raw = artifact::write(Format::Raw, &appliance::disk(), folder.path());
    let expected = content(inspect(&raw).unwrap());
    assert!(expected.record.is_some());
    for (format, maker) in foreign::ALL {
        let report = inspect(&maker.make(&raw, folder.path())).unwrap();
        assert_eq!(report.format, format, "{maker:?}");
        assert_eq!(content(report), expected, "{maker:?}");
    }
}

fn refusal(path: &Path) -> Error {
    let error = Image::open(path).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    assert_eq!(error.path(), Some(path));
    assert!(error.find_remedy().is_some(), "{error}");
    error
}

#[test]
fn what_needs_other_files_or_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path());
    let image = folder.path().join("foreign");
    let variants: [(&str, &[&str], &str); 3] = [
        ("vmdk", &["-o", "subformat=monolithicFlat"], "other files"),
        ("vmdk", &["-o", "subformat=twoGbMaxExtentSparse"], "other files"),
        ("vdi", &[], "VirtualBox"),
    ];
    for (format, options, reason) in variants {
        Maker::Qemu(format, options).make(&raw, folder.path());
        let error = refusal(&image);
        assert!(error.to_string().contains(reason), "{error}");
    }
    let parent = folder.path().join("parent.vmdk");
    run(Command::new("qemu-img").args(["create", "-q", "-f", "vmdk"]).arg(&parent).arg("1M"));
    let mut create = Command::new("qemu-img");
    create.args(["create", "-q", "-f", "vmdk", "-F", "vmdk", "-b"]);
    run(create.arg(&parent).arg(&image));
    assert!(refusal(&image).to_string().contains("differs from"));
}

#[test]
fn a_package_with_two_disks_or_without_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = Maker::Package.make(&raw(folder.path()), folder.path());
    let tar = |members: &[&str]| {
        let mut command = Command::new("tar");
        command.arg("-C").arg(folder.path()).arg("-cf").arg(&image);
        run(command.args(members));
    };
    std::fs::copy(folder.path().join("disk.vmdk"), folder.path().join("b.vmdk")).unwrap();
    tar(&["disk.ovf", "disk.vmdk", "b.vmdk"]);
    assert!(refusal(&image).to_string().contains("2 disks"));
    for members in [&["disk.ovf"][..], &["disk.vmdk"], &["disk.raw"]] {
        tar(members);
        assert_eq!(Image::open(&image).unwrap_err().kind(), Kind::Damaged);
    }
}

/// Where QEMU puts a VHDX's second header and its log.
const HEADERS: [u64; 2] = [64 * KIB, 128 * KIB];
const LOG: u64 = MIB;

#[test]
fn a_vhdx_that_was_not_closed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = Maker::Qemu("vhdx", &[]).make(&raw(folder.path()), folder.path());
    let file = File::options().read(true).write(true).open(&image).unwrap();
    let guid = [7; 16];
    for at in HEADERS {
        let mut header = vec![0; 4096];
        file.read_exact_at(&mut header, at).unwrap();
        assert_eq!(header[72..80], LOG.to_le_bytes());
        header[48..64].copy_from_slice(&guid);
        header[4..8].fill(0);
        let sum = crc32c::crc32c(&header).to_le_bytes();
        header[4..8].copy_from_slice(&sum);
        file.write_all_at(&header, at).unwrap();
    }
    file.write_all_at(&[0; 4096], LOG).unwrap();
    Image::open(&image).unwrap();
    file.write_all_at(b"loge", LOG + 4096).unwrap();
    file.write_all_at(&guid, LOG + 4096 + 32).unwrap();
    assert!(refusal(&image).to_string().contains("not closed"));
}

#[test]
fn an_image_that_is_cut_off_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path());
    for (format, maker) in foreign::ALL {
        // nobody knows how long a raw disk was, and a fixed VHD without its footer becomes one
        if matches!(format, Format::Raw | Format::Vhd) {
            continue;
        }
        let path = maker.make(&raw, folder.path());
        let file = File::options().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length / 2).unwrap();
        let error = read_all(&path).expect_err(&format!("{maker:?} reads"));
        assert_eq!(error.kind(), Kind::Damaged, "{maker:?}: {error}");
        assert_eq!(error.path(), Some(path.as_path()), "{maker:?}");
    }
}

/// Reads a disk of any size by its extents.
fn read_all(path: &Path) -> Result<()> {
    let image = Arc::new(Image::open(path)?);
    let disk = convert::disk(&image)?;
    let mut buffer = vec![0; PART];
    for extent in disk.extents() {
        let mut at = 0;
        // only as much of a damaged disk's terabytes as fits into a test
        while at < extent.data.length().min(64 * MIB) {
            let n = (extent.data.length() - at).min(PART as u64) as usize;
            extent.data.read_at(&mut buffer[..n], at)?;
            at += n as u64;
        }
    }
    Ok(())
}

#[test]
fn a_damaged_image_of_any_format_gives_bytes_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let raw = raw(folder.path());
    for (_, maker) in foreign::ALL {
        let path = maker.make(&raw, folder.path());
        let sound = std::fs::read(&path).unwrap();
        let places = interesting(&sound);
        // PROPTEST_CASES asks for more
        let cases = Config::default().cases / 6;
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let damages = prop::collection::vec((any::<Index>(), any::<u8>()), 1..6);
        let file = File::options().write(true).open(&path).unwrap();
        let check = |damages: Vec<(Index, u8)>| {
            let at = |index: &Index| places[index.index(places.len())];
            for (index, byte) in &damages {
                file.write_all_at(&[*byte], at(index)).unwrap();
            }
            if let Err(error) = read_all(&path) {
                assert!(error.path().is_some(), "{maker:?}: {error}");
            }
            for (index, _) in &damages {
                let place = at(index);
                file.write_all_at(&sound[place as usize..][..1], place).unwrap();
            }
            Ok(())
        };
        TestRunner::new(config).run(&damages, check).unwrap();
    }
}

/// Places that are not zeros in a file's first and last parts, where its structures are.
fn interesting(bytes: &[u8]) -> Vec<u64> {
    let edge = (3 * MIB).min(bytes.len() as u64 / 2) as usize;
    let both = (0..edge).chain(bytes.len() - edge..bytes.len());
    both.filter(|i| bytes[*i] != 0).take(20_000).map(|i| i as u64).collect()
}
