//! A bundle's path: site, archive, store, pin, cache, tree.

use std::path::{Path, PathBuf};

use slipway::blob::{self, Settings};
use slipway::bundle::{self, Bundle, Wanted};
use slipway::layer;
use slipway::progress::Quiet;
use slipway::tree::{Node, Tree};

use crate::common::vendor::{TIME, Vendor, name};

pub fn vendor() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo-vendor")
}

pub fn build(site: &Path, out: &Path, build: u32) -> Bundle {
    let request = bundle::Request {
        site,
        build,
        commit: Some("0123abcd".to_owned()),
        created: TIME,
        out,
        cache: &out.join("cache"),
        inputs: bundle::Inputs::default(),
    };
    bundle::build(&request, &Quiet).unwrap()
}

#[test]
fn a_site_is_built_published_resolved_fetched_and_laid_into_a_tree() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/store", folder.path().display());
    let built = build(&vendor().join("sites/tiny"), folder.path(), 7);
    let store = blob::open_for_publishing(&url, &Settings::default()).unwrap();
    let tiny = Vendor::of(&["tiny"]);
    let publisher = tiny.publisher(store.as_ref(), folder.path());
    publisher.publish(&built, &name("stable"), &Quiet).unwrap();

    let store = blob::open(&url, &Settings::default()).unwrap();
    let wanted = Wanted::Channel(name("stable"));
    let reader = tiny.reader(store.as_ref(), folder.path());
    let fetched = reader.pull(&name("tiny"), &wanted, &Quiet).unwrap();
    assert_eq!(fetched.digest, built.digest);
    assert_eq!(fetched.manifest, built.manifest);

    let code = layer::config::CODE;
    for _ in ["unpacked", "from the cache"] {
        let mut tree = Tree::new();
        let packs = layer::config::add(&mut tree, &fetched, code, folder.path(), TIME).unwrap();
        assert_eq!(packs.len(), 1);
        let link = tree.get(b"etc/puppet/code/environments/production").unwrap();
        assert_eq!(link.node, Node::Symlink(b"../releases/tiny-1.0.0+b7".to_vec()));
        let id = tree.file(b"etc/puppet/code/releases/tiny-1.0.0+b7/RELEASE_ID").unwrap();
        assert_eq!(&*id.read().unwrap(), b"tiny-1.0.0+b7\n");
    }
}

#[test]
fn a_damaged_cache_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/store", folder.path().display());
    let built = build(&vendor().join("sites/tiny"), folder.path(), 1);
    let store = blob::open_for_publishing(&url, &Settings::default()).unwrap();
    let tiny = Vendor::of(&["tiny"]);
    let publisher = tiny.publisher(store.as_ref(), folder.path());
    publisher.publish(&built, &name("stable"), &Quiet).unwrap();
    let store = blob::open(&url, &Settings::default()).unwrap();
    let wanted = Wanted::Version(built.manifest.version);
    let reader = tiny.reader(store.as_ref(), folder.path());
    let pull = || reader.pull(&name("tiny"), &wanted, &Quiet).unwrap();
    for place in ["bundles", "unpacked"] {
        let fetched = pull();
        bundle::unpack(&fetched, folder.path()).unwrap();
        let file = match place {
            "bundles" => fetched.path.clone(),
            _ => folder.path().join(format!("unpacked/{}/files.pack", built.digest)),
        };
        std::fs::write(&file, "damaged").unwrap();
        let fetched = pull();
        let unpacked = bundle::unpack(&fetched, folder.path()).unwrap();
        assert_ne!(std::fs::read(&file).unwrap(), b"damaged", "{place}");
        assert_eq!(unpacked.offsets.len(), fetched.manifest.files.len());
    }
}

#[test]
fn no_changed_bit_and_no_other_release_in_the_cache_reaches_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-r").arg(vendor().join("sites/tiny")).arg(&site).status().unwrap().success());
    let first = build(&site, &folder.path().join("one"), 1);
    // it has the same length: only its digest distinguishes it from the first
    let second = build(&site, &folder.path().join("two"), 2);
    let home = |bundle: &Bundle| folder.path().join("unpacked").join(bundle.digest.to_string());
    let contents = |bundle: &Bundle| -> Vec<Vec<u8>> {
        let unpacked = bundle::unpack(bundle, folder.path()).unwrap();
        let files = bundle.manifest.files.iter().zip(unpacked.offsets);
        let read = files.map(|(file, offset)| {
            let mut bytes = vec![0; file.size as usize];
            unpacked.pack.read_at(&mut bytes, offset).unwrap();
            bytes
        });
        read.collect()
    };
    let good = [&first, &second].map(contents);
    assert_ne!(good[0], good[1]);

    let aside = folder.path().join("aside");
    std::fs::rename(home(&first), &aside).unwrap();
    std::fs::rename(home(&second), home(&first)).unwrap();
    std::fs::rename(&aside, home(&second)).unwrap();
    assert_eq!([&first, &second].map(contents), good, "swapped");

    for entry in std::fs::read_dir(home(&first)).unwrap() {
        let path = entry.unwrap().path();
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            std::fs::write(&path, changed).unwrap();
            assert_eq!(contents(&first), good[0], "byte {at} of {}", path.display());
        }
    }
}

#[test]
fn a_bundle_unpacked_by_many_at_once_is_the_same_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let built = build(&vendor().join("sites/tiny"), folder.path(), 1);
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                let unpacked = bundle::unpack(&built, folder.path()).unwrap();
                assert_eq!(unpacked.pack.length() % 4096, 0);
            });
        }
    });
    // the bundle and the lock
    assert_eq!(std::fs::read_dir(folder.path().join("unpacked")).unwrap().count(), 2);
}

#[test]
fn another_build_under_a_published_number_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/store", folder.path().display());
    let store = blob::open_for_publishing(&url, &Settings::default()).unwrap();
    let tiny = Vendor::of(&["tiny"]);
    for (site, accepted) in [("tiny", true), ("tiny", true), ("changed", false)] {
        let source = match site {
            "changed" => {
                let copy = folder.path().join("changed");
                std::fs::create_dir_all(copy.join("manifests")).unwrap();
                let tiny = vendor().join("sites/tiny");
                std::fs::copy(tiny.join("SITE.toml"), copy.join("SITE.toml")).unwrap();
                std::fs::write(
                    copy.join("manifests/site.pp"),
                    "include slipway::sentinel\nnotice('other')\n",
                )
                .unwrap();
                copy
            }
            _ => vendor().join("sites/tiny"),
        };
        let built = build(&source, folder.path(), 1);
        let publisher = tiny.publisher(store.as_ref(), folder.path());
        let done = publisher.publish(&built, &name("stable"), &Quiet);
        assert_eq!(done.is_ok(), accepted, "{done:?}");
    }
}
