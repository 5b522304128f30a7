//! Releases that are requested by version: the bundle's own signature counts.

use slipway::blob;
use slipway::bundle::{BundleReader, Place as Where, Refusal, Wanted};
use slipway::error::Kind;
use slipway::key::Distrust;
use slipway::progress::Quiet;

use crate::common::vendor::{Vendor, name};
use crate::signed::place::{Place, build, get, key, overwrite, stable, why};

fn wanted(build: u32) -> Wanted {
    Wanted::Version(format!("1.0.0+b{build}").parse().unwrap())
}

fn each_is_refused(place: &Place) {
    let store = place.store();
    let store = store.as_ref();
    let vendor = Vendor::of(&["tiny"]);
    let publisher = vendor.publisher(store, place.folder.path());
    let bundles = [build(place.folder.path(), 1), build(place.folder.path(), 2)];
    for bundle in &bundles {
        publisher.publish(bundle, &name("nightly"), &Quiet).unwrap();
    }
    let names: Vec<_> = bundles
        .iter()
        .map(|b| format!("bundles/tiny/{}.{}.tgz.sig", b.manifest.release, b.digest))
        .collect();
    let record = |n: u32| key(&format!("bundles/tiny/tiny-1.0.0+b{n}.json"));
    // with a new cache each time: cached files are not requested again
    let pull = |n: u32| {
        let cache = tempfile::tempdir().unwrap();
        vendor.reader(store, cache.path()).pull(&name("tiny"), &wanted(n), &Quiet)
    };
    assert_eq!(pull(1).unwrap().digest, bundles[0].digest);

    let (one, two) = (get(store, &key(&names[0])), get(store, &key(&names[1])));
    overwrite(store, &key(&names[0]), &two);
    let swapped = pull(1).unwrap_err();
    assert!(
        matches!(why(&swapped), Refusal::Distrusted(Distrust::OtherBytes { .. })),
        "{swapped:?}"
    );
    overwrite(store, &key(&names[0]), &one[..one.len() / 2]);
    let cut = pull(1).unwrap_err();
    assert!(matches!(why(&cut), Refusal::Distrusted(Distrust::Malformed(_))), "{cut:?}");
    overwrite(store, &key(&names[0]), &one);

    // the second's record says that its bytes are the first's, which are correctly signed
    let first = String::from_utf8(get(store, &record(1))).unwrap();
    overwrite(store, &record(2), first.replace("1.0.0+b1", "1.0.0+b2").as_bytes());
    let missing = pull(2).unwrap_err();
    assert_eq!(why(&missing), Refusal::NotSigned, "{missing:?}");
    let moved = format!("bundles/tiny/tiny-1.0.0+b2.{}.tgz", bundles[0].digest);
    blob::create(store, &key(&moved), &bundles[0].path, &Quiet).unwrap();
    overwrite(store, &key(&format!("{moved}.sig")), &one);
    let other = pull(2).unwrap_err();
    assert_eq!(why(&other), Refusal::OtherRelease { found: "tiny-1.0.0+b1".to_owned() });
    overwrite(store, &record(2), first.as_bytes());
    assert!(matches!(why(&pull(2).unwrap_err()), Refusal::OtherRelease { .. }));
}

#[test]
fn a_pinned_release_is_taken_by_its_own_signature_alone() {
    Place::both("pinned").iter().for_each(each_is_refused);
}

#[test]
fn a_record_that_nobody_signed_says_no_more_than_a_limit() {
    for place in Place::both("limits") {
        let (store, cache) = (place.store(), place.cache("cache"));
        let store = store.as_ref();
        let vendor = Vendor::of(&["tiny"]);
        let bundle = build(place.folder.path(), 1);
        vendor.publisher(store, &cache).publish(&bundle, &name("stable"), &Quiet).unwrap();
        let small = BundleReader { largest: bundle.size - 1, ..vendor.reader(store, &cache) };
        let error = small.pull(&name("tiny"), &wanted(1), &Quiet).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error:?}");
        assert!(error.find_remedy().unwrap().contains("SLIPWAY_BUNDLE_LIMIT"), "{error:?}");
        assert!(!cache.join("bundles").exists());

        // a record that promises more than there should be, and a store that delivers it
        let object = key(&format!("bundles/tiny/tiny-1.0.0+b1.{}.tgz", bundle.digest));
        let record = key("bundles/tiny/tiny-1.0.0+b1.json");
        let text = String::from_utf8(get(store, &record)).unwrap();
        let long = text.replace(&format!("\"size\": {}", bundle.size), "\"size\": 300000");
        assert_ne!(long, text);
        overwrite(store, &record, long.as_bytes());
        overwrite(store, &object, &[0; 300_000]);
        let reader = vendor.reader(store, &cache);
        let error = reader.pull(&name("tiny"), &wanted(1), &Quiet).unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged, "{error:?}");
        let left: Vec<_> = std::fs::read_dir(cache.join("bundles")).unwrap().flatten().collect();
        assert!(left.iter().all(|e| e.path().extension().unwrap() == "sig"), "{left:?}");
        // the channel's pointer states the size, and is signed: no limit applies there
        overwrite(store, &object, &std::fs::read(&bundle.path).unwrap());
        assert_eq!(small.pull(&name("tiny"), &stable(), &Quiet).unwrap().digest, bundle.digest);
    }
}

#[test]
fn bytes_that_are_not_the_signed_ones_never_reach_the_cache() {
    for place in Place::both("bytes") {
        let (store, cache) = (place.store(), place.cache("cache"));
        let store = store.as_ref();
        let vendor = Vendor::of(&["tiny"]);
        let bundle = build(place.folder.path(), 1);
        vendor.publisher(store, &cache).publish(&bundle, &name("stable"), &Quiet).unwrap();
        let object = key(&format!("bundles/tiny/tiny-1.0.0+b1.{}.tgz", bundle.digest));
        let mut bytes = get(store, &object);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        overwrite(store, &object, &bytes);
        for wanted in [stable(), wanted(1)] {
            let reader = vendor.reader(store, &cache);
            let error = reader.pull(&name("tiny"), &wanted, &Quiet).unwrap_err();
            assert_eq!(error.kind(), Kind::Damaged, "{error:?}");
        }
        assert!(!cache.join(format!("bundles/{}.tgz", bundle.digest)).exists());
    }
}

#[test]
fn a_pinned_release_is_there_without_a_network_once_it_was_pulled() {
    let [place, _] = Place::both("offline");
    let (store, cache) = (place.store(), place.cache("cache"));
    let vendor = Vendor::of(&["tiny"]);
    let bundle = build(place.folder.path(), 1);
    vendor.publisher(store.as_ref(), &cache).publish(&bundle, &name("x"), &Quiet).unwrap();
    let online = vendor.reader(store.as_ref(), &cache);
    let shown = blob::shown(&place.url).unwrap();
    let offline = BundleReader { place: Where::Offline(&shown), ..online };
    let before = offline.pull(&name("tiny"), &wanted(1), &Quiet).unwrap_err();
    assert_eq!(before.kind(), Kind::NotFound, "{before:?}");
    online.pull(&name("tiny"), &wanted(1), &Quiet).unwrap();
    assert_eq!(offline.pull(&name("tiny"), &wanted(1), &Quiet).unwrap().digest, bundle.digest);
    // a key that is no longer trusted is not believed without a network either
    let stranger = Vendor::of(&["tiny"]);
    let reader = BundleReader { trust: &stranger.trust, ..offline };
    assert_eq!(reader.pull(&name("tiny"), &wanted(1), &Quiet).unwrap_err().kind(), Kind::NotFound);
}
