//! Images of releases through a failing network: Azurite behind the proxy for those who publish, a web server behind it for
//! those who fetch.

use std::time::{Duration, Instant};

use slipway::blob::{self, Store};
use slipway::error::{Error, Result};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::release::fetch::{Fetched, Near, Source, fetch};

use crate::common::servers::{azure_client, azure_settings, azurite};
use crate::faults::clock::patience;
use crate::faults::fault::Met;
use crate::faults::files::Files;
use crate::faults::forward::Forward;
use crate::faults::proxy::Proxy;
use crate::faults::stage::settings;
use crate::faults::tally::{Tally, all, is_clear, whole};
use crate::pieces::stage::{Image, folder_store, objects};

const UPLOADS: u64 = 40;
const FETCHES: u64 = 60;
/// The silence that counts as an error: Azurite is not a fast server.
const IDLE: Duration = Duration::from_millis(1500);
/// The same for the web server.
const WEB_IDLE: Duration = Duration::from_millis(400);

/// Gets an image from a store; it must be the right one.
fn get(image: &Image, store: &dyn Store, to: &std::path::Path) -> Result<Fetched> {
    let source = Source { store, artifact: &image.artifact };
    let fetched = fetch(&source, to, Near::default(), &Quiet)?;
    assert!(std::fs::read(&fetched.path).unwrap() == image.bytes);
    Ok(fetched)
}

fn shown(met: &[Met], what: &Result<impl std::fmt::Debug, Error>) -> String {
    let what = format!("{what:?} after {met:?}");
    if !whole() {
        println!("{what}\n");
    }
    what
}

/// A first release over a good network, a second over a bad one, and then again over a good one.
fn publish(proxy: &Proxy, seed: u64, tally: &mut Tally) {
    let [first, second] = [1, 2].map(|build| Image::new("acme", build, Format::Qcow2));
    let url = format!("azure://devstoreaccount1/releases/s{seed}");
    let direct = blob::open_for_publishing(&url, &azure_settings()).unwrap();
    let direct = direct.as_ref();
    first.upload(direct, &Quiet).unwrap();
    let to =
        [("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURITE_BLOB_STORAGE_URL", proxy.url.as_str())];
    let settings = settings(IDLE, patience(proxy.gate(), seed), &to);
    let store = blob::open_for_publishing(&url, &settings).unwrap();
    let begun = Instant::now();
    proxy.begin(seed);
    let uploaded = second.upload(store.as_ref(), &Quiet);
    let met = proxy.calm();
    let what = shown(&met, &uploaded);
    assert!(begun.elapsed() < Duration::from_secs(90), "{what}");
    tally.met(&met);
    let folder = tempfile::tempdir().unwrap();
    // what was there is there, and the new one is there as a whole or not at all
    get(&first, direct, folder.path()).unwrap();
    let key = second.list_key();
    match &uploaded {
        Ok(_) => tally.outcome("published"),
        Err(error) => {
            assert!(is_clear(error, store.shown(), &met), "{what}");
            tally.outcome(format!("a clear error, {:?}", error.kind()));
        }
    }
    if uploaded.is_ok() || direct.head(&key).is_ok() {
        get(&second, direct, folder.path()).unwrap();
    }
    let there = objects(direct).len() as u64;
    let rest = second.upload(direct, &Quiet).unwrap();
    // eight of each, six of which they share
    assert_eq!(there + rest.new_pieces, 10, "{what}");
    get(&second, direct, &folder.path().join(".")).unwrap();
}

#[test]
fn an_image_that_is_published_through_a_network_that_fails_is_there_as_a_whole_or_goes_on() {
    azure_client(&["create", "releases"]);
    let host = || azurite().strip_prefix("http://").unwrap().to_owned();
    let tally = all(UPLOADS, || Proxy::before(Forward(host())), publish);
    tally.show(&format!("{UPLOADS} runs of publishing an image"));
    if whole() {
        assert_eq!(u64::from(tally.outcomes.values().sum::<u32>()), UPLOADS);
        assert!(u64::from(tally.outcomes["published"]) > UPLOADS / 3, "{:?}", tally.outcomes);
    }
}

#[test]
fn an_image_that_is_fetched_through_a_network_that_fails_is_the_right_one_or_goes_on() {
    let image = Image::new("acme", 1, Format::Raw);
    let root = tempfile::tempdir().unwrap();
    image.upload(folder_store(root.path()).as_ref(), &Quiet).unwrap();
    // proxies beside it would take the port that it is told
    azurite();
    let web = || Proxy::before(Files { times: vec![root.path().into()], now: Default::default() });
    let tally = all(FETCHES, web, |proxy, seed, tally| {
        let settings = settings(WEB_IDLE, patience(proxy.gate(), seed), &[]);
        let store = blob::open(&proxy.url, &settings).unwrap();
        let to = tempfile::tempdir().unwrap();
        proxy.begin(seed);
        let fetched = get(&image, store.as_ref(), to.path());
        let met = proxy.calm();
        let what = shown(&met, &fetched);
        tally.met(&met);
        match &fetched {
            Ok(_) => tally.outcome("the right bytes"),
            Err(error) => {
                assert!(is_clear(error, store.shown(), &met), "{what}");
                assert!(!to.path().join(&image.artifact.file).exists(), "{what}");
                tally.outcome(format!("a clear error, {:?}", error.kind()));
            }
        }
        let rest = get(&image, store.as_ref(), to.path()).unwrap();
        if fetched.is_ok() {
            assert_eq!(rest.travelled, 0, "{what}");
        }
    });
    tally.show(&format!("{FETCHES} runs of fetching an image"));
    if whole() {
        assert_eq!(u64::from(tally.outcomes.values().sum::<u32>()), FETCHES);
        assert!(u64::from(tally.outcomes["the right bytes"]) > FETCHES / 3, "{:?}", tally.outcomes);
    }
}
