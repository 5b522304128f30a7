//! Bundles, and what a store says about them.

use std::io::Write;

use super::choice;
use super::memory::Memory;
use super::mend;
use crate::blob::{Answer, Ask, Body, Head, Key, Patience, Store};
use crate::bundle::{self, Allow, Bundle, BundleReader, Manifest, Name, Place, Version, Wanted};
use crate::error::{Error, Kind, Result};
use crate::format::Machine;
use crate::key::{PublicKey, Signature, Trust};
use crate::manifest::ImageRecord;
use crate::progress::Quiet;
use crate::units::Timestamp;

/// A bundle's archive: unchanged, or as a tar whose checksums are corrected and that is then
/// packed.
pub fn bundle(data: &[u8]) {
    let (choice, data) = choice(data);
    let file = match choice % 2 {
        0 => {
            let mut bytes = data.to_vec();
            mend::tar(&mut bytes);
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
            gz.write_all(&bytes).expect("memory");
            Memory::of(&gz.finish().expect("memory"))
        }
        _ => Memory::of(data),
    };
    let Ok(bundle) = Bundle::verify(file.path()) else { return };
    assert_eq!(bundle.size, file.length());
    let cache = tempfile::tempdir().expect("a folder");
    // an archive that no builder writes is refused, even if it is sound
    let Ok(unpacked) = bundle::unpack(&bundle, cache.path()) else { return };
    for (file, offset) in bundle.manifest.files.iter().zip(&unpacked.offsets) {
        assert!(offset + file.size <= unpacked.pack.length(), "{} is in the pack", file.path);
    }
}

/// The records around bundles and images.
pub fn records(data: &[u8]) {
    let (choice, data) = choice(data);
    let patience = Patience { attempts: 1, ..Patience::default() };
    let store = Held { bytes: data.to_vec(), patience };
    let site: Name = "demo".parse().expect("a name");
    match choice % 6 {
        0 => manifest(data),
        1 => pull(&store, &site, &Wanted::Channel("stable".parse().expect("a name"))),
        2 => {
            let version = Version { number: [1, 4, 0], build: 17 };
            pull(&store, &site, &Wanted::Version(version));
        }
        3 => drop(bundle::list(&store, &trust(), Timestamp::default(), &Quiet)),
        4 => image_record(data),
        _ => keys(&String::from_utf8_lossy(data)),
    }
}

/// A key that somebody has, but not the fuzzer.
const TRUSTED: &str = "demo namespaces=\"slipway-bundle,slipway-pointer\" ssh-ed25519 \
    AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ";

fn trust() -> Trust {
    Trust::parse(TRUSTED).expect("a key")
}

/// Nothing that a store says is accepted without that key's signature.
fn pull(store: &Held, site: &Name, wanted: &Wanted) {
    let cache = tempfile::tempdir().expect("a folder");
    let trust = trust();
    let reader = BundleReader {
        place: Place::Store(store),
        cache: cache.path(),
        trust: &trust,
        now: Timestamp::default(),
        allow: Allow { rollback: true, expired: true },
        largest: crate::bundle::LARGEST_BUNDLE,
    };
    assert!(reader.pull(site, wanted, &Quiet).is_err(), "nobody signed this");
}

fn keys(text: &str) {
    if let Ok(trust) = Trust::parse(text) {
        let text = trust.text().expect("a file");
        assert!(Trust::parse(&text).is_ok(), "what was written reads");
    }
    let _ = Signature::parse(text);
    let _ = PublicKey::parse(text);
}

fn manifest(data: &[u8]) {
    let Ok(manifest) = Manifest::parse(data) else { return };
    let text = serde_json::to_vec(&manifest).expect("JSON");
    assert_eq!(Manifest::parse(&text).expect("what was written reads"), manifest);
}

fn image_record(data: &[u8]) {
    let Ok(mut record) = serde_json::from_slice::<ImageRecord>(data) else { return };
    Machine::of(&record);
    // read from records of format 1, but never written
    record.profile.probes.clear();
    let text = serde_json::to_vec(&record).expect("JSON");
    let again: ImageRecord = serde_json::from_slice(&text).expect("what was written reads");
    assert_eq!(again, record);
}

/// A store that returns the same bytes for every request.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    patience: Patience,
}

impl Store for Held {
    fn shown(&self) -> &str {
        "a store"
    }

    fn patience(&self) -> &Patience {
        &self.patience
    }

    fn get(&self, _: &Key, _: &Ask<'_>) -> Result<Answer> {
        let bytes = Box::new(std::io::Cursor::new(self.bytes.clone()));
        Ok(Answer::Body(Body { from: 0, tag: None, bytes }))
    }

    fn head(&self, _: &Key) -> Result<Head> {
        Err(Error::new(Kind::Refused, "nobody asks"))
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>> {
        Ok(vec![Key::new(format!("{folder}/a.json"))?])
    }
}
