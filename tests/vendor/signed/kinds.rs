//! Other kinds of signed pointers than a bundle's: none is accepted as another, and what protects
//! one protects all.

use serde::{Deserialize, Serialize};
use slipway::bundle::{Name, Pointer, Version, release_id};
use slipway::error::Kind;
use slipway::key::{Distrust, Namespace, Trust};
use slipway::progress::Quiet;
use slipway::signed::{
    Accepted, Allow, Asking, Channel, Claim, Memory, Names, Payload, Pointing, Refusal, Seen,
    Signed, sign,
};
use slipway::units::{Digest, Timestamp};

use crate::common::vendor::{TIME, Vendor, name};
use crate::signed::place::{Place, build, get, overwrite, pointer, stable, why};

/// Another kind with exactly the fields of a bundle's pointer: only its use and its folder
/// distinguish them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Twin(Pointer);

impl Payload for Twin {
    const NAMESPACE: Namespace = Namespace::App;
    const FOLDER: &'static str = "twins";

    fn channel(&self) -> Channel<'_> {
        self.0.channel()
    }

    fn seq(&self) -> u64 {
        self.0.seq
    }

    fn expires(&self) -> Timestamp {
        self.0.expires
    }

    fn check(&self) -> Result<(), Refusal> {
        match self.0.size {
            0 => Err(Refusal::OtherRelease { found: "nothing".to_owned() }),
            _ => Ok(()),
        }
    }
}

const STABLE: Channel<'static> = Channel { site: "tiny", name: "stable" };
const LATER: Timestamp = Timestamp { seconds: TIME.seconds + 1000, nanos: 0 };

fn content(seq: u64, bytes: &str) -> Pointer {
    let (site, version): (Name, Version) = (name("tiny"), "1.0.0+b1".parse().unwrap());
    let (release, sha256) = (release_id(&site, version), Digest::of(bytes));
    Pointer {
        channel: name("stable"),
        seq,
        version,
        blob: format!("bundles/tiny/{release}.{sha256}.tgz"),
        release,
        size: 7,
        sha256,
        issued: TIME,
        expires: LATER,
        site,
    }
}

fn open<T: Payload>(
    vendor: &Vendor,
    object: &[u8],
    asked: Channel<'_>,
    seen: Option<Seen>,
    now: Timestamp,
) -> Result<Accepted<T>, Refusal> {
    let proven = Claim::parse(object)?.verify(&vendor.trust, asked, now)?;
    proven.accept(seen, Allow::default(), now)
}

fn twin(vendor: &Vendor, seq: u64, bytes: &str) -> Signed<Twin> {
    sign(Twin(content(seq, bytes)), &vendor.key).unwrap()
}

#[test]
fn a_pointer_of_one_kind_passes_for_no_other_though_it_has_the_same_words() {
    let vendor = Vendor::of(&["tiny"]);
    let ours = sign(content(3, "x"), &vendor.key).unwrap().bytes;
    let theirs = twin(&vendor, 3, "x").bytes;
    let other = |refused: Refusal| {
        let Refusal::Distrusted(Distrust::OtherNamespace { found, wanted }) = refused else {
            panic!("{refused:?}")
        };
        (found, wanted)
    };
    open::<Pointer>(&vendor, &ours, STABLE, None, TIME).unwrap();
    open::<Twin>(&vendor, &theirs, STABLE, None, TIME).unwrap();
    let refused = open::<Twin>(&vendor, &ours, STABLE, None, TIME).unwrap_err();
    assert_eq!(other(refused), ("slipway-pointer".to_owned(), "slipway-app"));
    let refused = open::<Pointer>(&vendor, &theirs, STABLE, None, TIME).unwrap_err();
    assert_eq!(other(refused), ("slipway-app".to_owned(), "slipway-pointer"));
}

#[test]
fn another_kinds_object_in_the_place_of_a_bundles_is_refused_by_a_pull() {
    let place = Place::local();
    let (store, vendor) = (place.store(), Vendor::of(&["tiny"]));
    let elsewhere = place.cache("elsewhere");
    let publisher = vendor.publisher(store.as_ref(), &elsewhere);
    let bundle = build(place.folder.path(), 1);
    let published = publisher.publish(&bundle, &name("stable"), &Quiet).unwrap();
    let theirs = sign(Twin(published.pointer), &vendor.key).unwrap();
    overwrite(store.as_ref(), &pointer("stable"), &theirs.bytes);
    let cache = place.cache("cache");
    let reader = vendor.reader(store.as_ref(), &cache);
    let refused = reader.pull(&name("tiny"), &stable(), &Quiet).unwrap_err();
    let namespace = matches!(why(&refused), Refusal::Distrusted(Distrust::OtherNamespace { .. }));
    assert!(namespace && refused.kind() == Kind::Refused, "{refused:?}");
}

/// When another kind is introduced, keys that are already trusted remain trusted only for bundles
/// and their pointers.
#[test]
fn a_key_needs_no_other_use_than_bundles_and_pointers_to_publish() {
    let (place, mut vendor) = (Place::local(), Vendor::of(&["tiny"]));
    let (store, cache) = (place.store(), place.cache("cache"));
    let bundle = build(place.folder.path(), 1);
    let key = vendor.key.public().line().unwrap();
    let mut publish = |uses: &str| {
        let line = format!("tiny namespaces=\"{uses}\" {key}\n");
        vendor.trust = Trust::parse(&line).unwrap();
        vendor.publisher(store.as_ref(), &cache).publish(&bundle, &name("stable"), &Quiet)
    };
    for uses in ["slipway-pointer,slipway-app", "slipway-bundle,slipway-app"] {
        assert_eq!(publish(uses).unwrap_err().kind(), Kind::Refused, "{uses}");
    }
    publish("slipway-bundle,slipway-pointer").unwrap();
}

#[test]
fn objects_of_another_kind_lie_elsewhere() {
    assert_eq!(Pointer::key(STABLE).unwrap().as_str(), "channels/tiny/stable.json");
    assert_eq!(Twin::key(STABLE).unwrap().as_str(), "twins/tiny/stable.json");
}

#[test]
fn every_kind_is_refused_when_it_is_older_forked_expired_or_anothers() {
    let vendor = Vendor::of(&["tiny", "acme"]);
    let object = twin(&vendor, 3, "x").bytes;
    let accepted = open::<Twin>(&vendor, &object, STABLE, None, TIME).unwrap();
    let at = |seq: u64| Some(Seen { seq, ..accepted.seen() });
    let refused = |asked, seen, now| open::<Twin>(&vendor, &object, asked, seen, now).unwrap_err();
    assert!(open::<Twin>(&vendor, &object, STABLE, at(3), TIME).is_ok());
    assert_eq!(refused(STABLE, at(4), TIME), Refusal::Older { seq: 3, seen: 4 });
    let other = twin(&vendor, 3, "y").bytes;
    let fork = open::<Twin>(&vendor, &other, STABLE, at(3), TIME).unwrap_err();
    assert_eq!(fork, Refusal::Forked { seq: 3 });
    assert_eq!(refused(STABLE, None, LATER), Refusal::Expired { since: LATER });
    let acme = Channel { site: "acme", ..STABLE };
    assert_eq!(refused(acme, None, TIME), Refusal::OtherSite { found: "tiny".to_owned() });
    let beta = Channel { name: "beta", ..STABLE };
    assert_eq!(refused(beta, None, TIME), Refusal::OtherChannel { found: "stable".to_owned() });
    let empty = Twin(Pointer { size: 0, ..content(3, "x") });
    let empty = sign(empty, &vendor.key).unwrap().bytes;
    let refused = open::<Twin>(&vendor, &empty, STABLE, None, TIME).unwrap_err();
    assert!(matches!(refused, Refusal::OtherRelease { .. }));
    // only what was requested is allowed, and one permission does not imply the other
    let step = |allow| {
        let claim = Claim::<Twin>::parse(&object).unwrap();
        claim.verify(&vendor.trust, STABLE, TIME).unwrap().accept(at(4), allow, LATER)
    };
    let (rollback, expired) = (Allow { rollback: true, expired: false }, true);
    assert_eq!(step(rollback).unwrap_err(), Refusal::Expired { since: LATER });
    assert!(step(Allow { expired, ..rollback }).unwrap().is_set_back());
}

#[test]
fn each_kind_remembers_its_own_newest_and_none_of_anothers() {
    let (vendor, cache) = (Vendor::of(&["tiny"]), tempfile::tempdir().unwrap());
    let names = Names::of("file:///srv/store").unwrap();
    let twins = Memory::<Twin>::new(cache.path(), &names, STABLE);
    let newest = || twins.read().unwrap().newest(&vendor.trust, TIME);
    let keep = |seq, allow| {
        let claim = Claim::<Twin>::parse(&twin(&vendor, seq, "x").bytes).unwrap();
        let proven = claim.verify(&vendor.trust, STABLE, TIME).unwrap();
        let accepted = proven.accept(newest(), allow, TIME)?;
        twins.keep(&accepted, None, &vendor.trust, TIME).unwrap();
        Ok(accepted.seen())
    };
    let latest = keep(5, Allow::default()).unwrap();
    assert_eq!(newest(), Some(latest));
    assert_eq!(keep(4, Allow::default()), Err(Refusal::Older { seq: 4, seen: 5 }));
    assert_eq!(newest(), Some(latest));
    let bundles = Memory::<Pointer>::new(cache.path(), &names, STABLE).read().unwrap();
    assert!(bundles.newest_seen(&vendor.trust, TIME).is_none() && bundles.last().is_none());
    // after an intended step back, the lower number is the newest
    let back = keep(4, Allow { rollback: true, expired: false }).unwrap();
    assert_eq!(newest(), Some(back));
}

#[test]
fn another_kind_is_published_asked_for_and_remembered_in_the_same_way() {
    let (place, vendor) = (Place::local(), Vendor::of(&["tiny"]));
    let (store, key) = (place.store(), Twin::key(STABLE).unwrap());
    let (store, names) = (store.as_ref(), Names::of_store(store.as_ref()));
    let theirs = Memory::<Twin>::new(&place.cache("publisher"), &names, STABLE);
    let (trust, now, replace) = (&vendor.trust, TIME, false);
    let pointing = Pointing { store, key: &vendor.key, trust, now, replace };
    let publish = |bytes: &str| {
        let made = pointing.publish(&theirs, &|seq| Ok(Twin(content(seq, bytes))), &Quiet);
        made.unwrap().payload.seq()
    };
    assert_eq!(publish("x"), 1);
    let first = get(store, &key);
    assert_eq!(publish("y"), 2);

    let ours = Memory::<Twin>::new(&place.cache("reader"), &names, STABLE);
    let asking = Asking { trust, now, allow: Allow::default() };
    assert!(asking.last(&ours.read().unwrap()).unwrap().is_none());
    let (accepted, tag) = asking.newest(store, &ours.read().unwrap(), false, &Quiet).unwrap();
    assert_eq!(accepted.payload().seq(), 2);
    ours.keep(&accepted, tag.as_ref(), trust, now).unwrap();
    let known = ours.read().unwrap();
    assert_eq!(asking.last(&known).unwrap().unwrap().payload(), accepted.payload());
    let (again, _) = asking.newest(store, &known, false, &Quiet).unwrap();
    assert_eq!(again.seen(), accepted.seen());
    let late = Asking { now: LATER, ..asking };
    assert_eq!(late.last(&known).unwrap_err(), Refusal::Expired { since: LATER });

    overwrite(store, &key, &first);
    let refused = asking.newest(store, &known, false, &Quiet).unwrap_err();
    assert_eq!(why(&refused), Refusal::Older { seq: 1, seen: 2 });
    // a publisher that remembers continues above the number seen, whatever the store has now
    let make = |seq| Ok(Twin(content(seq, "z")));
    assert_eq!(pointing.publish(&ours, &make, &Quiet).unwrap().payload.seq(), 3);
}
