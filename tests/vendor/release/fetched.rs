//! A release that is fetched from its store: the very folder that was published, and little travels for the next one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{built, faults, make, said};
use crate::common::small::{self, bundle, publish, run, slipway};

/// Makes and publishes a release of the newest image; returns its folder.
fn release(folder: &Path, more: &[&str]) -> PathBuf {
    let made = make(folder, &["--without-smoke", "the test has no machine"]);
    assert!(made.status.success(), "{}", said(&made));
    let told: Value = serde_json::from_slice(&made.stdout).unwrap();
    let published =
        slipway(folder, &[&["release", "publish", "tiny"], more].concat()).output().unwrap();
    assert!(published.status.success(), "{}", said(&published));
    PathBuf::from(told["folder"].as_str().unwrap())
}

fn fetch(folder: &Path, more: &[&str]) -> Value {
    let arguments = [&["release", "fetch", "tiny", "--json"], more].concat();
    let output = slipway(folder, &arguments).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Each file's name and bytes.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> =
        entries.map(|path| (name(&path), std::fs::read(path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn what_is_fetched_is_the_folder_that_was_published_and_the_next_one_travels_little() {
    let folder = built();
    let folder = folder.path();
    let first = release(folder, &["--whole"]);
    let to = folder.join("got");
    let told = fetch(folder, &["--to", to.to_str().unwrap()]);
    assert!(files(&to) == files(&first));
    assert_eq!(faults(folder, &to), []);
    let image = PathBuf::from(told["images"][0]["file"].as_str().unwrap());
    assert!(told["images"][0]["travelled"].as_u64().unwrap() > 0);
    // where a browser finds it
    let store =
        std::process::Command::new("find").arg(folder.join("store/releases")).output().unwrap();
    let store = String::from_utf8(store.stdout).unwrap();
    assert!(store.contains(image.file_name().unwrap().to_str().unwrap()), "{store}");
    // again: everything is there
    let again = fetch(folder, &["--to", to.to_str().unwrap()]);
    assert_eq!(again["images"][0]["travelled"], 0);

    publish(folder, &bundle(folder, "2"));
    run(folder, &["build", "tiny"]);
    let second = release(folder, &[]);
    let next = folder.join("next");
    let arguments = ["--to", next.to_str().unwrap(), "--have", image.to_str().unwrap()];
    let told = fetch(folder, &arguments);
    assert!(files(&next) == files(&second));
    assert!(told["images"][0]["copied"].as_u64().unwrap() > 0, "{told}");
    let none = slipway(folder, &["release", "fetch", "tiny", "--format", "vhdx"]).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(said(&none).contains("no image in vhdx"), "{}", said(&none));
}

#[test]
fn a_fetch_that_is_killed_at_any_moment_goes_on() {
    let folder = built();
    let folder = folder.path();
    let published = release(folder, &[]);
    for moment in 0..20 {
        let to = folder.join(format!("to-{moment}"));
        let arguments = ["release", "fetch", "tiny", "--to", to.to_str().unwrap()];
        let mut child = slipway(folder, &arguments).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(5 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, bytes) in if to.exists() { files(&to) } else { Vec::new() } {
            if !name.starts_with('.') {
                assert!(std::fs::read(published.join(&name)).unwrap() == bytes, "{name}");
            }
        }
        fetch(folder, &["--to", to.to_str().unwrap()]);
        assert!(files(&to) == files(&published), "moment {moment}");
    }
}

/// The base's regions that the build encoded lie in the cache: they need not travel, and no older image is needed for that.
#[test]
fn what_builds_keep_in_the_cache_does_not_travel_and_a_cache_that_is_damaged_only_saves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut root = small::root();
    // regions are kept when they are worth an entry: bytes that get no shorter
    for n in 0..12u8 {
        let mut bytes = vec![0; 1 << 20];
        blake3::Hasher::new().update(&[n]).finalize_xof().fill(&mut bytes);
        root.put_file(&format!("/usr/lib/noise-{n}"), 0o644, small::TIME, bytes).unwrap();
    }
    small::project_of(folder, &root);
    publish(folder, &bundle(folder, "1"));
    run(folder, &["build", "tiny"]);
    let published = release(folder, &[]);
    let got = |to: &str| {
        let to = folder.join(to);
        let told = fetch(folder, &["--to", to.to_str().unwrap()]);
        assert!(files(&to) == files(&published));
        let number = |name: &str| told["images"][0][name].as_u64().unwrap();
        (number("travelled"), number("cached"))
    };
    let (travelled, cached) = got("with");
    assert!(cached > 8 << 20 && travelled < 2 << 20, "{travelled} travelled, {cached} were there");
    let mut entries = vec![folder.join("cache/encoded")];
    while let Some(path) = entries.pop() {
        if path.is_dir() {
            entries.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len();
        bytes[length - 1000] ^= 1;
        bytes[length / 2] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let (more, less) = got("damaged");
    assert!(more > travelled && less < cached, "{more} travelled, {less} were there");
    std::fs::remove_dir_all(folder.join("cache/encoded")).unwrap();
    assert_eq!(got("without"), (travelled + cached, 0));
}
