//! Image files: everything around a disk.

use std::io::Write;
use std::sync::Arc;

use super::choice;
use super::memory::Memory;
use super::mend;
use crate::convert;
use crate::disk::layout::Region;
use crate::inspect::{Image, PackageText};
use crate::lint::package::{self, Package};
use crate::lint::{self, Platform};
use crate::units::MIB;

/// The number of a disk's bytes that are read in two ways.
const COMPARED: u64 = 64 << 10;
/// Bytes at a time in the second way: no divisor of any block.
const STEP: usize = 1009;
/// The number of runs, and of gaps between them, that are checked.
const LOOKS: usize = 8;

/// QEMU's format.
pub fn qcow2(data: &[u8]) {
    image(&Memory::sparse(data, 4 * MIB));
}

/// VMware's format.
pub fn vmdk(data: &[u8]) {
    image(&Memory::sparse(data, 4 * MIB));
}

/// Virtual PC's format and Hyper-V's.
pub fn vhd(data: &[u8]) {
    let (choice, data) = choice(data);
    // VHDX has its structures at whole MiB
    let file = Memory::sparse(data, 16 * MIB);
    match choice % 3 {
        0 => mend::vhd(&file),
        1 => mend::vhdx(&file),
        _ => {}
    }
    image(&file);
}

/// A package: a tar with a disk in it, or only its description and its manifest.
pub fn ova(data: &[u8]) {
    let (choice, data) = choice(data);
    if choice % 3 == 2 {
        return texts(data);
    }
    let mut file = Memory::sparse(data, MIB);
    if choice.is_multiple_of(3) {
        let mut bytes = file.get(0, file.length()).expect("all of it");
        mend::tar(&mut bytes);
        file = Memory::of(&bytes);
    }
    image(&file);
    if let Ok(image) = Image::open(file.path())
        && let Ok(facts) = lint::facts::gather(&Arc::new(image))
    {
        Platform::ALL.into_iter().for_each(|platform| drop(lint::judge(&facts, platform)));
    }
}

fn texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (description, manifest) = text.split_once('\0').unwrap_or((&text, ""));
    let text = PackageText {
        description: description.to_owned(),
        manifest: Some(manifest.to_owned()),
        ..PackageText::default()
    };
    let package = Package::new(&text);
    package.hardware();
    package::check(&package, 0);
}

/// Disks that are compressed as a whole: zstd, and tar in gzip.
pub fn stream(data: &[u8]) {
    let (choice, data) = choice(data);
    if choice % 2 == 1 {
        return image(&Memory::of(data));
    }
    let mut bytes = data.to_vec();
    mend::tar(&mut bytes);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gz.write_all(&bytes).expect("memory");
    image(&Memory::of(&gz.finish().expect("memory")));
}

/// Opens an image, and reads its disk in every possible way.
fn image(file: &Memory) {
    let Ok(image) = Image::open(file.path()) else { return };
    let image = Arc::new(image);
    let whole = image.check_whole().is_ok();
    read_twice(&image);
    let Ok(runs) = image.allocated() else { return };
    check_runs(&image, &runs);
    let disk = convert::disk(&image).expect("runs make a disk");
    assert_eq!(disk.size(), image.size());
    if whole {
        runs.iter().take(LOOKS).for_each(|run| drop(image.read_at(&mut [0; 512], run.offset)));
    }
}

/// Runs are in order and on the disk, and the gaps between them are zeros.
fn check_runs(image: &Image, runs: &[Region]) {
    let mut end = 0;
    for (i, run) in runs.iter().enumerate() {
        assert!(run.length > 0 && run.offset >= end, "runs are in order");
        let gap = (run.offset - end).min(4096);
        if gap > 0 && i < LOOKS {
            let mut bytes = vec![1; gap as usize];
            image.read_at(&mut bytes, end).expect("zeros are nowhere and can be read");
            assert!(bytes.iter().all(|b| *b == 0), "a gap is zeros");
        }
        end = run.offset + run.length;
    }
    assert!(end <= image.size(), "runs are on the disk");
}

/// Small reads return the same bytes as a large one.
fn read_twice(image: &Image) {
    let length = image.size().min(COMPARED);
    let mut all = vec![0; length as usize];
    if image.read_at(&mut all, 0).is_err() {
        return;
    }
    let mut part = [0; STEP];
    for (i, expected) in all.chunks(STEP).enumerate() {
        let part = &mut part[..expected.len()];
        image.read_at(part, (i * STEP) as u64).expect("it was read before");
        assert_eq!(part, expected);
    }
    let beyond = image.read_at(&mut [0], image.size());
    assert!(beyond.is_err(), "there is nothing behind the end");
}
