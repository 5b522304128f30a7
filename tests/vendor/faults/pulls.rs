//! Pulling through a failing network.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use slipway::blob;
use slipway::bundle::{Allow, Bundle, BundleReader, LARGEST_BUNDLE, Place, Wanted};
use slipway::error::Result;
use slipway::progress::Quiet;
use slipway::units::Digest;

use crate::common::vendor::{TIME, name};
use crate::faults::clock::{TOTAL, patience};
use crate::faults::fault::{Fault, Met};
use crate::faults::files::Files;
use crate::faults::proxy::Proxy;
use crate::faults::stage::{Stage, settings};
use crate::faults::tally::{Tally, all, is_clear, whole};

const RUNS: u64 = 500;
/// The silence that counts as an error.
const IDLE: Duration = Duration::from_millis(250);
/// Pointer, record, signature, bundle, and the pointer again.
const OBJECTS: u32 = 5;

/// A proxy in front of the store, at one of its times.
struct Web<'a> {
    stage: &'a Stage,
    proxy: Proxy,
    now: Arc<AtomicUsize>,
}

impl<'a> Web<'a> {
    fn new(stage: &'a Stage) -> Self {
        let now = Arc::new(AtomicUsize::new(0));
        let proxy = Proxy::before(Files { times: stage.times.clone(), now: now.clone() });
        Self { stage, proxy, now }
    }

    fn pull(&self, place: Place<'_>, cache: &Path, wanted: &Wanted) -> Result<Bundle> {
        let trust = &self.stage.vendor.trust;
        let reader = BundleReader {
            place,
            cache,
            trust,
            now: TIME,
            allow: Allow::default(),
            largest: LARGEST_BUNDLE,
        };
        reader.pull(&name("noisy"), wanted, &Quiet)
    }
}

/// What is remembered about the only channel; none before the first pull.
fn remembered(cache: &Path) -> Option<Value> {
    let folder = std::fs::read_dir(cache.join("channels")).ok()?;
    let paths = folder.map(|e| e.unwrap().path());
    let path = paths.into_iter().find(|p| p.extension().is_some_and(|e| e == "json"))?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// The highest number that was seen.
fn seen(memory: Option<&Value>) -> u64 {
    let all = memory.and_then(|m| m["seen"].as_object());
    all.into_iter().flat_map(|o| o.values()).map(|s| s["seq"].as_u64().unwrap()).max().unwrap_or(0)
}

/// Every file with a final name is what its name says, and what is remembered is what the store
/// once had.
fn check_cache(web: &Web<'_>, cache: &Path, what: &str) {
    for entry in std::fs::read_dir(cache.join("bundles")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        match path.extension().unwrap().to_str().unwrap() {
            "tgz" => {
                let bytes = std::fs::read(&path).unwrap();
                assert_eq!(Digest::of(&bytes).to_string(), stem, "{what}");
            }
            "sig" | "part" => {}
            other => panic!("{what}: a file .{other}"),
        }
    }
    let Some(memory) = remembered(cache) else { return };
    let object = memory["last"]["object"].as_str().unwrap().as_bytes();
    let objects: Vec<Vec<u8>> = (web.stage.times.iter())
        .map(|root| std::fs::read(root.join("channels/noisy/stable.json")).unwrap())
        .collect();
    let at = objects.iter().position(|o| o == object).expect("a pointer that was published");
    assert_eq!(seen(Some(&memory)), at as u64 + 1, "{what}");
}

/// Whether a pull of the channel may give this release: the newest, or an older one that a lying
/// answer gave to somebody who never saw the newest.
fn may_be(web: &Web<'_>, got: &Bundle, seen: u64, met: &[Met]) -> bool {
    let now = web.now.load(Ordering::SeqCst);
    let stale = |m: &Met| {
        m.path.contains("/channels/")
            && (m.fault == Fault::Old || m.fault == Fault::Unchanged && m.conditional)
    };
    got.digest == web.stage.bundles[now].digest
        || got.digest == web.stage.bundles[0].digest && seen < 2 && met.iter().any(stale)
}

/// One pull with this seed's faults, and everything that must hold after it.
fn pull(web: &Web<'_>, cache: &Path, wanted: &Wanted, seed: u64, tally: &mut Tally) {
    let patience = patience(web.proxy.gate(), seed);
    let clock = patience.clock.clone();
    let store = blob::open(&web.proxy.url, &settings(IDLE, patience, &[])).unwrap();
    let before = remembered(cache);
    let begun = Instant::now();
    web.proxy.begin(seed);
    let pulled = web.pull(Place::Store(store.as_ref()), cache, wanted);
    let met = web.proxy.calm();
    let what = format!("{wanted:?}, {pulled:?} after {met:?}");
    if !whole() {
        println!("{what}\n");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
    assert!(clock.now() <= TOTAL * OBJECTS, "{what}");
    check_cache(web, cache, &what);
    let after = remembered(cache);
    let honest = met.iter().all(|m| !m.lies());
    tally.met(&met);
    match (&pulled, wanted) {
        (Ok(bundle), Wanted::Channel(_)) => {
            assert!(may_be(web, bundle, seen(before.as_ref()), &met), "{what}");
            tally.outcome("the right bytes");
        }
        (Ok(bundle), Wanted::Version(_)) => {
            assert_eq!(bundle.digest, web.stage.bundles[0].digest, "{what}");
            tally.outcome("the right bytes");
        }
        (Err(error), _) => {
            assert_eq!(before, after, "{what}");
            assert!(is_clear(error, store.shown(), &met), "{what}");
            // two more tries are left for a machine that is too busy to answer in time
            let few = met.iter().map(Met::tries).sum::<usize>() <= 2;
            assert!(!(honest && few), "what passes by itself was not waited for: {what}");
            tally.outcome(format!("a clear error, {:?}", error.kind()));
        }
    }
}

/// A builder's life: the first release, the second, the second again, the first by its version.
/// When the network is good again, everything works.
fn run(web: &Web<'_>, seed: u64, tally: &mut Tally) {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path();
    let channel = Wanted::Channel(name("stable"));
    let first = Wanted::Version(web.stage.bundles[0].manifest.version);
    for (step, (time, wanted)) in
        (0..).zip([(0, &channel), (1, &channel), (1, &channel), (1, &first)])
    {
        web.now.store(time, Ordering::SeqCst);
        pull(web, cache, wanted, seed * 4 + step, tally);
    }
    let patience = patience(web.proxy.gate(), seed);
    let store = blob::open(&web.proxy.url, &settings(IDLE, patience, &[])).unwrap();
    for (wanted, expected) in [(&channel, 1), (&first, 0)] {
        for place in [Place::Store(store.as_ref()), Place::Offline(store.shown())] {
            let pulled = web.pull(place, cache, wanted).unwrap();
            assert_eq!(pulled.digest, web.stage.bundles[expected].digest);
        }
    }
    web.proxy.calm();
}

#[test]
fn five_hundred_builders_behind_a_network_that_fails_get_the_right_bytes_or_a_clear_error() {
    let stage = Stage::new();
    let tally = all(RUNS, || Web::new(&stage), run);
    tally.show(&format!("{RUNS} runs, {} pulls", RUNS * 4));
    if !whole() {
        return;
    }
    let right = tally.outcomes["the right bytes"];
    assert_eq!(u64::from(tally.outcomes.values().sum::<u32>()), RUNS * 4);
    assert!(u64::from(right) > RUNS * 4 * 6 / 10, "{right} of {}", RUNS * 4);
    for fault in Fault::ALL {
        let often = tally.faults.get(&fault).copied().unwrap_or_default();
        assert!(often >= 100, "{fault:?} happened {often} times");
    }
}
