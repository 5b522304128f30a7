//! Files that slipway 0.1.0 left in a store and in a cache stay readable for ever, and are written
//! again byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use slipway::blob;
use slipway::bundle::{BundleReader, Name, Place, Pointer, Wanted};
use slipway::key::Trust;
use slipway::progress::Quiet;
use slipway::signed::{Allow, Channel, Claim, Memory, Names, Refusal, sign};
use slipway::units::Timestamp;

use crate::common::servers::settings;
use crate::common::vendor::{Vendor, name};
use crate::signed::place::{opened, snapshot, stable};

/// The store's address when the cache remembered it.
const STORE: &str = "file:///srv/slipway-records";
const CHANNEL: Channel<'static> = Channel { site: "tiny", name: "stable" };

fn records() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/bundles")
}

fn trust() -> Trust {
    Trust::read(&records().join("allowed_signers")).unwrap()
}

/// A moment at which the pointers are valid.
fn then() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

/// A copy of one of the records' folders, because a reader may write there.
fn copy(what: &str) -> tempfile::TempDir {
    let (from, to) = (records().join(what), tempfile::tempdir().unwrap());
    for (path, bytes) in snapshot(&from) {
        let path = to.path().join(path.strip_prefix(&from).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    to
}

fn object(name: &str) -> Vec<u8> {
    fs::read(records().join(name)).unwrap()
}

#[test]
fn releases_that_were_pulled_long_ago_are_there_without_a_network() {
    let (cache, trust) = (copy("cache"), trust());
    let reader = BundleReader {
        place: Place::Offline(STORE),
        cache: cache.path(),
        trust: &trust,
        now: then(),
        allow: Allow::default(),
        largest: 0,
    };
    let pull = |wanted: &Wanted| reader.pull(&name("tiny"), wanted, &Quiet).unwrap();
    assert_eq!(pull(&stable()).manifest.release, "tiny-1.0.0+b2");
    let version = Wanted::Version("1.0.0+b1".parse().unwrap());
    assert_eq!(pull(&version).manifest.release, "tiny-1.0.0+b1");
}

#[test]
fn a_store_of_long_ago_is_read_and_what_was_seen_of_it_still_counts() {
    let (store, cache, trust) = (copy("store"), copy("cache"), trust());
    let url = format!("file://{}", store.path().display());
    let store = blob::open(&url, &settings(&[])).unwrap();
    let reader = BundleReader {
        place: Place::Store(store.as_ref()),
        cache: cache.path(),
        trust: &trust,
        now: then(),
        allow: Allow::default(),
        largest: 1 << 20,
    };
    let site: Name = name("tiny");
    let bundle = reader.pull(&site, &stable(), &Quiet).unwrap();
    assert_eq!(bundle.manifest.release, "tiny-1.0.0+b2");
    let late = BundleReader { now: "2027-03-01T00:00:00Z".parse().unwrap(), ..reader };
    let refused = late.pull(&site, &stable(), &Quiet).unwrap_err();
    assert!(matches!(Refusal::of(&refused), Some(Refusal::Expired { .. })), "{refused:?}");
    // the earlier pointer, against what was remembered then
    let names = Names::of(STORE).unwrap();
    let found = Memory::<Pointer>::new(cache.path(), &names, CHANNEL).read().unwrap();
    let seen = found.newest(&trust, then());
    assert_eq!((seen.map(|seen| seen.seq), found.damage()), (Some(2), None));
    let before = Claim::<Pointer>::parse(&object("stable-before.json")).unwrap();
    let before = before.verify(&trust, CHANNEL, then()).unwrap();
    let refused = before.accept(seen, Allow::default(), then()).unwrap_err();
    assert_eq!(refused, Refusal::Older { seq: 1, seen: 2 });
}

#[test]
fn a_pointer_and_what_is_remembered_of_it_are_written_as_they_were() {
    let (theirs, trust) = (object("store/channels/tiny/stable.json"), trust());
    let claim = Claim::<Pointer>::parse(&theirs).unwrap();
    let (text, signatures) = opened(&theirs);
    assert_eq!(serde_json::to_string(&claim.peek().unwrap()).unwrap(), text);
    // with another key, because theirs no longer exists: everything except the signature is the
    // same
    let ours = sign(claim.peek().unwrap(), &Vendor::of(&["tiny"]).key).unwrap().bytes;
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let same = String::from_utf8(ours.clone()).unwrap();
    let same = same.replace(&json(&opened(&ours).1[0]), &json(&signatures[0]));
    assert_eq!(same.into_bytes(), theirs);

    let kept = copy("cache");
    let names = Names::of(STORE).unwrap();
    let last = Memory::<Pointer>::new(kept.path(), &names, CHANNEL).read().unwrap();
    let tag = last.last().unwrap().tag();
    let accepted = claim.verify(&trust, CHANNEL, then()).unwrap();
    let accepted = accepted.accept(None, Allow::default(), then()).unwrap();
    let again = tempfile::tempdir().unwrap();
    let memory = Memory::<Pointer>::new(again.path(), &names, CHANNEL);
    memory.keep(&accepted, tag.as_ref(), &trust, then()).unwrap();
    let files = |folder: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let below = |path: &Path| path.strip_prefix(folder).unwrap().to_owned();
        let all = snapshot(&folder.join("channels")).into_iter();
        all.map(|(path, bytes)| (below(&path), bytes)).collect()
    };
    assert_eq!(files(again.path()), files(kept.path()));
}
