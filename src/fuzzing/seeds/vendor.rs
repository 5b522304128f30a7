//! Seeds for vendors' packages and repositories.

use std::path::Path;

use super::{put, read, run, text};
use crate::app::{AppName, Channel, Index, archive};
use crate::units::Digest;

pub(super) fn vendor(at: &Path) {
    let json = r#"{"name": "ui", "version": "1.2.0-rc.1", "gitHead": "abc-dirty", "dependencies": {"@a/b": "^1"}, "bundleDependencies": ["@a/b"]}"#;
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0node_register_module_v108";
    let files: [(&str, &[u8]); 4] = [
        ("package/package.json", json.as_bytes()),
        ("package/node_modules/@a/b/package.json", br#"{"optionalDependencies": {"c": "1"}}"#),
        ("package/node_modules/@a/b/prebuilds/linux-x64/b.node", elf),
        ("package/node_modules/@a/b/binding.gyp", b"{}"),
    ];
    let member = |bytes: &[u8]| archive::Member { executable: false, bytes: bytes.to_vec() };
    let files = files.map(|(path, bytes)| (path.to_owned(), member(bytes))).into();
    let packed = at.join("app.tgz");
    archive::write(&files, &packed).unwrap();
    put("app", Some(1), "packed", &read(&packed));
    let mut plain = Vec::new();
    let mut gz = flate2::read::GzDecoder::new(std::fs::File::open(&packed).unwrap());
    std::io::Read::read_to_end(&mut gz, &mut plain).unwrap();
    put("app", Some(0), "plain", &plain);
    let lock = r#"{"lockfileVersion": 3, "packages": {"": {}, "node_modules/@a/b": {"version": "1.0.0", "hasInstallScript": true}, "node_modules/u": {"resolved": "../u", "link": true, "dev": true}}}"#;
    put("app", Some(2), "lock", lock.as_bytes());
    let (app, channel): (AppName, Channel) = ("ui".parse().unwrap(), Channel::default());
    let mut index: serde_json::Value =
        serde_json::from_slice(&Index::new(&app, &channel).json().unwrap()).unwrap();
    index["versions"] = serde_json::json!([{
        "version": "1.2.0-rc.1", "sha256": Digest::of("a"), "size": 7, "commit": "abc",
        "native": [{ "path": "package/b.node", "platform": "linux-x64", "abi": { "node": 108 } }],
        "published": "2026-11-23T15:00:00Z",
    }]);
    let index = serde_json::to_vec(&index).unwrap();
    Index::parse(&index, &app, &channel).unwrap();
    put("app", Some(3), "index", &index);

    let module = at.join("acme-x-1.0.0");
    std::fs::create_dir_all(module.join("manifests")).unwrap();
    std::fs::write(module.join("manifests/init.pp"), "class x {}\n").unwrap();
    std::fs::write(module.join("metadata.json"), "{}\n").unwrap();
    let tar = at.join("module.tar");
    run("tar", &["--sort=name", "-b1", "-C", text(at), "-cf", text(&tar), "acme-x-1.0.0"]);
    put("vendor", Some(0), "module", &read(&tar));
    let data = "---\na: &x {b: 1}\nc:\n  - <<: *x\n  - !!str |\n    text\n\"d\": 'e'\n";
    put("vendor", Some(1), "yaml", data.as_bytes());
    let levels = "version: 5\ndefaults: {datadir: data}\nhierarchy:\n  - name: a\n    path: common.yaml\n  - name: b\n    globs: [\"os/%{facts.os.family}/*.yaml\"]\n";
    put("vendor", Some(2), "hiera", levels.as_bytes());
    for (name, url) in [
        ("azure", "azure://acme/bundles/a/b/"),
        ("https", "https://h:8443/a%20b/"),
        ("file", "file:///srv/store"),
    ] {
        put("vendor", Some(3), name, url.as_bytes());
    }
}
