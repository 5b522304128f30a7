//! A vendor's store with two releases, at two times.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway::blob::{self, Patience, Settings};
use slipway::bundle::{self, Bundle};
use slipway::progress::Quiet;

use crate::common::vendor::{TIME, Vendor, name};

/// The incompressible bytes of a release: enough for several reads of a download.
const NOISE: usize = 600_000;

pub struct Stage {
    /// Holds everything; removed with it.
    _folder: tempfile::TempDir,
    pub vendor: Vendor,
    pub bundles: [Bundle; 2],
    /// The store with the first release, and then with both.
    pub times: Vec<PathBuf>,
}

impl Stage {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vendor = Vendor::of(&["noisy"]);
        let bundles = [1, 2].map(|number| noisy(folder.path(), number));
        let times: Vec<_> = (0..2).map(|n| folder.path().join(format!("store-{n}"))).collect();
        for (n, root) in times.iter().enumerate() {
            // the same store later: the first release's objects stay
            for bundle in &bundles[..=n] {
                if n == 1 && bundle == &bundles[0] {
                    copy(&times[0], root);
                    continue;
                }
                let url = format!("file://{}", root.display());
                let store = blob::open_for_publishing(&url, &Settings::default()).unwrap();
                let cache = folder.path().join("publisher");
                let publisher = vendor.publisher(store.as_ref(), &cache);
                publisher.publish(bundle, &name("stable"), &Quiet).unwrap();
            }
        }
        Self { _folder: folder, vendor, bundles, times }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// A release determined by its number.
fn noisy(folder: &Path, build: u32) -> Bundle {
    let site = folder.join(format!("site-{build}"));
    for below in ["manifests", "data"] {
        fs::create_dir_all(site.join(below)).unwrap();
    }
    let mut bytes = vec![0; NOISE];
    blake3::Hasher::new().update(&build.to_le_bytes()).finalize_xof().fill(&mut bytes);
    fs::write(site.join("data/noise"), bytes).unwrap();
    fs::write(site.join("manifests/site.pp"), "include slipway::sentinel\n").unwrap();
    fs::write(site.join("SITE.toml"), "site = \"noisy\"\nversion = \"1.0.0\"\n").unwrap();
    let request = bundle::Request {
        site: &site,
        build,
        commit: None,
        created: TIME,
        out: &folder.join("out"),
        cache: &folder.join("apt"),
        inputs: bundle::Inputs::default(),
    };
    bundle::build(&request, &Quiet).unwrap()
}

/// Silence is an error after a moment; everything else is as for users.
pub fn settings(idle: Duration, patience: Patience, variables: &[(&str, &str)]) -> Settings {
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings { variables, idle, patience, ..Settings::default() }
}
