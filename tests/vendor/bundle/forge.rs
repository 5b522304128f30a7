//! Makes archives by hand, including some that no builder makes.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use slipway::units::Digest;
use tar::{EntryType, Header};

/// One entry, before it becomes bytes.
#[derive(Clone)]
pub struct Entry {
    pub header: Header,
    pub content: Vec<u8>,
}

/// An archive that can be corrupted before it becomes bytes.
#[derive(Clone)]
pub struct Forge {
    pub manifest: Value,
    pub entries: Vec<Entry>,
    /// The end of the tar.
    pub end: Vec<u8>,
}

/// A valid bundle of site `evil` with three files.
pub fn valid() -> Forge {
    let files: [(&str, u32, &[u8]); 3] = [
        ("RELEASE_ID", 0o644, b"evil-1.0.0+b1\n"),
        ("bin/run", 0o755, b"#!/bin/sh\n"),
        ("data/x.yaml", 0o644, b"---\n"),
    ];
    let records: Vec<Value> = files
        .iter()
        .map(|(path, mode, content)| {
            json!({ "path": path, "sha256": Digest::of(content), "size": content.len(), "mode": format!("{mode:04o}") })
        })
        .collect();
    let manifest = json!({
        "format": 1, "site": "evil", "version": "1.0.0+b1", "release": "evil-1.0.0+b1",
        "created": "2026-01-01T00:00:00Z", "min_builder": "0.1.0", "needs": {}, "health": [],
        "modules": [], "apps": [], "files": records,
    });
    let entries = files.iter().map(|(path, mode, content)| file(path, *mode, content)).collect();
    Forge { manifest, entries, end: vec![0; 1024] }
}

/// [`valid`] with what `slipway bundle build` writes into every bundle.
pub fn complete() -> Forge {
    let mut forge = valid();
    let facts = "{\n  \"slipway::apps\": {},\n  \"slipway::release\": \"evil-1.0.0+b1\"\n}\n";
    let environment = "config_version = /bin/cat $codedir/environments/$environment/RELEASE_ID\n";
    for (at, path, text) in [
        (2, "data/slipway.yaml", facts),
        (4, "environment.conf", environment),
        (5, "manifests/site.pp", "include slipway::sentinel\n"),
    ] {
        let record =
            json!({ "path": path, "sha256": Digest::of(text), "size": text.len(), "mode": "0644" });
        forge.manifest["files"].as_array_mut().unwrap().insert(at, record);
        forge.entries.insert(at, file(path, 0o644, text.as_bytes()));
    }
    forge
}

/// A regular file. The name is stored unchecked, so it can be anything.
pub fn file(path: &str, mode: u32, content: &[u8]) -> Entry {
    let mut header = Header::new_ustar();
    name(&mut header, path.as_bytes());
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    header.set_entry_type(EntryType::Regular);
    Entry { header, content: content.to_vec() }
}

/// An entry of another kind that points to `target`.
pub fn special(path: &str, kind: EntryType, target: &str) -> Entry {
    let mut entry = file(path, 0o644, b"");
    entry.header.set_entry_type(kind);
    let link = &mut entry.header.as_old_mut().linkname;
    link[..target.len()].copy_from_slice(target.as_bytes());
    entry
}

/// Writes a name's bytes, whatever they are.
pub fn name(header: &mut Header, path: &[u8]) {
    let field = &mut header.as_old_mut().name;
    field.fill(0);
    field[..path.len()].copy_from_slice(path);
}

impl Forge {
    /// An entry's record in the manifest.
    pub fn record(&mut self, index: usize) -> &mut Value {
        &mut self.manifest["files"][index]
    }

    /// Gives an entry and its record another name.
    pub fn rename(&mut self, index: usize, path: &str) {
        name(&mut self.entries[index].header, path.as_bytes());
        self.record(index)["path"] = json!(path);
    }

    /// The tar.
    pub fn tar(&self) -> Vec<u8> {
        let manifest = serde_json::to_vec(&self.manifest).unwrap();
        let mut tar = Vec::new();
        for entry in std::iter::once(&file("MANIFEST.json", 0o644, &manifest)).chain(&self.entries)
        {
            let mut header = entry.header.clone();
            header.set_cksum();
            tar.extend_from_slice(header.as_bytes());
            tar.extend_from_slice(&entry.content);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar.extend_from_slice(&self.end);
        tar
    }

    /// The .tgz.
    pub fn tgz(&self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}
