//! The formats that hold the disk's bytes unencoded, judged by readers that slipway did not write.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use crate::common::{artifact, readers};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use slipway::disk::{Disk, Extent};
use slipway::error::Kind;
use slipway::format::{self, Job, Wanted, Written};
use slipway::pack::{Pack, PackWriter};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::tree::Content;
use slipway::units::{Digest, GIB, MIB};

const FORMATS: [Format; 6] = [
    Format::Raw,
    Format::Qcow2Plain,
    Format::VmdkSparse,
    Format::Vhd,
    Format::VhdDynamic,
    Format::Vhdx,
];

/// Bytes that cannot be compressed, and that differ everywhere.
fn noise(length: u64, seed: u64) -> Vec<u8> {
    let byte = |i: u64| ((i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
    (0..length).map(byte).collect()
}

/// A pack whose file is deleted: it lives as long as it is open.
fn pack(bytes: &[u8]) -> Arc<Pack> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = PackWriter::create(file.path()).unwrap();
    writer.add(bytes).unwrap();
    Pack::open(file.path(), writer.finish().unwrap().0).unwrap()
}

fn packed(at: u64, pack: &Arc<Pack>, offset: u64, length: u64) -> Extent {
    Extent { offset: at, data: Content::Packed { pack: pack.clone(), offset, length }.into() }
}

/// Typical contents: odd places, runs that cross blocks of every format, zeros in memory and in a
/// pack.
fn disk(size: u64) -> Disk {
    let mut bytes = noise(9 * MIB, 1);
    bytes[3_000_000..5_000_000].fill(0);
    let pack = pack(&bytes);
    let extents = vec![
        Extent::bytes(3, noise(5000, 2)),
        Extent::bytes(70_000, vec![0; 300_000]),
        packed(5 * MIB + 4096, &pack, 0, 6 * MIB + 777),
        packed(12 * MIB, &pack, 2 * MIB, 5000),
        packed(12 * MIB + 5000, &pack, 3 * MIB, 100),
        Extent::bytes(size - 100, noise(100, 3)),
    ];
    Disk::new(size, extents).unwrap()
}

fn write(format: Format, disk: &Disk, folder: &Path) -> Written {
    artifact::undigested(format, disk, &folder.join("disk"))
}

#[test]
fn every_reader_finds_the_disk_in_every_format() {
    let disk = disk(37 * MIB);
    let folder = tempfile::tempdir().unwrap();
    let raw = artifact::write(Format::Raw, &disk, folder.path());
    let mut whole = vec![0; disk.size() as usize];
    disk.read_at(&mut whole, 0).unwrap();
    assert!(std::fs::read(&raw).unwrap() == whole);
    for format in FORMATS.into_iter().skip(1) {
        let image = artifact::write(format, &disk, folder.path());
        readers::assert_all_read(format, &image, &raw);
    }
}

#[test]
fn every_size_in_mib_is_what_readers_find() {
    let folder = tempfile::tempdir().unwrap();
    // one where QEMU's own VHDs are rounded to a geometry, and one on each side of the limits
    // between its kinds
    for size in [16 * MIB, 133 * MIB, 137 * MIB, 503 * MIB, 33 * GIB + MIB] {
        let disk = disk(size);
        for format in FORMATS {
            let image = write(format, &disk, folder.path()).path;
            assert_eq!(readers::virtual_size(format, &image), size, "{format}");
        }
    }
}

/// coreos/coreos-assembler#1131, microsoft/azurelinux#16018: "must be a whole number (in MBs)".
#[test]
fn the_fixed_vhd_is_the_disk_and_a_footer_whose_current_size_is_the_disks() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(133 * MIB);
    let raw = std::fs::read(artifact::write(Format::Raw, &disk, folder.path())).unwrap();
    let vhd = std::fs::read(artifact::write(Format::Vhd, &disk, folder.path())).unwrap();
    let (data, footer) = vhd.split_at(vhd.len() - 512);
    assert!(data == raw);
    assert_eq!(footer[..8], *b"conectix");
    assert_eq!(footer[48..56], (133 * MIB).to_be_bytes());
    let odd = Disk::new(MIB + 512, vec![]).unwrap();
    let path = folder.path().join("odd.vhd");
    let error = artifact::try_write(Format::Vhd, &odd, &path, None).unwrap_err();
    assert_eq!(error.kind(), Kind::Input);
    assert!(error.find_remedy().unwrap().contains("2 MiB"), "{error:?}");
    assert!(!path.exists());
}

/// The geometry by which Virtual PC and old Hyper-V boot; QEMU uses it for creators that it does
/// not know.
#[test]
fn the_geometry_is_the_specifications_and_never_larger_than_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    for (size, geometry) in
        [(133, (1001, 16, 17)), (2048, (4161, 16, 63)), (65536, (32896, 16, 255))]
    {
        for format in [Format::Vhd, Format::VhdDynamic] {
            let image = write(format, &disk(size * MIB), folder.path()).path;
            let mut footer = [0; 512];
            let file = std::fs::File::open(image).unwrap();
            let end = file.metadata().unwrap().len();
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut footer, end - 512).unwrap();
            let cylinders = u16::from_be_bytes(footer[56..58].try_into().unwrap());
            let found = (cylinders, footer[58], footer[59]);
            assert_eq!(found, geometry);
            let product = u64::from(found.0) * u64::from(found.1) * u64::from(found.2) * 512;
            assert!(product <= size * MIB);
        }
    }
}

#[test]
fn a_disk_that_a_format_cannot_hold_is_refused_with_one_that_can() {
    let folder = tempfile::tempdir().unwrap();
    let try_write = |format, size| {
        let disk = Disk::new(size, vec![Extent::bytes(0, *b"x")]).unwrap();
        artifact::try_write(format, &disk, &folder.path().join("disk"), None)
    };
    for format in [Format::Vhd, Format::VhdDynamic] {
        let error = try_write(format, 2041 * GIB).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
        assert!(error.find_remedy().unwrap().contains("vhdx"), "{error:?}");
    }
    assert_eq!(try_write(Format::Vhdx, (64 << 40) + MIB).unwrap_err().kind(), Kind::Input);
    for format in FORMATS.into_iter().skip(1) {
        assert_eq!(try_write(format, 1000).unwrap_err().kind(), Kind::Input, "{format}");
    }
    assert!(try_write(Format::Raw, 1000).is_ok());
}

#[test]
fn a_large_disk_with_little_on_it_takes_little() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(64 * GIB);
    for format in FORMATS {
        let written = write(format, &disk, folder.path());
        assert_eq!(written.digest, None);
        let metadata = written.path.metadata().unwrap();
        let allocated = metadata.blocks() * 512;
        let needed = format::needed_bytes(format, &disk);
        assert!(allocated <= needed + MIB, "{format}: {allocated} bytes, {needed} announced");
        // 6.4 MB of bytes, and tables of two bytes for 64 KiB, four for 2 MiB, eight for 1 MiB …
        assert!(needed < 9 * MIB, "{format}: {needed}");
        if matches!(format, Format::Raw) {
            assert_eq!(metadata.len(), 64 * GIB);
            assert!(allocated < 7 * MIB, "{allocated}");
        }
    }
}

#[test]
fn several_formats_of_one_job_are_what_each_is_alone() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(20 * MIB);
    let machine = artifact::machine();
    let job = Job {
        disk: &disk,
        machine: &machine,
        cache: None,
        digests: true,
        threads: artifact::THREADS,
    };
    let path = |f: Format| folder.path().join(format!("together.{}", format::extension(f)));
    let wanted = FORMATS.map(|format| Wanted { format, path: path(format) });
    let together = format::write(&job, &wanted, &Quiet).unwrap();
    for written in together {
        let alone = artifact::write(written.format, &disk, folder.path());
        let bytes = std::fs::read(alone).unwrap();
        assert!(bytes == std::fs::read(&written.path).unwrap(), "{}", written.format);
        assert_eq!(written.digest, Some(Digest::of(bytes)), "{}", written.format);
    }
}

/// Extents of all kinds, from none to many, on a disk of any number of MiB.
fn any_disk() -> impl Strategy<Value = Disk> {
    let pack = pack(&noise(3 * MIB, 7));
    let length = prop_oneof![1..200u64, 1..100_000u64, 1..3 * MIB];
    let gap = prop_oneof![Just(0), 1..5000u64, 1..4 * MIB];
    let part = (gap, length, any::<bool>(), any::<u64>());
    let parts = prop::collection::vec(part, 0..12);
    (parts, 1..4u64).prop_map(move |(parts, rest)| {
        let mut extents = Vec::new();
        let mut end = 0;
        for (gap, length, in_memory, seed) in parts {
            let at = end + gap;
            let offset = seed % (3 * MIB - length + 1) / 4096 * 4096;
            extents.push(match in_memory {
                true => Extent::bytes(at, noise(length, seed)),
                false => packed(at, &pack, offset, length),
            });
            end = at + length;
        }
        Disk::new(end.next_multiple_of(MIB) + rest * MIB, extents).unwrap()
    })
}

fn is_same(format: Format, disk: &Disk, folder: &Path, raw: &Path) {
    let paths = ["one", "two"].map(|name| folder.join(name));
    let digests = paths.each_ref().map(|path| {
        let written = artifact::try_write(format, disk, path, None).unwrap();
        assert_eq!(written.digest, Some(Digest::of(std::fs::read(path).unwrap())), "{format}");
        let allocated = std::fs::metadata(path).unwrap().blocks() * 512;
        // the file system's own map of the file counts, too
        assert!(allocated <= format::needed_bytes(format, disk) + 64 * 1024, "{format}");
        written.digest
    });
    assert_eq!(digests[0], digests[1], "{format}");
    readers::qemu_reads(format, &paths[0], raw);
    readers::reads("dissect", format, &paths[0], raw);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_disk_reads_back_from_every_format_as_it_was(disk in any_disk()) {
        let folder = tempfile::tempdir().unwrap();
        let raw = artifact::write(Format::Raw, &disk, folder.path());
        let mut whole = vec![0; disk.size() as usize];
        disk.read_at(&mut whole, 0).unwrap();
        assert!(std::fs::read(&raw).unwrap() == whole);
        for format in FORMATS.into_iter().skip(1) {
            is_same(format, &disk, folder.path(), &raw);
        }
    }
}

#[test]
fn an_image_of_any_format_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    for path in artifact::write_all(&Format::ALL, &disk(32 * MIB), folder.path(), None) {
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}
