//! The contents of a vendor's packages and repositories: apps, modules, Hiera data, addresses of
//! stores.

use std::io::Write;
use std::path::Path;

use super::choice;
use super::memory::Memory;
use super::mend;
use crate::app::{App, AppName, Channel, Index, archive, lock};
use crate::blob::address::Address;
use crate::bundle::build::check::{hiera, yaml};
use crate::bundle::build::files::{FileBody, Files};
use crate::bundle::build::untar;

/// Packed applications, and what npm and a store say about them.
pub fn app(data: &[u8]) {
    let (choice, data) = choice(data);
    match choice % 4 {
        0 => package(&packed(data)),
        1 => package(&Memory::of(data)),
        2 => locks(data),
        _ => index(data),
    }
}

/// A tar with corrected checksums, as gzip.
fn packed(tar: &[u8]) -> Memory {
    let mut bytes = tar.to_vec();
    mend::tar(&mut bytes);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gz.write_all(&bytes).expect("memory");
    Memory::of(&gz.finish().expect("memory"))
}

fn package(file: &Memory) {
    let Ok(app) = App::open(file.path()) else { return };
    assert_eq!(app.size, file.length());
    assert!(!app.file_name().contains('/'), "a file's name is no path");
    let held = archive::read(file.path()).expect("what was opened reads");
    let again = tempfile::NamedTempFile::new().expect("a file");
    archive::write(&held.files, again.path()).expect("what was read can be written");
    let again = archive::read(again.path()).expect("what was written reads");
    assert_eq!(again.files, held.files);
}

fn locks(data: &[u8]) {
    let _ = lock::check(data);
    if let Ok(found) = lock::installed(Some(data)) {
        assert!(found.top.len() <= found.folders.len(), "a package has a folder");
    }
}

fn index(data: &[u8]) {
    let (name, channel): (AppName, Channel) = ("ui".parse().expect("a name"), Channel::default());
    let Ok(index) = Index::parse(data, &name, &channel) else { return };
    let text = index.json().expect("JSON");
    assert_eq!(Index::parse(&text, &name, &channel).expect("what was written reads"), index);
}

/// The contents of a configuration repository, except code in Puppet's own language.
pub fn vendor(data: &[u8]) {
    let (choice, data) = choice(data);
    let text = String::from_utf8_lossy(data);
    match choice % 4 {
        0 => module(data),
        1 => drop(yaml::parse(&text)),
        2 => hierarchy(data),
        _ => address(&text),
    }
}

/// A module's archive. Whatever is in it, nothing appears outside the folder that it is unpacked
/// into, and only folders and regular files appear inside.
fn module(tar: &[u8]) {
    let mut bytes = tar.to_vec();
    mend::tar(&mut bytes);
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("module");
    std::fs::create_dir(&folder).expect("a folder");
    let unpacked = untar::unpack(&bytes[..], untar::Around::Folder, &folder).is_ok();
    assert_eq!(std::fs::read_dir(outer.path()).expect("a folder").count(), 1, "beside the module");
    if unpacked {
        assert_plain(&folder);
    }
}

fn assert_plain(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = path.symlink_metadata().expect("an entry").file_type();
        assert!(kind.is_dir() || kind.is_file(), "{} is neither", path.display());
        if kind.is_dir() {
            assert_plain(&path);
        }
    }
}

/// A site's hiera.yaml, beside the data that a usual one names.
fn hierarchy(data: &[u8]) {
    let mut files = Files::default();
    for (path, bytes) in [("hiera.yaml", data), ("data/common.yaml", b"a: 1\n")] {
        files.add(path.to_owned(), 0o644, FileBody::Bytes(bytes.to_vec())).expect("a file");
    }
    let _ = hiera::check(&files, &[], hiera::Judge::Ours);
}

fn address(text: &str) {
    let Ok(address) = Address::parse(text) else { return };
    let shown = address.to_string();
    assert_eq!(Address::parse(&shown).expect("what is shown can be written"), address);
}
