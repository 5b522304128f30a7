//! The way of a bundle: site, archive, store, pin, cache, tree.

use std::path::{Path, PathBuf};

use slipway::bundle::{self, Bundle, Name, Wanted};
use slipway::progress::Quiet;
use slipway::tree::{Node, Tree};
use slipway::units::Timestamp;
use slipway::{blob, layer};

pub const TIME: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 0 };

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
    };
    bundle::build(&request, &Quiet).unwrap()
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_site_is_built_published_resolved_fetched_and_laid_into_a_tree() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/store", folder.path().display());
    let built = build(&vendor().join("sites/tiny"), folder.path(), 7);
    let store = blob::open_for_publishing(&url).unwrap();
    bundle::publish(store.as_ref(), &built, &name("stable"), TIME).unwrap();

    let store = blob::open(&url).unwrap();
    let wanted = Wanted::Channel(name("stable"));
    let pin = bundle::resolve(store.as_ref(), &name("tiny"), &wanted, &Quiet).unwrap();
    assert_eq!((pin.release.as_str(), pin.digest), ("tiny-1.0.0+b7", built.digest));
    let fetched = bundle::fetch(store.as_ref(), &pin, folder.path(), &Quiet).unwrap();
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
