//! Every way in which a channel's pointer may be wrong, and what is said about each.

use std::collections::BTreeSet;

use slipway::bundle::{Allow, BundleReader, Publisher, Refusal};
use slipway::error::Kind;
use slipway::key::{Distrust, Namespace, SecretKey, Sites, Trust};
use slipway::progress::Quiet;
use slipway::units::Timestamp;

use crate::common::vendor::{TIME, Vendor, name};
use crate::signed::place::{
    Place, build, envelope, get, opened, overwrite, pointer, sign, snapshot, stable, why,
};

/// A corrupted object, and whether the refusal is the right one.
type Case = (&'static str, Vec<u8>, fn(&Refusal) -> bool);

fn spoilt(vendor: &Vendor, good: &[u8], before: &[u8], nightly: &[u8]) -> Vec<Case> {
    let (text, signatures) = opened(good);
    let key = &vendor.key;
    let by = |key: &SecretKey, text: &str| envelope(text, &[sign(key, Namespace::Pointer, text)]);
    let stranger = SecretKey::generate("stranger").unwrap();
    let changed = text.replace("\"seq\":2", "\"seq\":3");
    let other_site = text.replace("\"site\":\"tiny\"", "\"site\":\"other\"");
    let other_release = text.replace("tiny-1.0.0+b2.", "tiny-1.0.0+b1.");
    let forked = text.replace("\"issued\":\"2023", "\"issued\":\"2022");
    let other_use = sign(key, Namespace::Bundle, &text);
    let cut = &signatures[0][..signatures[0].len() / 2];
    vec![
        ("changed after it was signed", envelope(&changed, &signatures), |why| {
            matches!(why, Refusal::Distrusted(Distrust::OtherBytes { .. }))
        }),
        ("signed by a stranger", by(&stranger, &text), |why| {
            matches!(why, Refusal::Distrusted(Distrust::UnknownKey { .. }))
        }),
        ("of another site, rightly signed", by(key, &other_site), |why| {
            *why == Refusal::OtherSite { found: "other".to_owned() }
        }),
        ("of another channel, rightly signed", nightly.to_vec(), |why| {
            *why == Refusal::OtherChannel { found: "nightly".to_owned() }
        }),
        ("names another release's bundle", by(key, &other_release), |why| {
            matches!(why, Refusal::OtherRelease { .. })
        }),
        ("older than what was seen", before.to_vec(), |why| {
            *why == Refusal::Older { seq: 1, seen: 2 }
        }),
        ("another one of the same number", by(key, &forked), |why| {
            *why == Refusal::Forked { seq: 2 }
        }),
        ("a signature for another use", envelope(&text, &[other_use]), |why| {
            matches!(why, Refusal::Distrusted(Distrust::OtherNamespace { .. }))
        }),
        ("half a signature", envelope(&text, &[cut.to_owned()]), |why| {
            matches!(why, Refusal::Distrusted(Distrust::Malformed(_)))
        }),
        ("no signature", envelope(&text, &[]), |why| *why == Refusal::NotSigned),
        ("half an object", good[..good.len() / 2].to_vec(), |why| *why == Refusal::Unreadable),
    ]
}

/// The complete message of a refused pull.
fn said(error: &slipway::error::Error) -> String {
    assert_eq!(error.kind(), Kind::Refused, "{error:?}");
    let cause = std::error::Error::source(error).unwrap();
    format!("{error}: {cause}; {}", error.find_remedy().unwrap())
}

fn each_is_refused(place: &Place) {
    let store = place.store();
    let store = store.as_ref();
    let vendor = Vendor::of(&["tiny", "other"]);
    let cache = place.cache("cache");
    let publisher = vendor.publisher(store, &cache);
    publisher.publish(&build(place.folder.path(), 1), &name("stable"), &Quiet).unwrap();
    let before = get(store, &pointer("stable"));
    let second = build(place.folder.path(), 2);
    publisher.publish(&second, &name("nightly"), &Quiet).unwrap();
    publisher.publish(&second, &name("stable"), &Quiet).unwrap();
    let (good, nightly) = (get(store, &pointer("stable")), get(store, &pointer("nightly")));

    let reader = vendor.reader(store, &cache);
    let pull = || reader.pull(&name("tiny"), &stable(), &Quiet);
    assert_eq!(pull().unwrap().digest, second.digest);
    let remembered = snapshot(&cache);
    let mut messages = BTreeSet::new();
    let cases = spoilt(&vendor, &good, &before, &nightly);
    for (what, object, right) in &cases {
        overwrite(store, &pointer("stable"), object);
        let error = pull().expect_err(what);
        assert!(right(&why(&error)), "{what}: {error:?}");
        assert!(messages.insert(said(&error)), "{what}: {error:?}");
        // nothing that was refused is remembered
        assert_eq!(snapshot(&cache), remembered, "{what}");
    }
    assert_eq!(messages.len(), cases.len());
    overwrite(store, &pointer("stable"), &good);
    assert_eq!(pull().unwrap().digest, second.digest);
}

#[test]
fn each_wrong_pointer_is_refused_with_its_own_message_and_leaves_no_trace() {
    Place::both("refused").iter().for_each(each_is_refused);
}

#[test]
fn a_key_that_is_trusted_for_another_site_is_no_ones_here() {
    let [place, _] = Place::both("others");
    let (store, cache) = (place.store(), place.cache("cache"));
    let store = store.as_ref();
    let mut vendor = Vendor::of(&["tiny"]);
    let publisher = vendor.publisher(store, &cache);
    publisher.publish(&build(place.folder.path(), 1), &name("stable"), &Quiet).unwrap();
    let another = SecretKey::generate("another").unwrap();
    let theirs = vendor.key.public();
    vendor.trust.remove(&theirs);
    vendor.trust.add(theirs, Sites::named(["other"]).unwrap());
    let pull = |vendor: &Vendor| {
        vendor.reader(store, &cache).pull(&name("tiny"), &stable(), &Quiet).unwrap_err()
    };
    let nobody = pull(&vendor);
    assert_eq!(why(&nobody), Refusal::NoKey);
    vendor.trust.add(another.public(), Sites::named(["tiny"]).unwrap());
    let error = pull(&vendor);
    assert!(matches!(why(&error), Refusal::Distrusted(Distrust::OtherSite { .. })), "{error:?}");
}

#[test]
fn a_key_for_pointers_alone_does_not_say_what_a_release_is() {
    for place in Place::both("promoter") {
        let (store, cache) = (place.store(), place.cache("cache"));
        let store = store.as_ref();
        let mut vendor = Vendor::of(&["tiny"]);
        let elsewhere = place.cache("elsewhere");
        let first = build(place.folder.path(), 1);
        vendor.publisher(store, &elsewhere).publish(&first, &name("stable"), &Quiet).unwrap();
        let promoter = SecretKey::generate("promoter").unwrap();
        let limited = format!(
            "tiny namespaces=\"slipway-pointer\" {}\n{}",
            promoter.public().line().unwrap(),
            vendor.key.public().line().map(|line| format!("tiny {line}\n")).unwrap()
        );
        vendor.trust = Trust::parse(&limited).unwrap();
        let pull = || vendor.reader(store, &cache).pull(&name("tiny"), &stable(), &Quiet);
        // it points to something that the vendor signed
        let (text, _) = opened(&get(store, &pointer("stable")));
        let by_promoter = |text: &str| envelope(text, &[sign(&promoter, Namespace::Pointer, text)]);
        let renewed = text.replace("\"seq\":1", "\"seq\":2");
        overwrite(store, &pointer("stable"), &by_promoter(&renewed));
        assert_eq!(pull().unwrap().digest, first.digest);

        // and to its own bytes, with its own signature beside them
        let theirs = Publisher {
            key: &promoter,
            readers_trust_key: true,
            ..vendor.publisher(store, &elsewhere)
        };
        let second = build(place.folder.path(), 2);
        theirs.publish(&second, &name("stable"), &Quiet).unwrap();
        let before = snapshot(&cache);
        let error = pull().unwrap_err();
        assert!(matches!(why(&error), Refusal::Distrusted(Distrust::OtherUse { .. })), "{error:?}");
        assert_eq!(snapshot(&cache), before);
        vendor.publisher(store, &elsewhere).promote(&second, &name("stable"), &Quiet).unwrap();
        assert_eq!(pull().unwrap().digest, second.digest);
    }
}

#[test]
fn an_expired_channel_is_refused_unless_somebody_says_otherwise() {
    let [place, _] = Place::both("expired");
    let (store, cache) = (place.store(), place.cache("cache"));
    let store = store.as_ref();
    let vendor = Vendor::of(&["tiny"]);
    let mut publisher = vendor.publisher(store, &cache);
    publisher.days = 10;
    let built = build(place.folder.path(), 1);
    publisher.publish(&built, &name("stable"), &Quiet).unwrap();
    let at = |days: i64, allow: Allow| {
        let now = Timestamp::from_seconds(TIME.seconds + days * 86_400);
        let reader = BundleReader { now, allow, ..vendor.reader(store, &cache) };
        reader.pull(&name("tiny"), &stable(), &Quiet)
    };
    at(9, Allow::default()).unwrap();
    let error = at(10, Allow::default()).unwrap_err();
    assert_eq!(why(&error), Refusal::Expired { since: "2023-11-24T22:13:20Z".parse().unwrap() });
    assert!(error.find_remedy().unwrap().contains("--allow-expired"));
    at(10, Allow { expired: true, rollback: false }).unwrap();
    // promoting a channel to itself renews it
    publisher.now = Timestamp::from_seconds(TIME.seconds + 10 * 86_400);
    publisher.promote(&built, &name("stable"), &Quiet).unwrap();
    at(10, Allow::default()).unwrap();
}

#[test]
fn a_store_that_was_set_back_on_purpose_is_taken_once_somebody_says_so() {
    let [place, _] = Place::both("setback");
    let (store, cache) = (place.store(), place.cache("cache"));
    let store = store.as_ref();
    let vendor = Vendor::of(&["tiny"]);
    // another machine's cache: publishing from there leaves no trace in the reader's memory
    let elsewhere = place.cache("elsewhere");
    let publisher = vendor.publisher(store, &elsewhere);
    publisher.publish(&build(place.folder.path(), 1), &name("stable"), &Quiet).unwrap();
    let first = get(store, &pointer("stable"));
    publisher.publish(&build(place.folder.path(), 2), &name("stable"), &Quiet).unwrap();
    let reader = vendor.reader(store, &cache);
    let pull =
        |allow: Allow| BundleReader { allow, ..reader }.pull(&name("tiny"), &stable(), &Quiet);
    pull(Allow::default()).unwrap();
    overwrite(store, &pointer("stable"), &first);
    let error = pull(Allow::default()).unwrap_err();
    assert!(error.find_remedy().unwrap().contains("--allow-rollback"), "{error:?}");
    let taken = pull(Allow { rollback: true, expired: false }).unwrap();
    assert_eq!(taken.manifest.release, "tiny-1.0.0+b1");
    // from here on it is the newest one known
    pull(Allow::default()).unwrap();
}

#[test]
fn a_pointer_that_was_changed_or_cut_anywhere_is_refused_or_says_the_same() {
    let [place, _] = Place::both("anywhere");
    let (store, cache) = (place.store(), place.cache("cache"));
    let store = store.as_ref();
    let vendor = Vendor::of(&["tiny"]);
    let bundle = build(place.folder.path(), 1);
    vendor.publisher(store, &cache).publish(&bundle, &name("stable"), &Quiet).unwrap();
    let good = get(store, &pointer("stable"));
    let path = place.folder.path().join("store/channels/tiny/stable.json");
    let mut refused = 0;
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        for bytes in [&changed[..], &good[..at]] {
            std::fs::write(&path, bytes).unwrap();
            match vendor.reader(store, &cache).pull(&name("tiny"), &stable(), &Quiet) {
                Ok(pulled) => assert_eq!(pulled.digest, bundle.digest, "byte {at}"),
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Refused, "byte {at}: {error:?}");
                    refused += 1;
                }
            }
        }
    }
    // the accepted changes are to blanks between values, and to the line end
    assert!(refused > 2 * good.len() - 60, "{refused} of {}", 2 * good.len());
}
