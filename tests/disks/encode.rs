//! Encoded formats and the cache of encoded regions: the bytes are the same, whatever the cache
//! holds.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::common::artifact;
use crate::common::ends::{Ends, moments};
use crate::common::judge::{judge, shown};
use crate::common::readers;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use slipway::disk::{Disk, Extent};
use slipway::error::Kind;
use slipway::format::Cache;
use slipway::pack::{ALIGN, Pack, PackWriter};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::tree::Content;
use slipway::units::{GIB, MIB};

/// All formats that use the cache.
const FORMATS: [Format; 6] =
    [Format::Qcow2, Format::Qcow2Zstd, Format::RawZst, Format::Gce, Format::Vmdk, Format::Ova];

const PACK: u64 = 12 * MIB;

/// xorshift64*, masked: 0xFF cannot be compressed, 0x03 can.
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

/// Stretches of noise, of text and of zeros.
fn pack(folder: &Path) -> Arc<Pack> {
    let path = folder.join("a.pack");
    let mut writer = PackWriter::create(&path).unwrap();
    let mut left = PACK as usize;
    let mut seed = 3;
    while left > 0 {
        let length = (250_000 + seed as usize * 7_919 % 400_000).min(left);
        let content = match seed % 4 {
            0 => vec![0; length],
            1 => noise(length, seed, 0xFF),
            2 => noise(length, seed, 0x03),
            _ => b"all work and no play ".iter().copied().cycle().take(length).collect(),
        };
        writer.add(&content[..]).unwrap();
        left -= length.next_multiple_of(ALIGN as usize).min(left);
        seed += 1;
    }
    let (digest, _) = writer.finish().unwrap();
    Pack::open(path, digest).unwrap()
}

fn whole(disk: &Disk) -> Vec<u8> {
    let mut bytes = vec![0; disk.size() as usize];
    disk.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// The artifacts of one job, in the order of the formats.
fn written(formats: &[Format], disk: &Disk, cache: Option<&Cache>) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let paths = artifact::write_all(formats, disk, folder.path(), cache);
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// All files of a cache, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn contents(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Damages every entry in another way.
fn damage(paths: &[PathBuf]) {
    for (i, path) in paths.iter().enumerate() {
        let mut bytes = std::fs::read(path).unwrap();
        match i % 5 {
            0 => *bytes.last_mut().unwrap() ^= 1,
            1 => bytes.truncate(bytes.len() / 2),
            2 => bytes.clear(),
            3 => bytes = std::fs::read(&paths[0]).unwrap(),
            _ => bytes[100] ^= 0x80,
        }
        std::fs::write(path, bytes).unwrap();
    }
}

/// Where an extent's bytes come from, and the length of the gap before it.
#[derive(Clone, Debug)]
enum Part {
    Bytes { gap: u64, length: usize, seed: u64 },
    Packed { gap: u64, block: u64, blocks: u64 },
}

fn parts() -> impl Strategy<Value = (Vec<Part>, u64)> {
    let gap = || prop_oneof![3 => 0..300_000u64, 1 => Just(0), 1 => 0..40 * MIB];
    let bytes = (gap(), 1..200_000usize, any::<u64>());
    let bytes = bytes.prop_map(|(gap, length, seed)| Part::Bytes { gap, length, seed });
    let packed = (gap(), 0..PACK / ALIGN, 1..PACK / ALIGN);
    let packed = packed.prop_map(|(gap, block, blocks)| Part::Packed { gap, block, blocks });
    (prop::collection::vec(prop_oneof![bytes, packed], 1..6), 0..4 * MIB)
}

fn disk(parts: &[Part], rest: u64, pack: &Arc<Pack>) -> Disk {
    let mut extents = Vec::new();
    let mut end = 0;
    for part in parts {
        let extent = match *part {
            Part::Bytes { gap, length, seed } => {
                Extent::bytes(end + gap, noise(length, seed, (seed >> 8) as u8))
            }
            Part::Packed { gap, block, blocks } => {
                let offset = block * ALIGN;
                let length = (blocks * ALIGN).min(PACK - offset);
                let data = Content::Packed { pack: pack.clone(), offset, length }.into();
                Extent { offset: (end + gap).next_multiple_of(ALIGN), data }
            }
        };
        end = extent.end();
        extents.push(extent);
    }
    Disk::new((end + rest).next_multiple_of(512), extents).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn bytes_do_not_depend_on_the_cache_or_on_other_formats((parts, rest) in parts()) {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(&parts, rest, &pack(folder.path()));
        let cache = Cache::new(folder.path().join("cache"), GIB);
        let alone: Vec<_> = FORMATS.iter().map(|f| written(&[*f], &disk, None).remove(0)).collect();
        assert!(written(&FORMATS, &disk, None) == alone, "in one pass");
        assert!(written(&FORMATS, &disk, Some(&cache)) == alone, "with an empty cache");
        let paths = entries(cache.folder());
        let kept = contents(&paths);
        assert!(written(&FORMATS, &disk, Some(&cache)) == alone, "with a warm cache");
        damage(&paths);
        assert!(written(&FORMATS, &disk, Some(&cache)) == alone, "with a damaged cache");
        assert_eq!(entries(cache.folder()), paths);
        assert!(contents(&paths) == kept, "what was damaged is replaced");
    }
}

/// A disk with a base of several segments, and a customer's own bytes before, between and after
/// them.
fn customer(pack: &Arc<Pack>, name: u8) -> Disk {
    let base = |offset, from, length| {
        let data = Content::Packed { pack: pack.clone(), offset: from, length }.into();
        Extent { offset, data }
    };
    let extents = vec![
        Extent::bytes(0, vec![name; 40_000]),
        base(28 * MIB + ALIGN, 0, 6 * MIB),
        Extent::bytes(36 * MIB, noise(300_000, name.into(), 0x0F)),
        base(40 * MIB, 6 * MIB, PACK - 6 * MIB),
        Extent::bytes(60 * MIB, vec![name; 5 * MIB as usize]),
    ];
    Disk::new(GIB, extents).unwrap()
}

#[test]
fn a_second_customer_takes_all_of_the_base_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let pack = pack(folder.path());
    let cache = Cache::new(folder.path().join("cache"), GIB);
    written(&FORMATS, &customer(&pack, 1), Some(&cache));
    let paths = entries(cache.folder());
    // the end of a segment cuts the first run in two; an OVA contains a VMDK
    assert_eq!(paths.len(), 3 * (FORMATS.len() - 1));
    // entries that are read are marked as used, and no new one is made
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let open = |path| std::fs::File::options().write(true).open(path).unwrap();
    paths.iter().for_each(|path| open(path).set_modified(long_ago).unwrap());
    let second = customer(&pack, 2);
    let warm = written(&FORMATS, &second, Some(&cache));
    assert_eq!(entries(cache.folder()), paths);
    for path in &paths {
        assert!(path.metadata().unwrap().modified().unwrap() > long_ago, "{}", path.display());
    }
    assert!(warm == written(&FORMATS, &second, None));
}

#[test]
fn one_thread_and_eight_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let disk = customer(&pack(folder.path()), 1);
    let [one, eight] = [1, 8].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        let threads = NonZeroUsize::new(threads).unwrap();
        let how = artifact::How { threads, progress: &Quiet, cache: None };
        let written = artifact::write_how(&FORMATS, &disk, folder.path(), how).unwrap();
        written.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    });
    assert!(one == eight);
}

#[test]
fn what_is_stopped_anywhere_leaves_what_was_there_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = customer(&pack(folder.path()), 1);
    let out = folder.path().join("out");
    for formats in [&[Format::Qcow2, Format::Ova][..], &[Format::Vhdx]] {
        std::fs::create_dir_all(&out).unwrap();
        let paths: Vec<_> = formats.iter().map(|format| artifact::path(&out, *format)).collect();
        paths.iter().for_each(|path| std::fs::write(path, "before").unwrap());
        let mut stopped = 0;
        for after in moments() {
            let progress = Ends::after(after);
            let how =
                artifact::How { threads: artifact::THREADS, progress: &progress, cache: None };
            let Err(error) = artifact::write_how(formats, &disk, &out, how) else { break };
            assert_eq!(error.kind(), Kind::Interrupted, "{error}");
            assert!(contents(&paths).iter().all(|bytes| bytes == b"before"), "{after}");
            assert_eq!(std::fs::read_dir(&out).unwrap().count(), paths.len(), "{after}");
            stopped += 1;
        }
        assert!(stopped > 2, "{stopped}");
        assert!(contents(&paths).iter().all(|bytes| bytes != b"before"));
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn a_cache_that_cannot_be_written_fails_no_build() {
    let folder = tempfile::tempdir().unwrap();
    let disk = customer(&pack(folder.path()), 1);
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let cache = Cache::new(file.join("cache"), GIB);
    let formats = [Format::Qcow2];
    assert!(written(&formats, &disk, Some(&cache)) == written(&formats, &disk, None));
}

#[test]
fn a_cache_is_kept_below_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let disk = customer(&pack(folder.path()), 1);
    let cache = Cache::new(folder.path().join("cache"), 4 * MIB);
    written(&FORMATS, &disk, Some(&cache));
    let sum: u64 = cache.stored().unwrap().iter().map(|s| s.bytes.0).sum();
    assert!(sum <= 4 * MIB && sum > 0, "{sum}");
}

#[test]
fn zstd_finds_nothing_wrong_and_restores_the_raw_disk() {
    let folder = tempfile::tempdir().unwrap();
    let disk = customer(&pack(folder.path()), 1);
    let path = artifact::write(Format::RawZst, &disk, folder.path());
    judge("zstd", &["-tq", shown(&path)]);
    let raw = folder.path().join("back.raw");
    judge("zstd", &["-dqf", "--sparse", shown(&path), "-o", shown(&raw)]);
    assert!(std::fs::read(raw).unwrap() == whole(&disk));
    let size = path.metadata().unwrap().len();
    assert!(size <= slipway::format::needed_bytes(Format::RawZst, &disk));
}

#[test]
fn clusters_of_a_qcow2_need_no_larger_window_than_4_kib() {
    let folder = tempfile::tempdir().unwrap();
    // bytes that repeat just within a window of 4 KiB, just beyond it, and at every distance
    let repeated = |period, seed| noise(period, seed, 0xFF).repeat((2 * MIB) as usize / period);
    let extents = vec![
        Extent::bytes(0, repeated(4096, 1)),
        Extent::bytes(4 * MIB, repeated(4097, 2)),
        Extent::bytes(8 * MIB, noise(2_000_000, 3, 0x03)),
        Extent::bytes(12 * MIB, std::fs::read(std::env::current_exe().unwrap()).unwrap()),
    ];
    let disk = Disk::new(GIB, extents).unwrap();
    let paths = artifact::write_all(&[Format::Raw, Format::Qcow2], &disk, folder.path(), None);
    readers::qemu_reads(Format::Qcow2, &paths[1], &paths[0]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/inflate-clusters.py");
    let arguments = [script, shown(&paths[1]), shown(&paths[0])];
    let count: u64 = judge(&readers::installed("python"), &arguments).trim().parse().unwrap();
    assert!(count > 64 + 60, "{count}");
}

#[test]
fn gzip_and_tar_restore_disk_raw_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = customer(&pack(folder.path()), 1);
    let path = artifact::write(Format::Gce, &disk, folder.path());
    judge("gzip", &["-t", shown(&path)]);
    let list = judge("tar", &["--utc", "-tvf", shown(&path)]);
    let [line] = list.lines().collect::<Vec<_>>()[..] else { panic!("{list}") };
    let fields: Vec<_> = line.split_whitespace().collect();
    let size = disk.size().to_string();
    assert_eq!(fields, ["-rw-r--r--", "0/0", &size, "1970-01-01", "00:00", "disk.raw"]);
    judge("tar", &["-C", shown(folder.path()), "-Sxzf", shown(&path)]);
    assert!(std::fs::read(folder.path().join("disk.raw")).unwrap() == whole(&disk));
    assert!(path.metadata().unwrap().len() <= slipway::format::needed_bytes(Format::Gce, &disk));
}

#[test]
fn a_large_disk_of_nothing_is_cheap_in_every_encoded_format() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(64 * GIB, vec![Extent::bytes(0, *b"x")]).unwrap();
    let paths = artifact::write_all(&FORMATS, &disk, folder.path(), None);
    let lengths: Vec<u64> = paths.iter().map(|p| p.metadata().unwrap().len()).collect();
    // gzip compresses zeros to a thousandth, and no further
    let limits = [MIB, MIB, 8 * MIB, 80 * MIB, MIB, MIB];
    assert!(lengths.iter().zip(limits).all(|(length, limit)| *length < limit), "{lengths:?}");
    // tar would decompress all of it; the start contains the size, which is too large for octal
    // digits
    let head =
        format!("gzip -dc {} | head -c 10240 | tar -tvf - 2>/dev/null; true", shown(&paths[3]));
    let list = judge("sh", &["-c", &head]);
    assert!(list.contains(&format!(" {} ", 64 * GIB)), "{list}");
}
