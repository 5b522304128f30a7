//! What a builder remembers about a store: under one spelling of its address, and when the disk has
//! damaged it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use slipway::blob;
use slipway::bundle::{BundleReader, Place as Where, Refusal};
use slipway::error::Kind;
use slipway::key::Trust;
use slipway::progress::{Progress, Quiet};
use slipway::units::Digest;

use crate::common::vendor::{Vendor, name};
use crate::signed::place::{Place, build, get, overwrite, pointer, stable, why};

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn step(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

impl Notes {
    fn taken(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join("\n")
    }
}

/// The only file in the memory of channels.
fn memory(cache: &Path) -> PathBuf {
    let entries = fs::read_dir(cache.join("channels")).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|e| e.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

struct Scene {
    place: Place,
    vendor: Vendor,
    cache: PathBuf,
    /// The channel's first pointer, and its second.
    states: [Vec<u8>; 2],
}

impl Scene {
    /// Two releases were published; the second was pulled.
    fn new(place: Place) -> Self {
        let (store, cache) = (place.store(), place.cache("cache"));
        let vendor = Vendor::of(&["tiny"]);
        let elsewhere = place.cache("elsewhere");
        let states = [1, 2].map(|n| {
            let publisher = vendor.publisher(store.as_ref(), &elsewhere);
            publisher.publish(&build(place.folder.path(), n), &name("stable"), &Quiet).unwrap();
            get(store.as_ref(), &pointer("stable"))
        });
        vendor.reader(store.as_ref(), &cache).pull(&name("tiny"), &stable(), &Quiet).unwrap();
        drop(store);
        Self { place, vendor, cache, states }
    }

    fn pull(&self, url: &str, progress: &dyn Progress) -> slipway::error::Result<String> {
        let store = blob::open(url, &self.place.settings)?;
        let reader = self.vendor.reader(store.as_ref(), &self.cache);
        Ok(reader.pull(&name("tiny"), &stable(), progress)?.manifest.release)
    }

    fn offline(&self, url: &str) -> slipway::error::Result<String> {
        let store = blob::open(url, &self.place.settings)?;
        let online = self.vendor.reader(store.as_ref(), &self.cache);
        let reader = BundleReader { place: Where::Offline(url), ..online };
        Ok(reader.pull(&name("tiny"), &stable(), &Quiet)?.manifest.release)
    }

    fn set(&self, state: usize) {
        overwrite(self.place.store().as_ref(), &pointer("stable"), &self.states[state]);
    }
}

#[test]
fn a_rollback_is_noticed_however_the_store_is_spelt_and_old_memories_are_found() {
    let [place, _] = Place::both("spelt");
    let scene = Scene::new(place);
    let folder = scene.place.folder.path().join("store");
    let plain = format!("file://{}", folder.display());
    let odd = format!("file:///./{}//", folder.display());
    scene.set(0);
    for url in [&plain, &odd] {
        let error = scene.pull(url, &Quiet).unwrap_err();
        assert_eq!(why(&error), Refusal::Older { seq: 1, seen: 2 }, "{url}");
    }
    assert_eq!(scene.offline(&odd).unwrap(), "tiny-1.0.0+b2");
    // as an older version kept it: under the unusual spelling, and without a sum
    let path = memory(&scene.cache);
    let names = [odd.trim_end_matches('/'), "tiny", "stable"].join("\n");
    let former = path.with_file_name(format!("{}.json", Digest::of(names)));
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    kept.as_object_mut().unwrap().remove("sum").unwrap();
    fs::write(&former, kept.to_string()).unwrap();
    fs::remove_file(&path).unwrap();
    let error = scene.pull(&odd, &Quiet).unwrap_err();
    assert_eq!(why(&error), Refusal::Older { seq: 1, seen: 2 });
    assert_eq!(scene.offline(&odd).unwrap(), "tiny-1.0.0+b2");
    // a good pull moves it
    scene.set(1);
    scene.pull(&odd, &Quiet).unwrap();
    assert_eq!(memory(&scene.cache), path);
    scene.set(0);
    assert!(scene.pull(&plain, &Quiet).is_err());
}

/// Damages the memory; returns the result of an offline pull with it.
fn damaged(scene: &Scene, damage: impl Fn(&str) -> String) -> slipway::error::Error {
    let path = memory(&scene.cache);
    let good = fs::read_to_string(&path).unwrap();
    let spoilt = damage(&good);
    assert_ne!(good, spoilt);
    fs::write(&path, spoilt).unwrap();
    scene.offline(&scene.place.url).map_or_else(|error| error, |release| panic!("took {release}"))
}

/// What happens to the memory's text.
type Damage = fn(&str) -> String;

#[test]
fn a_damaged_memory_is_called_so_and_the_store_is_asked_afresh() {
    for place in Place::both("damaged") {
        let scene = Scene::new(place);
        let url = scene.place.url.clone();
        let notes = Notes::default();
        let cases: [(&str, Damage); 3] = [
            ("cut", |text| text[..text.len() / 2].to_owned()),
            ("a signature's byte", |text| {
                text.replacen("SIGNATURE-----\\\\nU1NI", "SIGNATURE-----\\\\nU1NJ", 1)
            }),
            ("as an older version kept it", |text| {
                let mut kept: serde_json::Value = serde_json::from_str(text).unwrap();
                kept.as_object_mut().unwrap().remove("sum").unwrap();
                kept.to_string().replacen("SIGNATURE-----\\\\nU1NI", "SIGNATURE-----\\\\nU1NJ", 1)
            }),
        ];
        for (what, damage) in cases {
            let error = damaged(&scene, damage);
            assert_eq!(error.kind(), Kind::Damaged, "{what}: {error:?}");
            assert!(
                error.find_remedy().unwrap().contains("without --offline"),
                "{what}: {error:?}"
            );
            // the vendor is not blamed, the good answer is accepted, and the memory is intact again
            assert_eq!(scene.pull(&url, &notes).unwrap(), "tiny-1.0.0+b2", "{what}");
            let said = notes.taken();
            assert_eq!(said.contains("is damaged"), !what.starts_with("as an"), "{what}: {said}");
            assert_eq!(scene.offline(&url).unwrap(), "tiny-1.0.0+b2", "{what}");
            assert_eq!(scene.pull(&url, &notes).unwrap(), "tiny-1.0.0+b2", "{what}");
            assert_eq!(notes.taken(), "", "{what}");
        }
        // a number that grew on the disk does not lock out newer states, and one that shrank lets
        // no old state in
        for (from, to) in [("\"seq\": 2", "\"seq\": 9002"), ("\"seq\": 2", "\"seq\": 0")] {
            let path = memory(&scene.cache);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            scene.set(0);
            let error = scene.pull(&url, &notes).unwrap_err();
            assert_eq!(why(&error), Refusal::Older { seq: 1, seen: 2 }, "{to}");
            scene.set(1);
            assert_eq!(scene.pull(&url, &notes).unwrap(), "tiny-1.0.0+b2", "{to}");
            notes.taken();
        }
        // a key that is no longer trusted is not believed just because something is damaged
        let stranger = Trust::default();
        let store = scene.place.store();
        let online = scene.vendor.reader(store.as_ref(), &scene.cache);
        let reader = BundleReader { trust: &stranger, ..online };
        let error = reader.pull(&name("tiny"), &stable(), &Quiet).unwrap_err();
        assert_eq!(why(&error), Refusal::NoKey);
    }
}
