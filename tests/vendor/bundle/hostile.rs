//! Hostile and damaged archives are refused entirely, and leave nothing in the cache.
//!
//! The index has one line for each case, which says what it proves.

use serde_json::json;
use slipway::bundle::{self, Bundle};
use tar::EntryType;

use crate::bundle::forge::{Forge, complete, file, gzip, name, special, valid};

struct Case {
    /// What the case proves to be refused.
    proves: &'static str,
    /// Part of the error's text.
    says: &'static str,
    make: fn() -> Vec<u8>,
}

const fn case(proves: &'static str, says: &'static str, make: fn() -> Vec<u8>) -> Case {
    Case { proves, says, make }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("an absolute path", "it is absolute", || renamed("/etc/passwd")),
    case("a path that climbs out", "\"..\"", || renamed("../../etc/passwd")),
    case("a path that climbs out behind a folder", "\"..\"", || renamed("data/../../x")),
    case("a path of one dot", "\".\"", || renamed("./x")),
    case("a path with an empty part", "empty part", || renamed("data//x")),
    case("a control character in a path", "control character", || renamed("a\nb")),
    case("an escape sequence in a path", "control character", || renamed("a\x1b[2J")),
    case("the manifest listed by itself", "itself", || renamed("MANIFEST.json")),
    case("a name that is not UTF-8", "in its place", not_utf8),
    case("an absolute path that the manifest does not list", "it is absolute", || unlisted("/etc/shadow")),
    case("a path that climbs, not listed", "\"..\"", || unlisted("../x")),
    case("a file that the manifest does not list", "does not list it", extra),
    case("a file that the manifest lists and the archive lacks", "ends before", missing),
    case("more files than listed, of one name", "does not list it", duplicate_entry),
    case("a name listed twice", "listed twice", duplicate_record),
    case("a file below a file", "below a file", below_a_file),
    case("files in another order than listed", "in its place", swapped),
    case("a symbolic link out of the tree", "a symbolic link", || replaced(special("bin/run", EntryType::Symlink, "/etc/passwd"))),
    case("a symbolic link within the tree", "a symbolic link", || replaced(special("bin/run", EntryType::Symlink, "../RELEASE_ID"))),
    case("a file written through a link", "a symbolic link", through_a_link),
    case("a hard link out of the tree", "a hard link", || replaced(special("bin/run", EntryType::Link, "/etc/passwd"))),
    case("a character device", "a device", || replaced(special("bin/run", EntryType::Char, ""))),
    case("a block device", "a device", || replaced(special("bin/run", EntryType::Block, ""))),
    case("a named pipe", "a named pipe", || replaced(special("bin/run", EntryType::Fifo, ""))),
    case("a folder entry", "a folder", || replaced(special("bin/run", EntryType::Directory, ""))),
    case("a pax record, which could rename what follows", "a pax record", || inserted(special("x", EntryType::XHeader, ""))),
    case("a global pax record", "a pax record", || inserted(special("x", EntryType::XGlobalHeader, ""))),
    case("a pax record that lies about the size of what follows", "a pax record", || inserted(recorded(EntryType::XHeader, b"10 size=1\n"))),
    case("a pax record that lies about all sizes", "a pax record", || inserted(recorded(EntryType::XGlobalHeader, b"10 size=1\n"))),
    case("a pax record that renames what follows", "a pax record", || inserted(recorded(EntryType::XHeader, b"19 path=../../etc/x\n"))),
    case("a GNU long name", "a GNU long name", || inserted(special("x", EntryType::GNULongName, ""))),
    case("a sparse file, which unpacks larger than it is", "no regular file", || replaced(special("bin/run", EntryType::GNUSparse, ""))),
    case("set-user-id in manifest and header", "0644 nor 0755", || mode(0o4755, "4755")),
    case("set-user-id in the header alone", "mode is not 0755", || mode(0o4755, "0755")),
    case("set-group-id and sticky", "0644 nor 0755", || mode(0o3755, "3755")),
    case("an owner other than root", "not the one", || header(|h| h.set_uid(1000))),
    case("a time", "not the one", || header(|h| h.set_mtime(1))),
    case("a name that goes on behind a NUL byte", "not the one", || header(|h| h.as_old_mut().name[60..65].copy_from_slice(b"/../x"))),
    case("a folder in the header's prefix", "it is absolute", || header(|h| h.as_ustar_mut().unwrap().prefix[..4].copy_from_slice(b"/etc"))),
    case("a header that is no ustar", "no ustar", || header(|h| h.as_ustar_mut().unwrap().magic.fill(0))),
    case("group-writable", "0644 nor 0755", || mode(0o664, "0664")),
    case("a wrong digest", "digest", wrong_digest),
    case("a size in the header that differs from the list", "size is not", wrong_size),
    case("a listed size beyond all limits", "unpack to more than", || declared(u64::MAX)),
    case("a listed size that the archive cannot hold", "would unpack to", || declared(1 << 30)),
    case("sizes that are too large together", "unpack to more than", together),
    case("more files than there may be", "more than 100000 files", many),
    case("a bomb: few bytes that become many", "would unpack to", bomb),
    case("a manifest without end", "larger than 16 MiB", large_manifest),
    case("bytes hidden in the padding", "hidden behind", hidden),
    case("an archive behind the archive", "goes on after its end", behind_the_end),
    case("one zero block instead of two", "damaged or cut", one_zero_block),
    case("a damaged header", "header of the bundle's archive is damaged", damaged_header),
    case("a damaged byte in the compressed stream", "", damaged_stream),
    case("garbage behind the gzip member", "goes on after the archive", || [valid().tgz(), b"x".to_vec()].concat()),
    case("a second gzip member", "goes on after the archive", || [valid().tgz(), gzip(b"")].concat()),
    case("a second gzip member with an archive of its own", "goes on after the archive", || [valid().tgz(), valid().tgz()].concat()),
    case("an archive in two gzip members", "damaged or cut", || { let tar = valid().tar(); [gzip(&tar[..1024]), gzip(&tar[1024..])].concat() }),
    case("a truncated gzip", "damaged or cut", || { let mut b = valid().tgz(); b.truncate(b.len() - 9); b }),
    case("a gzip without its checksum", "damaged or cut", || { let mut b = valid().tgz(); b.truncate(b.len() - 8); b }),
    case("a wrong gzip checksum", "damaged or cut", || { let mut b = valid().tgz(); let n = b.len(); b[n - 6] ^= 1; b }),
    case("an empty archive", "empty archive", || gzip(&[0; 1024])),
    case("an empty file", "damaged or cut", Vec::new),
    case("no gzip at all", "damaged or cut", || valid().tar()),
    case("a manifest that is not first", "in its place", manifest_last),
    case("a manifest with unknown fields", "cannot be read", || spoilt(|f| f.manifest["hook"] = json!("x"))),
    case("a release id of another version", "names release", || spoilt(|f| f.manifest["release"] = json!("evil-9.0.0+b1"))),
    case("a site's name that is a path", "cannot be read", || spoilt(|f| f.manifest["site"] = json!("../evil"))),
];

fn spoilt(spoil: impl Fn(&mut Forge)) -> Vec<u8> {
    let mut forge = valid();
    spoil(&mut forge);
    forge.tgz()
}

fn renamed(path: &str) -> Vec<u8> {
    spoilt(|f| f.rename(2, path))
}

fn not_utf8() -> Vec<u8> {
    spoilt(|f| name(&mut f.entries[2].header, b"data/\xff.yaml"))
}

fn unlisted(path: &str) -> Vec<u8> {
    spoilt(|f| name(&mut f.entries[0].header, path.as_bytes()))
}

fn extra() -> Vec<u8> {
    spoilt(|f| f.entries.push(file("z", 0o644, b"")))
}

fn missing() -> Vec<u8> {
    spoilt(|f| f.entries.truncate(2))
}

fn duplicate_entry() -> Vec<u8> {
    spoilt(|f| f.entries.push(f.entries[2].clone()))
}

fn duplicate_record() -> Vec<u8> {
    spoilt(|f| {
        f.entries.push(f.entries[2].clone());
        let record = f.record(2).clone();
        f.manifest["files"].as_array_mut().unwrap().push(record);
    })
}

fn below_a_file() -> Vec<u8> {
    spoilt(|f| {
        f.rename(1, "a");
        f.rename(2, "a/b");
    })
}

fn swapped() -> Vec<u8> {
    spoilt(|f| f.entries.swap(0, 1))
}

fn replaced(entry: crate::bundle::forge::Entry) -> Vec<u8> {
    spoilt(|f| f.entries[1] = entry.clone())
}

fn inserted(entry: crate::bundle::forge::Entry) -> Vec<u8> {
    spoilt(|f| f.entries.insert(1, entry.clone()))
}

fn through_a_link() -> Vec<u8> {
    spoilt(|f| {
        f.entries.insert(1, special("bin", EntryType::Symlink, "/etc"));
        f.entries.insert(2, special("data", EntryType::Symlink, "bin"));
    })
}

fn mode(header: u32, listed: &str) -> Vec<u8> {
    spoilt(|f| {
        f.entries[1].header.set_mode(header);
        f.record(1)["mode"] = json!(listed);
    })
}

fn wrong_digest() -> Vec<u8> {
    spoilt(|f| f.entries[1].content[0] ^= 1)
}

fn wrong_size() -> Vec<u8> {
    spoilt(|f| f.entries[1].header.set_size(9))
}

fn declared(size: u64) -> Vec<u8> {
    spoilt(|f| f.record(1)["size"] = json!(size))
}

fn together() -> Vec<u8> {
    spoilt(|f| (0..3).for_each(|n| f.record(n)["size"] = json!(3u64 << 30)))
}

fn many() -> Vec<u8> {
    spoilt(|f| {
        let record = f.record(2).clone();
        let files = f.manifest["files"].as_array_mut().unwrap();
        files.extend((0..100_000).map(|n| {
            let mut record = record.clone();
            record["path"] = json!(format!("data/y{n:06}"));
            record
        }));
    })
}

fn header(spoil: impl Fn(&mut tar::Header)) -> Vec<u8> {
    spoilt(|f| spoil(&mut f.entries[1].header))
}

fn recorded(kind: EntryType, record: &[u8]) -> crate::bundle::forge::Entry {
    let mut entry = file("x", 0o644, record);
    entry.header.set_entry_type(kind);
    entry
}

fn bomb() -> Vec<u8> {
    spoilt(|f| {
        let zeros = vec![0; 64 << 20];
        f.record(1)["size"] = json!(zeros.len());
        f.record(1)["sha256"] = json!(slipway::units::Digest::of(&zeros));
        f.entries[1] = file("bin/run", 0o755, &zeros);
    })
}

fn large_manifest() -> Vec<u8> {
    spoilt(|f| f.manifest["commit"] = json!("x".repeat(17 << 20)))
}

fn hidden() -> Vec<u8> {
    let mut tar = valid().tar();
    let end = tar.len() - 1024;
    tar[end - 1] = b'x';
    gzip(&tar)
}

fn behind_the_end() -> Vec<u8> {
    spoilt(|f| f.end.extend_from_slice(&[0; 512]))
}

fn one_zero_block() -> Vec<u8> {
    spoilt(|f| f.end.truncate(512))
}

fn damaged_header() -> Vec<u8> {
    let mut tar = valid().tar();
    tar[0] ^= 1;
    gzip(&tar)
}

fn damaged_stream() -> Vec<u8> {
    let mut bytes = valid().tgz();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    bytes
}

fn manifest_last() -> Vec<u8> {
    let forge = valid();
    let tar = forge.tar();
    let manifest_end = tar.len() - 1024 - 3 * 1024;
    gzip(&[&tar[manifest_end..tar.len() - 1024], &tar[..manifest_end], &[0; 1024]].concat())
}

#[test]
fn the_archive_that_the_cases_spoil_is_itself_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.tgz");
    std::fs::write(&path, valid().tgz()).unwrap();
    assert_eq!(Bundle::verify(&path).unwrap().manifest.files.len(), 3);
    // with the files that the builder writes into every bundle, it may also be used
    std::fs::write(&path, complete().tgz()).unwrap();
    let bundle = Bundle::verify(&path).unwrap();
    let unpacked = bundle::unpack(&bundle, folder.path()).unwrap();
    assert_eq!(unpacked.offsets.len(), 6);
}

#[test]
fn each_hostile_archive_is_refused_whole_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.tgz");
    std::fs::write(&path, valid().tgz()).unwrap();
    let good = Bundle::verify(&path).unwrap();
    for Case { proves, says, make } in CASES {
        std::fs::write(&path, make()).unwrap();
        let error = Bundle::verify(&path).expect_err(proves).to_string();
        assert!(error.contains(says), "{proves}: {error}");

        // as if a trusted pointer had named it
        let cache = tempfile::tempdir().unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        let bundle = Bundle { size, ..good.clone() };
        assert!(bundle::unpack(&bundle, cache.path()).is_err(), "{proves}");
        let left = std::fs::read_dir(cache.path().join("unpacked")).unwrap();
        let left: Vec<_> = left.map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, [".lock"], "{proves}");
    }
}

#[test]
fn an_archive_cut_or_changed_anywhere_is_refused_or_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.tgz");
    let bytes = valid().tgz();
    std::fs::write(&path, &bytes).unwrap();
    let good = Bundle::verify(&path).unwrap().manifest;
    for at in 0..bytes.len() {
        std::fs::write(&path, &bytes[..at]).unwrap();
        assert!(Bundle::verify(&path).is_err(), "cut at {at}");
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        std::fs::write(&path, &changed).unwrap();
        // gzip's own header has meaningless bytes (its time, its system)
        if let Ok(bundle) = Bundle::verify(&path) {
            assert_eq!(bundle.manifest, good, "changed at {at}");
        }
    }
}
