//! The stream as an importer reads it: from front to back, following its markers.

use std::io::Read;

use slipway::disk::{Disk, Extent};
use slipway::format;
use slipway::profile::Format;
use slipway::units::Digest;

use super::{disk, judge, reader, shown, written};
use crate::common::readers;

const SECTOR: usize = 512;
const GRAIN: usize = 64 * 1024;

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The parts of a stream, in order.
#[derive(Debug, PartialEq)]
enum Part {
    /// A grain: its first sector in the file, its first sector on the guest's disk, and its
    /// content.
    Grain(usize, u64, Vec<u8>),
    Table(usize, Vec<u32>),
    Directory(usize, Vec<u32>),
    Footer(Vec<u8>),
    End,
}

/// Reads a stream according to the specification; panics when that is violated, or when anything is
/// left over.
fn parts(bytes: &[u8]) -> Vec<Part> {
    let (mut parts, mut at) = (Vec::new(), u64_at(bytes, 64) as usize * SECTOR);
    while at < bytes.len() {
        let (value, size) = (u64_at(bytes, at), u32_at(bytes, at + 8) as usize);
        let sector = at / SECTOR;
        if size > 0 {
            let mut content = Vec::new();
            let stream = &bytes[at + 12..at + 12 + size];
            flate2::read::ZlibDecoder::new(stream).read_to_end(&mut content).unwrap();
            parts.push(Part::Grain(sector, value, content));
            let end = (at + 12 + size).next_multiple_of(SECTOR);
            assert!(bytes[at + 12 + size..end].iter().all(|b| *b == 0));
            at = end;
            continue;
        }
        let content = &bytes[at + SECTOR..at + SECTOR + value as usize * SECTOR];
        let entries = || content.chunks(4).map(|b| u32_at(b, 0)).collect();
        parts.push(match u32_at(bytes, at + 12) {
            0 => Part::End,
            1 => Part::Table(sector + 1, entries()),
            2 => Part::Directory(sector + 1, entries()),
            3 => Part::Footer(content.to_vec()),
            other => panic!("marker {other} at byte {at}"),
        });
        at += SECTOR + content.len();
    }
    parts
}

fn stream() -> (Disk, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    (disk(), std::fs::read(written(Format::Vmdk, folder.path())).unwrap())
}

#[test]
fn qemu_dissect_and_libvmdk_read_the_disk_s_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    reader("read-image");
    let (raw, vmdk) = (written(Format::Raw, at), written(Format::Vmdk, at));
    readers::assert_all_read(Format::Vmdk, &vmdk, &raw);
    let info = judge(at, "qemu-img", &["info", shown(&vmdk)]);
    assert!(info.contains("create type: streamOptimized"), "{info}");
}

#[test]
fn cot_65_the_header_is_of_version_3_and_its_flags_are_those_of_a_stream() {
    let (disk, bytes) = stream();
    assert_eq!(&bytes[..4], b"KDMV");
    assert_eq!((u32_at(&bytes, 4), u32_at(&bytes, 8)), (3, 0x3_0001));
    assert_eq!(u64_at(&bytes, 12) * SECTOR as u64, disk.size());
    assert_eq!((u64_at(&bytes, 20), u32_at(&bytes, 44)), (128, 512));
    assert_eq!(u64_at(&bytes, 56), u64::MAX, "the directory's place is in the footer");
    assert_eq!(&bytes[73..79], b"\n \r\n\x01\0", "newlines unharmed, deflate");
}

/// QEMU's streams have neither an end mark nor the adapter that ESXi gives a disk by default.
#[test]
fn flatcar_scripts_540_the_file_is_markers_to_its_last_byte_and_the_adapter_is_lsilogic() {
    let (disk, bytes) = stream();
    let parts = parts(&bytes);
    let grains: Vec<_> = parts.iter().filter(|p| matches!(p, Part::Grain(..))).collect();
    let mut last = None;
    for grain in &grains {
        let Part::Grain(_, sector, content) = grain else { unreachable!() };
        assert!(last.replace(*sector) < Some(*sector));
        let mut expected = vec![0; GRAIN];
        disk.read_at(&mut expected, sector * SECTOR as u64).unwrap();
        assert!(*content == expected && expected.iter().any(|b| *b != 0), "grain {sector}");
    }
    assert_eq!(grains.len(), 1 + 46 + 5 + 1);
    let [.., Part::Directory(place, directory), Part::Footer(footer), Part::End] = &parts[..]
    else {
        panic!("{:?}", parts.last())
    };
    assert_eq!(footer[..56], bytes[..56]);
    assert_eq!(footer[64..], bytes[64..SECTOR]);
    assert_eq!(u64_at(footer, 56), *place as u64);
    check_tables(&parts, directory);
    let descriptor = String::from_utf8_lossy(&bytes[SECTOR..21 * SECTOR]).into_owned();
    for line in ["createType=\"streamOptimized\"", "ddb.adapterType = \"lsilogic\""] {
        assert!(descriptor.contains(line), "{descriptor}");
    }
}

/// Every grain is in the table after it, every table is in the directory, and nothing else is.
fn check_tables(parts: &[Part], directory: &[u32]) {
    let (mut grains, mut tables) = (vec![0; 512], Vec::new());
    let mut number = 0;
    for part in parts {
        match part {
            Part::Grain(place, sector, _) => {
                let index = *sector as usize / 128;
                number = index / 512;
                grains[index % 512] = *place as u32;
            }
            Part::Table(place, entries) => {
                assert_eq!(*entries, grains, "table {number}");
                grains.fill(0);
                tables.resize(number, 0);
                tables.push(*place as u32);
            }
            _ => {}
        }
    }
    tables.resize(directory.len(), 0);
    assert_eq!(directory, tables);
    assert_eq!(tables[1], 0, "a part without grains has no table");
}

#[test]
fn the_same_disk_gives_the_same_bytes_again() {
    assert_eq!(stream().1, stream().1);
}

#[test]
fn a_disk_of_zeros_is_a_stream_too() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(64 << 20, vec![]).unwrap();
    let path = super::artifact::write(Format::Vmdk, &disk, folder.path());
    let parts = parts(&std::fs::read(&path).unwrap());
    assert!(matches!(&parts[..], [Part::Directory(..), Part::Footer(_), Part::End]));
    judge(folder.path(), "qemu-img", &["check", "-f", "vmdk", shown(&path)]);
}

#[test]
fn what_cannot_be_compressed_takes_no_more_than_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<u8> =
        (0u64..60_000).flat_map(|i| *Digest::of(i.to_le_bytes()).as_bytes()).collect();
    let length = noise.len() as u64;
    let disk = Disk::new(64 << 20, vec![Extent::bytes(0, noise)]).unwrap();
    for format in [Format::Vmdk, Format::Ova] {
        let path = super::artifact::write(format, &disk, folder.path());
        let size = path.metadata().unwrap().len();
        assert!(size > length && size <= format::needed_bytes(format, &disk), "{format}: {size}");
    }
}
