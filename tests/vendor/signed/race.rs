//! Two publishers at the same time lose none of each other's work.

use slipway::bundle::{self, Wanted};
use slipway::progress::Quiet;
use slipway::units::Timestamp;

use crate::common::vendor::{TIME, Vendor, name};
use crate::signed::place::{Place, build, build_at, get, opened, pointer};

/// How often both publish together.
const ROUNDS: u32 = 200;

fn race(place: &Place) {
    let vendor = Vendor::of(&["tiny"]);
    let bundles: Vec<_> = (1..=ROUNDS).map(|n| build(place.folder.path(), n)).collect();
    let mut numbers: Vec<u64> = std::thread::scope(|s| {
        let publishers: Vec<_> = [0, 1]
            .map(|who| {
                let (vendor, bundles) = (&vendor, &bundles);
                s.spawn(move || {
                    // each with its own store and cache, as on two machines
                    let (store, cache) = (place.store(), place.cache(&format!("cache-{who}")));
                    let publisher = vendor.publisher(store.as_ref(), &cache);
                    let mine = bundles.iter().skip(who).step_by(2);
                    let publish = |b| publisher.publish(b, &name("nightly"), &Quiet).unwrap();
                    mine.map(|bundle| publish(bundle).pointer.seq).collect::<Vec<_>>()
                })
            })
            .into_iter()
            .collect();
        publishers.into_iter().flat_map(|p| p.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    let all: Vec<u64> = (1..=u64::from(ROUNDS)).collect();
    assert_eq!(numbers, all, "each change has a number of its own, and none is missing");

    let store = place.store();
    let (text, _) = opened(&get(store.as_ref(), &pointer("nightly")));
    assert!(text.contains(&format!("\"seq\":{ROUNDS},")), "{text}");
    let (records, channels) = bundle::list(store.as_ref(), &vendor.trust, TIME, &Quiet).unwrap();
    assert_eq!(records.len(), bundles.len());
    assert!(channels.iter().all(|c| c.doubt.is_none()), "{channels:?}");
    let cache = place.cache("reader");
    let reader = vendor.reader(store.as_ref(), &cache);
    for bundle in &bundles {
        let wanted = Wanted::Version(bundle.manifest.version);
        let pulled = reader.pull(&name("tiny"), &wanted, &Quiet).unwrap();
        assert_eq!(pulled.digest, bundle.digest);
    }
}

#[test]
fn of_two_who_publish_two_hundred_times_no_change_and_no_release_is_lost() {
    Place::both("race").iter().for_each(race);
}

#[test]
fn of_two_who_publish_other_bytes_under_one_version_the_second_is_refused() {
    for place in Place::both("same") {
        let store = place.store();
        let vendor = Vendor::of(&["tiny"]);
        let publisher = vendor.publisher(store.as_ref(), place.folder.path());
        let one = build(place.folder.path(), 1);
        publisher.publish(&one, &name("stable"), &Quiet).unwrap();
        let later = Timestamp { seconds: TIME.seconds + 1, ..TIME };
        let other = build_at(&place.folder.path().join("other"), 1, later);
        assert_ne!(one.digest, other.digest);
        let error = publisher.publish(&other, &name("stable"), &Quiet).unwrap_err();
        assert!(error.find_remedy().unwrap().contains("raise the build number"), "{error:?}");
        let (text, _) = opened(&get(store.as_ref(), &pointer("stable")));
        assert!(text.contains(&one.digest.to_string()), "{text}");
    }
}
