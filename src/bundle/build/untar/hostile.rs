//! Archives of modules as somebody hostile makes them. The index: one line a case, saying what is proven to
//! be refused. What holds for every .tar.gz (bombs, checksums) is proven in `gzip` once more.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use flate2::{Compression, write::GzEncoder};
use tar::EntryType;

use super::*;

/// What is proven, a part of the error, the archive.
type Case = (&'static str, &'static str, fn() -> Vec<u8>);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("an absolute path", "absolute", || regular(b"/etc/passwd")),
    ("a path that begins outside", "\"..\"", || regular(b"../m/x")),
    ("a path that climbs out", "\"..\"", || regular(b"m/../../x")),
    ("a path that ends outside", "\"..\"", || regular(b"m/..")),
    ("a path with an empty part", "empty part", || regular(b"m//x")),
    ("a file outside of the release's folder", "empty", || regular(b"alone")),
    ("a control character in a name", "control character", || regular(b"m/a\nb")),
    ("a name that is not UTF-8", "not UTF-8", || regular(b"m/\xff")),
    ("a symbolic link", "no regular file", || special(EntryType::Symlink)),
    ("a hard link", "no regular file", || special(EntryType::Link)),
    ("a character device", "no regular file", || special(EntryType::Char)),
    ("a block device", "no regular file", || special(EntryType::Block)),
    ("a named pipe", "no regular file", || special(EntryType::Fifo)),
    ("a sparse file", "", || special(EntryType::GNUSparse)),
    ("a file written through a link", "no regular file", || tgz(&[entry(b"m/d", EntryType::Symlink, b""), entry(b"m/d/x", EntryType::Regular, b"")])),
    ("a name twice", "cannot create", || tgz(&[entry(b"m/x", EntryType::Regular, b"1"), entry(b"m/x", EntryType::Regular, b"2")])),
    ("a file below a file", "cannot create", || tgz(&[entry(b"m/x", EntryType::Regular, b""), entry(b"m/x/y", EntryType::Regular, b"")])),
    ("a pax record that renames", "\"..\"", || renamed(EntryType::XHeader, b"23 path=m/../../passwd\n")),
    ("a GNU long name that renames", "\"..\"", || renamed(EntryType::GNULongName, b"m/../../passwd\0")),
    ("a pax record that says a size of a terabyte", "another size", || renamed(EntryType::XHeader, b"22 size=1099511627776\n")),
    ("a pax record that makes the next header content", "another size", || renamed(EntryType::XHeader, b"12 size=512\n")),
    ("a size beyond the limit in what is left out", "over", large_and_left_out),
    ("more entries than there may be", "over", || tgz(&vec![entry(b"m/d/", EntryType::Directory, b""); MOST + 1])),
    ("bytes behind the tar's end", "goes on", || gzip(&[good(), b"x".to_vec()].concat())),
    ("bytes behind the gzip member", "goes on", || [gzip(&good()), b"x".to_vec()].concat()),
    ("a second gzip member", "goes on", || [gzip(&good()), gzip(&good())].concat()),
    ("a truncated gzip", "the end", || { let mut all = gzip(&good()); all.pop(); all }),
    ("a cut tar", "", || gzip(&good()[..700])),
    ("a wrong checksum", "the end", || { let mut all = gzip(&good()); let n = all.len(); all[n - 6] ^= 1; all }),
    ("no gzip at all", "", good),
    ("a second folder beside the release's", "one folder", || tgz(&[entry(b"m/x", EntryType::Regular, b""), entry(b"n/x", EntryType::Regular, b"")])),
    ("a tar that was cut at a member's boundary", "ends too early", || gzip(&good()[..1024])),
    ("an archive without a byte in it", "ends too early", || gzip(b"")),
    ("a sparse file in pax records", "sparse", || renamed(EntryType::XHeader, b"22 GNU.sparse.major=1\n")),
    ("a damaged pax record", "PAX record", || renamed(EntryType::XHeader, b"99 path=m/x\n")),
    ("a character that turns text in a name", "turns or hides", || regular("m/a\u{202e}b".as_bytes())),
    ("folders in folders without an end", "too deep", || renamed(EntryType::XHeader, format!("619 path=m/{}x\n", "d/".repeat(303)).as_bytes())),
    ("more folders than there may be, in the names of few files", "over", many_folders),
];

fn entry(name: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_mode(0o4755);
    header.set_size(content.len() as u64);
    header.set_entry_type(kind);
    header.set_cksum();
    let mut bytes = [header.as_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(tar).unwrap();
    gz.finish().unwrap()
}

fn tgz(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&[entries.concat(), vec![0; 1024]].concat())
}

fn good() -> Vec<u8> {
    [entry(b"m/x", EntryType::Regular, b"x"), vec![0; 1024]].concat()
}

fn regular(name: &[u8]) -> Vec<u8> {
    tgz(&[entry(name, EntryType::Regular, b"")])
}

fn special(kind: EntryType) -> Vec<u8> {
    tgz(&[entry(b"m/files/x", kind, b"")])
}

fn renamed(kind: EntryType, record: &[u8]) -> Vec<u8> {
    tgz(&[
        entry(b"m/x", kind, record),
        entry(b"m/y", EntryType::Regular, b""),
        entry(b"m/z", EntryType::Symlink, b""),
    ])
}

fn large_and_left_out() -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..6].copy_from_slice(b"m/spec");
    header.set_size(LARGEST + 1);
    header.set_cksum();
    gzip(header.as_bytes())
}

/// 700 files, each in thirty folders of its own.
fn many_folders() -> Vec<u8> {
    let name = |n: u32| format!("m/{n}/{}x", "d/".repeat(30));
    let entries: Vec<Vec<u8>> =
        (0..700).map(|n| entry(name(n).as_bytes(), EntryType::Regular, b"")).collect();
    tgz(&entries)
}

fn unpacked(tgz: &[u8]) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    unpack_gz(tgz, Around::Folder, folder.path())?;
    Ok(folder)
}

#[test]
fn each_hostile_module_is_refused() {
    for (proves, says, make) in CASES {
        let error = unpacked(&make()).expect_err(proves).to_string();
        assert!(error.contains(says), "{proves}: {error}");
    }
}

#[test]
fn a_release_whose_names_begin_with_a_dot_and_a_slash_is_unpacked_alike() {
    let folder = unpacked(&tgz(&[
        entry(b"./", EntryType::Directory, b""),
        entry(b"./a-x-1.0.0/", EntryType::Directory, b""),
        entry(b"./a-x-1.0.0/files/.htaccess", EntryType::Regular, b"x"),
        entry(b"./a-x-1.0.0/.fixtures.yml", EntryType::Regular, b"x"),
    ]))
    .unwrap();
    assert_eq!(fs::read(folder.path().join("files/.htaccess")).unwrap(), b"x");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_release_is_unpacked_without_its_own_folder_and_without_what_no_machine_needs() {
    let folder = unpacked(&tgz(&[
        entry(b"a-x-1.0.0/", EntryType::Directory, b""),
        entry(b"a-x-1.0.0/manifests/init.pp", EntryType::Regular, b"class x {}"),
        entry(b"a-x-1.0.0/spec/fixtures/link", EntryType::Symlink, b""),
    ]))
    .unwrap();
    let file = folder.path().join("manifests/init.pp");
    assert_eq!(fs::read(&file).unwrap(), b"class x {}");
    assert!(!folder.path().join("spec").exists());
    // set-user-id is not taken over
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o755);
}
