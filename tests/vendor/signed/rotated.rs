//! Two keys: both are valid during a rotation, but the old one is not afterwards.

use slipway::bundle::{BundleReader, Refusal, Wanted};
use slipway::key::{Distrust, SecretKey};
use slipway::progress::Quiet;
use slipway::units::Timestamp;

use crate::common::vendor::{TIME, Vendor, name};
use crate::signed::place::{
    Place, build, envelope, get, opened, overwrite, pointer, sign, stable, why,
};

const LATER: Timestamp = Timestamp { seconds: TIME.seconds + 86_400, nanos: 0 };

fn rotate(place: &Place) {
    let (store, cache) = (place.store(), place.cache("cache"));
    let store = store.as_ref();
    let mut old = Vendor::of(&["tiny"]);
    let new = SecretKey::generate("new").unwrap();
    let bundle = build(place.folder.path(), 1);
    old.publisher(store, &cache).publish(&bundle, &name("stable"), &Quiet).unwrap();
    let first = get(store, &pointer("stable"));

    // both are trusted, the old one for a day
    old.trust.succeed(&old.key.public(), &new.public(), TIME).unwrap();
    old.trust.end(&old.key.public(), LATER).unwrap();
    let pull = |vendor: &Vendor, now, wanted: &Wanted| {
        let reader = BundleReader { now, ..vendor.reader(store, &cache) };
        reader.pull(&name("tiny"), wanted, &Quiet)
    };
    pull(&old, TIME, &stable()).unwrap();
    let renewed = Vendor { key: new, trust: old.trust.clone() };
    let pinned = Wanted::Version("1.0.0+b1".parse().unwrap());
    pull(&renewed, TIME, &pinned).unwrap();
    let by_new =
        renewed.publisher(store, &cache).promote(&bundle, &name("stable"), &Quiet).unwrap();
    assert_eq!(by_new.seq, 2);
    pull(&renewed, TIME, &stable()).unwrap();

    // the old key's pointer is older, although it has the highest number that this key ever signed
    overwrite(store, &pointer("stable"), &first);
    assert_eq!(
        why(&pull(&renewed, TIME, &stable()).unwrap_err()),
        Refusal::Older { seq: 1, seen: 2 }
    );
    // once the key has ended, that is the reason
    let ended = why(&pull(&renewed, LATER, &stable()).unwrap_err());
    assert!(matches!(ended, Refusal::Distrusted(Distrust::Ended { .. })), "{ended:?}");
    // the bundle's first signature is the old key's; promoting it added the new one's
    pull(&renewed, LATER, &pinned).unwrap();
}

#[test]
fn two_keys_are_good_during_a_rotation_and_one_afterwards() {
    Place::both("rotated").iter().for_each(rotate);
}

#[test]
fn a_stolen_key_that_used_up_all_numbers_shuts_nobody_out_once_it_is_not_trusted() {
    let [place, _] = Place::both("stolen");
    let (store, cache) = (place.store(), place.cache("cache"));
    let store = store.as_ref();
    let stolen = Vendor::of(&["tiny"]);
    let bundle = build(place.folder.path(), 1);
    stolen.publisher(store, &cache).publish(&bundle, &name("stable"), &Quiet).unwrap();
    let (text, _) = opened(&get(store, &pointer("stable")));
    let last = text.replace("\"seq\":1", &format!("\"seq\":{}", u64::MAX));
    let namespace = slipway::key::Namespace::Pointer;
    let object = envelope(&last, &[sign(&stolen.key, namespace, &last)]);
    overwrite(store, &pointer("stable"), &object);
    let reader = stolen.reader(store, &cache);
    reader.pull(&name("tiny"), &stable(), &Quiet).unwrap();
    let full = stolen.publisher(store, &cache).publish(&bundle, &name("stable"), &Quiet);
    assert!(full.unwrap_err().to_string().contains("last number"));

    let new = Vendor::of(&["tiny"]);
    let mut publisher = new.publisher(store, &cache);
    let refused = publisher.publish(&bundle, &name("stable"), &Quiet).unwrap_err();
    assert!(refused.find_remedy().unwrap().contains("--replace-pointer"), "{refused:?}");
    publisher.replace = true;
    let published = publisher.publish(&bundle, &name("stable"), &Quiet).unwrap();
    assert_eq!(published.pointer.seq, 1);
    new.reader(store, &cache).pull(&name("tiny"), &stable(), &Quiet).unwrap();
}
