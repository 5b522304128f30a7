//! Going through everything in an image: ours, and filesystems that mke2fs made.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::common::appliance::{disk, disk_with};
use crate::common::artifact;
use crate::common::judge::{judge, shown};
use slipway::error::Kind;
use slipway::inspect::Image;
use slipway::inspect::walk::{Contents, Digests, ESP, Entry, EntryKind, Walk, contents};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::units::{Digest, MIB};

/// A disk of one partition with a filesystem of `folder`, made by mke2fs and sgdisk.
fn foreign(folder: &Path, disk: &Path, options: &[&str]) {
    const START: u64 = MIB;
    let part = disk.with_extension("part");
    File::create(&part).unwrap().set_len(24 * MIB).unwrap();
    let first = ["-q", "-t", "ext4", "-d", shown(folder)];
    judge("mke2fs", &[&first[..], options, &[shown(&part)]].concat());
    let script = "cd /\nmknod disk b 8 1\nmknod large c 300 60000\nmknod pipe p\n";
    let commands = disk.with_extension("commands");
    std::fs::write(&commands, script).unwrap();
    judge("debugfs", &["-w", "-f", shown(&commands), shown(&part)]);
    let file = File::create(disk).unwrap();
    file.set_len(26 * MIB).unwrap();
    file.write_all_at(&std::fs::read(&part).unwrap(), START).unwrap();
    judge("sgdisk", &["-n", "1:2048:+24M", "-t", "1:8304", shown(disk)]);
}

fn listed(path: &Path) -> Vec<Entry> {
    contents(&Arc::new(Image::open(path).unwrap()), Digests::All, &Quiet).unwrap().entries
}

/// What the kernel says of a folder, by path.
fn real(
    folder: &Path,
    root: &Path,
    found: &mut BTreeMap<String, (u32, Option<u64>, Option<Digest>)>,
) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let facts = path.symlink_metadata().unwrap();
        let name = format!("/{}", path.strip_prefix(root).unwrap().display());
        let digest = facts.is_file().then(|| Digest::of(std::fs::read(&path).unwrap()));
        let size = facts.is_file().then_some(facts.len());
        found.insert(name, (facts.mode() & 0o7777, size, digest));
        if facts.is_dir() {
            real(&path, root, found);
        }
    }
}

fn tree(root: &Path) -> PathBuf {
    let folder = root.join("root");
    std::fs::create_dir_all(folder.join("etc/private")).unwrap();
    std::fs::create_dir_all(folder.join("many")).unwrap();
    for i in 0..1200 {
        std::fs::write(folder.join(format!("many/a-rather-long-name-{i}")), format!("{i}"))
            .unwrap();
    }
    std::fs::write(folder.join("etc/empty"), "").unwrap();
    std::fs::write(folder.join("etc/large"), vec![7; 3_000_001]).unwrap();
    let sparse = File::create(folder.join("etc/sparse")).unwrap();
    sparse.write_all_at(b"end", 5_000_000).unwrap();
    std::fs::hard_link(folder.join("etc/large"), folder.join("zlarge")).unwrap();
    symlink("large", folder.join("etc/short")).unwrap();
    symlink("t/".repeat(80), folder.join("etc/long")).unwrap();
    folder
}

/// Judged by the kernel, which made the folder, by mke2fs, which made a filesystem of it, and by debugfs.
#[test]
fn every_name_has_its_kind_mode_size_and_digest_in_filesystems_that_we_did_not_write() {
    let work = tempfile::tempdir().unwrap();
    let folder = tree(work.path());
    let mut expected = BTreeMap::new();
    real(&folder, &folder, &mut expected);
    for options in
        [&["-b", "4096"][..], &["-b", "1024", "-I", "128"], &["-O", "^metadata_csum,^64bit"]]
    {
        let disk = work.path().join("disk.raw");
        foreign(&folder, &disk, options);
        let entries = listed(&disk);
        assert!(entries.is_sorted_by(|a, b| a.path < b.path));
        let get = |path: &str| entries.iter().find(|entry| entry.path == path).unwrap();
        for (path, (mode, size, digest)) in &expected {
            let mut entry = get(path);
            assert_eq!(u32::from(entry.mode), *mode, "{path}");
            if let (EntryKind::HardLink, Some(target)) = (entry.kind, &entry.target) {
                entry = get(target);
            }
            assert_eq!((entry.size, entry.sha256), (*size, *digest), "{path}");
        }
        assert_eq!(entries.len(), expected.len() + 4, "lost+found and what debugfs made");
        assert_eq!(get("/zlarge").target.as_deref(), Some("/etc/large"));
        assert_eq!(get("/etc/short").target.as_deref(), Some("large"));
        assert_eq!(get("/etc/long").target.as_deref(), Some("t/".repeat(80).as_str()));
        let device = |path| (get(path).kind, get(path).device);
        assert_eq!(device("/disk"), (EntryKind::BlockDevice, Some((8, 1))));
        assert_eq!(device("/large"), (EntryKind::CharDevice, Some((300, 60_000))));
        assert_eq!(get("/pipe").kind, EntryKind::Fifo);
    }
}

#[test]
fn an_image_has_the_same_contents_in_every_format_and_its_efi_partition_is_among_them() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk();
    let raw = listed(&artifact::write(Format::Raw, &disk, folder.path()));
    for format in [Format::Qcow2, Format::Vmdk, Format::Vhdx, Format::Ova] {
        assert_eq!(listed(&artifact::write(format, &disk, folder.path())), raw, "{format}");
    }
    let boot =
        raw.iter().find(|entry| entry.path.eq_ignore_ascii_case("esp:/EFI/BOOT/BOOTX64.EFI"));
    assert_eq!(boot.unwrap().sha256, Some(Digest::of(vec![0x33; 100_000])));
    assert!(raw.iter().any(|entry| entry.path.starts_with(ESP) && entry.kind == EntryKind::Folder));
    assert_eq!(
        Contents::parse(Contents { format: 1, entries: raw.clone() }.text().unwrap().as_bytes())
            .unwrap()
            .entries
            .len(),
        raw.len()
    );
}

#[test]
fn a_file_below_a_folder_that_not_everybody_may_enter_is_not_public() {
    let work = tempfile::tempdir().unwrap();
    let folder = tree(work.path());
    std::fs::write(folder.join("etc/private/secret"), "4711").unwrap();
    judge("chmod", &["700", shown(&folder.join("etc/private"))]);
    let disk = work.path().join("disk.raw");
    foreign(&folder, &disk, &[]);
    let image = Arc::new(Image::open(&disk).unwrap());
    let found = contents(&image, Digests::Public, &Quiet).unwrap();
    let digest = |path: &str| found.entries.iter().find(|e| e.path == path).unwrap().sha256;
    assert_eq!(digest("/etc/private/secret"), None);
    assert!(digest("/etc/large").is_some());
    let all = Contents { format: 1, entries: listed(&disk) };
    assert!(!all.text().unwrap().contains(&Digest::of("4711").to_string()));
}

#[test]
fn a_file_is_read_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = artifact::write(
        Format::Qcow2,
        &disk_with(256 * MIB, &[("/etc/x", "hello")]),
        folder.path(),
    );
    let walk = Walk::open(&Arc::new(Image::open(&path).unwrap()), &Quiet).unwrap();
    assert_eq!(walk.bytes("/etc/x", 5).unwrap().as_deref(), Some(&b"hello"[..]));
    assert_eq!(walk.bytes("/etc/x", 4).unwrap_err().kind(), Kind::Damaged);
    assert_eq!(walk.bytes("/etc/none", 5).unwrap(), None);
}

/// Foreign bytes: whatever is damaged, the walk ends, and says so or finds something.
#[test]
fn a_damaged_filesystem_is_an_error_and_never_a_panic() {
    let work = tempfile::tempdir().unwrap();
    let folder = tree(work.path());
    let disk = work.path().join("disk.raw");
    // without checksums, so that what is damaged is believed
    foreign(&folder, &disk, &["-O", "^metadata_csum,^has_journal"]);
    let good = std::fs::read(&disk).unwrap();
    let used: Vec<usize> = (MIB as usize..4 << 20).filter(|at| good[*at] != 0).collect();
    let (mut state, mut errors) = (1u64, 0);
    for _ in 0..40 {
        let mut bad = good.clone();
        for _ in 0..40 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = used[(state >> 33) as usize % used.len()];
            bad[at] ^= (state >> 17) as u8 | 1;
        }
        std::fs::write(&disk, &bad).unwrap();
        let found = Image::open(&disk).and_then(|i| contents(&Arc::new(i), Digests::All, &Quiet));
        if let Err(error) = found {
            assert!(matches!(error.kind(), Kind::Damaged | Kind::Refused), "{error:?}");
            errors += 1;
        }
    }
    assert!(errors > 4, "{errors}");
}

/// With checksums, one wrong bit of an inode is seen.
#[test]
fn an_inode_that_is_not_what_its_checksum_says_is_an_error() {
    let work = tempfile::tempdir().unwrap();
    let folder = tree(work.path());
    let disk = work.path().join("disk.raw");
    foreign(&folder, &disk, &[]);
    let mut bytes = std::fs::read(&disk).unwrap();
    // the only regular file of this size: its inode's size field
    let at = bytes.windows(4).position(|w| w == 3_000_001u32.to_le_bytes()).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&disk, bytes).unwrap();
    let found = contents(&Arc::new(Image::open(&disk).unwrap()), Digests::None, &Quiet);
    assert_eq!(found.unwrap_err().kind(), Kind::Damaged);
}

#[test]
fn a_list_of_format_1_is_read_and_written_again_as_it_was() {
    let text = include_str!("../records/contents/contents-1.json");
    let read = Contents::parse(text.as_bytes()).unwrap();
    let kinds: Vec<_> = read.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == EntryKind::File).count(), 4);
    assert!(!kinds.contains(&EntryKind::Other), "{kinds:?}");
    assert_eq!(read.entries[0].device, Some((5, 1)));
    assert_eq!(read.text().unwrap(), text);
}
