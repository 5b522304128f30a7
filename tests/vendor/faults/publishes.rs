//! Publishing through a failing network: Azurite behind the proxy, judged by a client that goes
//! there directly.

use std::path::Path;
use std::time::{Duration, Instant};

use slipway::blob::{self, Publish, Store};
use slipway::bundle::{Bundle, Published, Wanted};
use slipway::error::Result;
use slipway::progress::Quiet;

use crate::common::servers::{azure_client, azure_settings, azurite};
use crate::common::vendor::name;
use crate::faults::clock::patience;
use crate::faults::fault::Met;
use crate::faults::forward::Forward;
use crate::faults::proxy::Proxy;
use crate::faults::stage::{Stage, settings};
use crate::faults::tally::{Tally, all, is_clear, whole};

const RUNS: u64 = 60;
/// The silence that counts as an error: Azurite is not a fast server.
const IDLE: Duration = Duration::from_millis(1500);

struct Azure<'a> {
    stage: &'a Stage,
    proxy: Proxy,
}

impl<'a> Azure<'a> {
    fn new(stage: &'a Stage) -> Self {
        let host = azurite().strip_prefix("http://").unwrap().to_owned();
        Self { stage, proxy: Proxy::before(Forward(host)) }
    }

    fn publish(&self, store: &dyn Publish, bundle: &Bundle, cache: &Path) -> Result<Published> {
        self.stage.vendor.publisher(store, cache).publish(bundle, &name("stable"), &Quiet)
    }

    /// The bundle that somebody with an empty cache gets.
    fn pull(&self, store: &dyn Store, wanted: &Wanted) -> Bundle {
        let cache = tempfile::tempdir().unwrap();
        let reader = self.stage.vendor.reader(store, cache.path());
        reader.pull(&name("noisy"), wanted, &Quiet).unwrap()
    }
}

/// A first release over a good network, a second over a bad one, and then again over a good one.
fn run(azure: &Azure<'_>, seed: u64, tally: &mut Tally) {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path();
    let url = format!("azure://devstoreaccount1/faults/s{seed}");
    let direct = blob::open_for_publishing(&url, &azure_settings()).unwrap();
    let [first, second] = &azure.stage.bundles;
    azure.publish(direct.as_ref(), first, cache).unwrap();

    let to = [
        ("AZURE_STORAGE_USE_EMULATOR", "true"),
        ("AZURITE_BLOB_STORAGE_URL", azure.proxy.url.as_str()),
    ];
    let settings = settings(IDLE, patience(azure.proxy.gate(), seed), &to);
    let store = blob::open_for_publishing(&url, &settings).unwrap();
    let begun = Instant::now();
    azure.proxy.begin(seed);
    let published = azure.publish(store.as_ref(), second, cache);
    let met = azure.proxy.calm();
    let what = format!("{published:?} after {met:?}");
    if !whole() {
        println!("{what}\n");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
    tally.met(&met);
    let channel = Wanted::Channel(name("stable"));
    let there = azure.pull(direct.as_ref(), &channel);
    match &published {
        Ok(published) => {
            assert_eq!((there.digest, published.pointer.seq), (second.digest, 2), "{what}");
            tally.outcome("published");
        }
        Err(error) => {
            // the pointer's swap may have succeeded, and only the answer was lost
            assert!([first.digest, second.digest].contains(&there.digest), "{what}");
            assert!(is_clear(error, store.shown(), &met), "{what}");
            let few = met.iter().map(Met::tries).sum::<usize>() <= 2;
            assert!(!(few && met.iter().all(|m| !m.lies())), "not waited for: {what}");
            tally.outcome(format!("a clear error, {:?}", error.kind()));
        }
    }
    azure.publish(store.as_ref(), second, cache).unwrap();
    azure.proxy.calm();
    assert_eq!(azure.pull(direct.as_ref(), &channel).digest, second.digest, "{what}");
    for bundle in [first, second] {
        let wanted = Wanted::Version(bundle.manifest.version);
        assert_eq!(azure.pull(direct.as_ref(), &wanted).digest, bundle.digest, "{what}");
    }
}

#[test]
fn what_is_published_through_a_network_that_fails_is_there_or_the_channel_is_as_it_was() {
    azure_client(&["create", "faults"]);
    let stage = Stage::new();
    let tally = all(RUNS, || Azure::new(&stage), run);
    tally.show(&format!("{RUNS} runs of publishing"));
    if whole() {
        assert_eq!(u64::from(tally.outcomes.values().sum::<u32>()), RUNS);
        assert!(u64::from(tally.outcomes["published"]) > RUNS / 2, "{:?}", tally.outcomes);
    }
}
