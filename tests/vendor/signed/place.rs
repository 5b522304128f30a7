//! A store, and what tests do to it behind its publisher's back.

use std::path::{Path, PathBuf};

use serde_json::json;
use slipway::blob::{self, Key, Publish, Put, Settings, Small};
use slipway::bundle::{self, Bundle, Refusal, Wanted};
use slipway::error::Error;
use slipway::key::{Namespace, SecretKey};
use slipway::progress::Quiet;
use slipway::units::{Digest, MIB, Timestamp};

use crate::common::servers::{azure_client, azure_settings, azurite, settings};
use crate::common::vendor::{TIME, name};

/// A store's address, and a folder for everything else.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub url: String,
    pub settings: Settings,
    /// The variables that a process needs to reach it.
    pub variables: Vec<(&'static str, String)>,
}

impl Place {
    /// A store in a folder.
    pub fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}/store", folder.path().display());
        Self { folder, url, settings: settings(&[]), variables: Vec::new() }
    }

    /// A store in a folder, and one in Azurite; `what` names the container.
    pub fn both(what: &str) -> [Self; 2] {
        let local = Self::local();
        azure_client(&["create", what]);
        let azure = Self {
            folder: tempfile::tempdir().unwrap(),
            url: format!("azure://devstoreaccount1/{what}/below"),
            settings: azure_settings(),
            variables: vec![
                ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
                ("AZURITE_BLOB_STORAGE_URL", azurite().to_owned()),
            ],
        };
        [local, azure]
    }

    /// Opens the store.
    pub fn store(&self) -> Box<dyn Publish> {
        blob::open_for_publishing(&self.url, &self.settings).unwrap()
    }

    /// A folder of this name, for a cache.
    pub fn cache(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Builds the site tiny.
pub fn build(folder: &Path, build: u32) -> Bundle {
    build_at(folder, build, TIME)
}

/// The same at another time: other bytes under the same version.
pub fn build_at(folder: &Path, build: u32, created: Timestamp) -> Bundle {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo-vendor/sites/tiny");
    let request = bundle::Request {
        site: &site,
        build,
        commit: None,
        created,
        out: &folder.join("out"),
        cache: &folder.join("apt"),
        // hundreds of bundles with the same manifest, on which other tests ask puppet
        inputs: bundle::Inputs { puppet: false, ..bundle::Inputs::default() },
    };
    bundle::build(&request, &Quiet).unwrap()
}

pub fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

pub fn stable() -> Wanted {
    Wanted::Channel(name("stable"))
}

/// The pointer's key.
pub fn pointer(channel: &str) -> Key {
    key(&format!("channels/tiny/{channel}.json"))
}

pub fn get(store: &dyn Publish, key: &Key) -> Vec<u8> {
    blob::read(store, key, MIB, &Quiet).unwrap()
}

/// Overwrites an object unconditionally, as somebody with the store's credentials could.
pub fn overwrite(store: &dyn Publish, key: &Key, bytes: &[u8]) {
    let seen = match blob::small(store, key, MIB, None, &Quiet) {
        Ok(Small::New(_, tag)) => tag,
        Ok(Small::Unchanged) => panic!("nobody asked"),
        Err(_) => None,
    };
    assert_eq!(store.swap(key, seen.as_ref(), bytes).unwrap(), Put::Done);
}

/// A pointer's object.
pub fn envelope(text: &str, signatures: &[String]) -> Vec<u8> {
    json!({ "format": 2, "signed": text, "signatures": signatures }).to_string().into_bytes()
}

/// A pointer's text and signatures.
pub fn opened(object: &[u8]) -> (String, Vec<String>) {
    let value: serde_json::Value = serde_json::from_slice(object).unwrap();
    let texts = value["signatures"].as_array().unwrap();
    let signatures = texts.iter().map(|s| s.as_str().unwrap().to_owned()).collect();
    (value["signed"].as_str().unwrap().to_owned(), signatures)
}

pub fn sign(key: &SecretKey, namespace: Namespace, text: &str) -> String {
    key.sign(namespace, &Digest::of(text)).unwrap().to_string()
}

/// The reason of a refusal.
pub fn why(error: &Error) -> Refusal {
    Refusal::of(error).unwrap_or_else(|| panic!("not a refusal: {error:?}")).clone()
}

/// All files below a folder with their bytes, except locks.
pub fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return all };
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(snapshot(&path)),
            false if path.ends_with(".lock") => {}
            false => all.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    all.sort();
    all
}
