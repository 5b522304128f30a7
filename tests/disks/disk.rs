//! The disk and its formats, judged independently: sgdisk, fsck.vfat, mtools, qemu-img.

use std::path::{Path, PathBuf};

use crate::common::judge::{judge, shown};
use crate::common::{artifact, bootable};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use slipway::disk::{Disk, DiskSpec, Extent, assemble, bootloader, compose, layout};
use slipway::error::Kind;
use slipway::format;
use slipway::profile::Format;
use slipway::tree::Content;
use slipway::units::{ByteSize, Digest, MIB, Timestamp};

const FORMATS: [Format; 3] = [Format::Raw, Format::Qcow2, Format::Qcow2Zstd];
/// The formats that qemu-img checks and compares.
const COMPRESSED: [Format; 2] = [Format::Qcow2, Format::Qcow2Zstd];

fn spec() -> DiskSpec {
    DiskSpec {
        size: ByteSize(256 * MIB),
        plan: Digest::of("a plan"),
        time: Timestamp::from_seconds(1_760_000_000),
        command_line: vec!["mitigations=auto".into()],
    }
}

fn disk() -> Disk {
    let mut tree = bootable::tree(spec().time);
    bootloader::configure(&mut tree, &spec()).unwrap();
    let root = vec![Extent::bytes(1024, *b"a root"), Extent::bytes(9 * MIB, vec![7; 70_000])];
    assemble(&tree, &spec(), root).unwrap()
}

fn written(format: Format, disk: &Disk, folder: &Path) -> PathBuf {
    artifact::write(format, disk, folder)
}

/// A partition in a separate file.
fn partition(disk: &Disk, region: layout::Region, folder: &Path) -> PathBuf {
    let mut bytes = vec![0; region.length as usize];
    disk.read_at(&mut bytes, region.offset).unwrap();
    let path = folder.join("partition");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn esp(folder: &Path) -> PathBuf {
    partition(&disk(), layout::Layout::new(spec().size).unwrap().esp, folder)
}

#[test]
fn sgdisk_finds_nothing_wrong_with_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let raw = written(Format::Raw, &disk(), folder.path());
    let verdict = judge("sgdisk", &["-v", shown(&raw)]);
    assert!(verdict.contains("No problems found"), "{verdict}");
    let table = judge("sgdisk", &["-p", shown(&raw)]);
    for name in ["bios-boot", "esp", "root"] {
        assert!(table.contains(name), "{table}");
    }
    let root = judge("sgdisk", &["-i", "3", shown(&raw)]);
    assert!(root.contains("4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"), "{root}");
}

#[test]
fn fsck_finds_nothing_wrong_with_the_efi_partition() {
    let folder = tempfile::tempdir().unwrap();
    judge("fsck.vfat", &["-n", "-V", shown(&esp(folder.path()))]);
}

#[test]
fn e2fsck_finds_nothing_wrong_with_the_root_partition_and_it_has_the_uuid_that_boots() {
    let folder = tempfile::tempdir().unwrap();
    let mut tree = bootable::tree(spec().time);
    bootloader::configure(&mut tree, &spec()).unwrap();
    let disk = compose(&tree, &[], &spec()).unwrap();
    let root = partition(&disk, layout::Layout::new(spec().size).unwrap().root, folder.path());
    judge("e2fsck", &["-fn", shown(&root)]);
    let config = judge("debugfs", &["-R", "cat /boot/grub/grub.cfg", shown(&root)]);
    let facts = judge("debugfs", &["-R", "show_super_stats -h", shown(&root)]);
    let uuid = spec().ids().filesystem.to_string();
    assert!(config.contains(&format!("root=UUID={uuid} ")) && facts.contains(&uuid), "{facts}");
}

#[test]
fn mtools_reads_the_files_of_the_efi_partition() {
    let folder = tempfile::tempdir().unwrap();
    let esp = esp(folder.path());
    let list = judge("mdir", &["-/", "-b", "-i", shown(&esp)]);
    for path in ["EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "EFI/debian/grub.cfg"] {
        assert!(list.contains(path), "{list}");
    }
    let copy = folder.path().join("grub");
    judge("mcopy", &["-i", shown(&esp), "::EFI/BOOT/grubx64.efi", shown(&copy)]);
    assert_eq!(std::fs::read(copy).unwrap(), vec![0x55; 4_000_001]);
    let config = judge("mtype", &["-i", shown(&esp), "::EFI/debian/grub.cfg"]);
    assert!(config.contains(&spec().ids().filesystem.to_string()), "{config}");
}

#[test]
fn qemu_finds_nothing_wrong_and_no_difference_between_the_formats() {
    let folder = tempfile::tempdir().unwrap();
    let raw = written(Format::Raw, &disk(), folder.path());
    for format in COMPRESSED {
        let qcow2 = written(format, &disk(), folder.path());
        judge("qemu-img", &["check", "-f", "qcow2", shown(&qcow2)]);
        judge("qemu-img", &["compare", "-f", "raw", "-F", "qcow2", shown(&raw), shown(&qcow2)]);
    }
}

#[test]
fn the_same_disk_gives_the_same_bytes_and_the_digest_of_the_file() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for format in FORMATS {
        let path = format!("disk.{}", format::extension(format));
        let [one, two] = folders.each_ref().map(|folder| {
            let path = folder.path().join(&path);
            let written = artifact::try_write(format, &disk(), &path, None).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(Some(Digest::of(&bytes)), written.digest);
            assert_eq!(bytes.len() as u64, written.size);
            written.digest
        });
        assert_eq!(one, two);
    }
}

#[test]
fn another_plan_gives_other_identifiers() {
    let other = DiskSpec { plan: Digest::of("another plan"), ..spec() };
    assert_ne!(spec().ids(), other.ids());
    let mut tree = bootable::tree(spec().time);
    bootloader::configure(&mut tree, &other).unwrap();
    // the tree was made for another disk, and would look for that one's root
    assert_eq!(assemble(&tree, &spec(), vec![]).unwrap_err().kind(), Kind::Input);
}

#[test]
fn a_kernel_parameter_cannot_break_out_of_its_line() {
    for bad in ["a b", "x'y", "a\nb", "$(x)", "a;b", "\"", "`x`", "{", "ö", ""] {
        let spec = DiskSpec { command_line: vec![bad.into()], ..spec() };
        let error = bootloader::configure(&mut bootable::tree(spec.time), &spec).unwrap_err();
        assert_eq!(error.kind(), Kind::Input, "{bad:?}");
    }
}

#[test]
fn a_base_without_a_kernel_or_boot_loader_is_refused_with_the_package_to_add() {
    let mut no_kernel = bootable::tree(spec().time);
    no_kernel.remove("vmlinuz");
    let error = bootloader::configure(&mut no_kernel, &spec()).unwrap_err();
    assert!(error.find_remedy().unwrap().contains("kernel package"), "{error:?}");
    let mut no_shim = bootable::tree(spec().time);
    no_shim.remove("usr/lib/shim/shimx64.efi.signed");
    bootloader::configure(&mut no_shim, &spec()).unwrap();
    let error = assemble(&no_shim, &spec(), vec![]).unwrap_err();
    assert!(error.find_remedy().unwrap().contains("shim-signed"), "{error:?}");
}

#[test]
fn what_cannot_fit_on_the_disk_of_the_builder_is_refused_before_a_byte_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let sparse = folder.path().join("huge.pack");
    std::fs::File::create(&sparse).unwrap().set_len(1 << 43).unwrap();
    let pack = slipway::pack::Pack::open(&sparse, Digest::of("huge")).unwrap();
    let content = Content::Packed { pack, offset: 0, length: 1 << 43 };
    let disk = Disk::new(1 << 43, vec![Extent { offset: 0, data: content.into() }]).unwrap();
    for format in FORMATS {
        let path = folder.path().join("disk.out");
        let error = artifact::try_write(format, &disk, &path, None).unwrap_err();
        assert_eq!(error.kind(), Kind::NoSpace);
        assert!(error.to_string().contains("are needed and"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

/// Contents from easy to impossible to compress, including zeros.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let length = 1..300_000usize;
    prop_oneof![
        (length.clone(), any::<u8>()).prop_map(|(n, byte)| vec![byte; n]),
        (length.clone(), any::<u64>()).prop_map(|(n, seed)| noise(n, seed, 0xFF)),
        (length, any::<u64>()).prop_map(|(n, seed)| noise(n, seed, 0x03)),
    ]
}

/// xorshift64*, so that a failing case is small to show.
fn noise(length: usize, seed: u64, mask: u8) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8 & mask
    };
    (0..length).map(|_| next()).collect()
}

fn any_disk() -> impl Strategy<Value = Disk> {
    let parts = prop::collection::vec((0..200_000u64, bytes()), 0..12);
    (parts, 0..1000u64).prop_map(|(parts, rest)| {
        let mut extents = Vec::new();
        let mut end = 0;
        for (gap, bytes) in parts {
            let extent = Extent::bytes(end + gap, bytes);
            end = extent.end();
            extents.push(extent);
        }
        Disk::new((end + rest * 700).next_multiple_of(512).max(512), extents).unwrap()
    })
}

fn whole(disk: &Disk) -> Vec<u8> {
    let mut bytes = vec![0; disk.size() as usize];
    disk.read_at(&mut bytes, 0).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_disk_reads_back_from_every_format_as_it_was(disk in any_disk()) {
        let folder = tempfile::tempdir().unwrap();
        let raw = written(Format::Raw, &disk, folder.path());
        assert!(std::fs::read(&raw).unwrap() == whole(&disk));
        for format in COMPRESSED {
            let qcow2 = written(format, &disk, folder.path());
            judge("qemu-img", &["check", "-f", "qcow2", shown(&qcow2)]);
            let back = folder.path().join("back.raw");
            judge("qemu-img", &["convert", "-f", "qcow2", "-O", "raw", shown(&qcow2), shown(&back)]);
            assert!(std::fs::read(&back).unwrap() == whole(&disk));
            let size = std::fs::metadata(&qcow2).unwrap().len();
            assert!(size <= format::needed_bytes(format, &disk));
        }
    }
}
