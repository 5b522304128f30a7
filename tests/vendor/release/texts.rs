//! The long texts of releases in a store: what customers have in common is there once, and what is fetched is what was made.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::fetched::files;
use super::said;
use crate::common::small::{self, TIME, bundle, publish, run, slipway};

/// Two customers of one site.
const CUSTOMERS: [(&str, &str); 2] = [("hawthorn", "Hawthorn Mill"), ("juniper", "Juniper Dairy")];

/// The small project with a root of many names and two customers.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut root = small::root();
    for n in 0..6000 {
        let path = format!("/usr/share/doc/things/{:02}/file-{n}.txt", n % 20);
        root.put_file(&path, 0o644, TIME, format!("{n}\n")).unwrap();
    }
    small::project_of(folder.path(), &root);
    let profile = folder.path().join("profiles/tiny.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    // the site's own name would be found in the image of another customer
    std::fs::remove_file(profile).unwrap();
    for (customer, name) in CUSTOMERS {
        let text = text.replace("name = \"Tiny\"", &format!("name = \"{name}\""))
            + &format!("[[files]]\npath = \"/opt/mine\"\ncontent = \"of {name}\\n\"\n");
        std::fs::write(folder.path().join(format!("profiles/{customer}.toml")), text).unwrap();
    }
    publish(folder.path(), &bundle(folder.path(), "1"));
    folder
}

/// Makes and publishes a customer's release; returns its folder.
fn release(folder: &Path, customer: &str, more: &[&str]) -> PathBuf {
    run(folder, &["build", customer]);
    let make =
        ["release", "make", customer, "--without-smoke", "the test has no machine", "--json"];
    let made = slipway(folder, &make).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let told: Value =
        serde_json::from_slice(&made.stdout).unwrap_or_else(|_| panic!("{}", said(&made)));
    run(folder, &[&["release", "publish", customer], more].concat());
    PathBuf::from(told["folder"].as_str().unwrap())
}

/// All files below a folder, with their lengths.
fn below(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => below(&path, found),
            false => found.push((path.clone(), path.metadata().unwrap().len())),
        }
    }
}

/// What of a store are texts: all but the pieces of images, which are not compressed there, and their lists.
fn texts(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    below(&folder.join("store/pieces"), &mut found);
    found.retain(|(path, _)| path.extension().is_some_and(|end| end == "zst"));
    below(&folder.join("store/releases"), &mut found);
    found
}

fn fetch(folder: &Path, customer: &str, to: &str) -> std::process::Output {
    slipway(folder, &["release", "fetch", customer, "--to", to]).output().unwrap()
}

#[test]
fn a_second_customer_adds_little_to_the_texts_of_a_store_and_each_fetches_its_own_release() {
    let folder = project();
    let folder = folder.path();
    let first = release(folder, "hawthorn", &[]);
    let made: u64 = std::fs::read_dir(&first)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| !e.file_name().to_string_lossy().ends_with("qcow2"))
        .map(|e| e.metadata().unwrap().len())
        .sum();
    let sum = || texts(folder).iter().map(|(_, length)| length).sum::<u64>();
    let one = sum();
    let other = release(folder, "juniper", &[]);
    let second = sum() - one;
    assert!(made > 1_000_000 && one < made / 2, "{made} bytes were made, {one} are stored");
    assert!(second < made / 8, "{made} bytes were made, {second} were added");
    let longest = texts(folder)
        .into_iter()
        .filter(|(path, _)| path.starts_with(folder.join("store/releases")));
    let longest = longest.max_by_key(|(_, length)| *length).unwrap();
    assert!(longest.1 <= 16 << 10, "{longest:?} lies there as it is");
    for (customer, folder_made) in [("hawthorn", &first), ("juniper", &other)] {
        let to = folder.join(format!("got-{customer}"));
        let fetched = fetch(folder, customer, to.to_str().unwrap());
        assert!(fetched.status.success(), "{}", said(&fetched));
        assert!(files(&to) == files(folder_made), "{customer}");
    }
}

#[test]
fn a_store_from_before_texts_were_pieces_is_read_and_a_text_that_was_changed_is_refused() {
    let folder = project();
    let folder = folder.path();
    // one that is published whole has each text as it is, too, as all had before
    let first = release(folder, "hawthorn", &["--whole"]);
    let contents = slipway::units::Digest::of(std::fs::read(first.join("contents.json")).unwrap());
    let list = folder.join(format!("store/pieces/lists/{contents}.json"));
    let refused = |what: &str| {
        let fetched = fetch(folder, "hawthorn", folder.join(what).to_str().unwrap());
        assert_eq!(fetched.status.code(), Some(1), "{what}: {}", said(&fetched));
        assert!(!folder.join(what).join("contents.json").exists(), "{what}");
        assert!(!folder.join(what).join("release.json").exists(), "{what}");
        said(&fetched)
    };
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replacen("\"at\":[[0,", "\"at\":[[1,", 1)).unwrap();
    assert!(refused("a-gap").contains("list of pieces"));
    std::fs::write(&list, &text).unwrap();
    let pieces =
        texts(folder).into_iter().filter(|(path, _)| path.starts_with(folder.join("store/pieces")));
    let longest = pieces.max_by_key(|(_, length)| *length).unwrap().0;
    let bytes = std::fs::read(&longest).unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&longest, changed).unwrap();
    refused("a-piece");
    std::fs::remove_file(&longest).unwrap();
    assert!(refused("no-piece").contains("lacks a piece"));
    // publishing again puts back what is missing, though nothing is new
    run(folder, &["release", "publish", "hawthorn", "--valid-for", "3000"]);
    assert!(std::fs::read(&longest).unwrap() == bytes);
    for name in std::fs::read_dir(folder.join("store/pieces/lists")).unwrap() {
        let path = name.unwrap().path();
        let is_text = std::fs::read_to_string(&path).unwrap().contains("\"zstd\"");
        if is_text {
            std::fs::remove_file(path).unwrap();
        }
    }
    let to = folder.join("old-form");
    let fetched = fetch(folder, "hawthorn", to.to_str().unwrap());
    assert!(fetched.status.success(), "{}", said(&fetched));
    assert!(files(&to) == files(&first));
}
