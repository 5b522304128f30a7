//! A customer's channel of releases: turned, looked back at, taken back; never set back by somebody else.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use super::{built, make, said, text};
use crate::common::small::{bundle, publish, run, slipway};

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = slipway(folder, &[arguments, &["--json"]].concat()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Makes and publishes a release of the newest image; returns its id.
pub(super) fn release(folder: &Path) -> String {
    let made = make(folder, &["--without-smoke", "the test has no machine"]);
    assert!(made.status.success(), "{}", said(&made));
    json(folder, &["release", "publish", "tiny"])["release"].as_str().unwrap().to_owned()
}

/// A second image, of the site's next bundle.
fn build_next(folder: &Path, number: &str) {
    publish(folder, &bundle(folder, number));
    run(folder, &["build", "tiny"]);
}

fn pointer(folder: &Path) -> PathBuf {
    folder.join("store/releases/tiny/tiny/stable.json")
}

fn history(folder: &Path) -> Vec<(u64, String)> {
    let told = json(folder, &["history", "tiny"]);
    let change = |change: &Value| {
        let pointer = &change["pointer"];
        (pointer["seq"].as_u64().unwrap(), pointer["release"].as_str().unwrap().to_owned())
    };
    told.as_array().unwrap().iter().map(change).collect()
}

fn refused(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    assert!(said(output).contains(why), "{}", said(output));
}

#[test]
fn a_release_is_published_followed_taken_back_and_the_history_says_so() {
    let folder = built();
    let folder = folder.path();
    refused(&slipway(folder, &["release", "publish", "tiny"]).output().unwrap(), "no release yet");
    refused(&slipway(folder, &["rollback", "tiny"]).output().unwrap(), "no release");
    assert_eq!(history(folder), []);
    let first = release(folder);
    assert_eq!(release(folder), first, "the same image again");
    assert_eq!(history(folder), [(1, first.clone())]);
    build_next(folder, "2");
    let second = release(folder);
    assert!(second.starts_with("tiny-1.0.0+b2-"), "{second}");
    let newest = &json(folder, &["history", "tiny"])[0]["release"];
    assert_eq!(newest["previous"]["id"], Value::from(first.as_str()));
    let back = json(folder, &["rollback", "tiny"]);
    assert_eq!(back["release"], Value::from(first.as_str()));
    let changes = [(3, first.clone()), (2, second.clone()), (1, first.clone())];
    assert_eq!(history(folder), changes);
    json(folder, &["rollback", "tiny", "--to", &second]);
    assert_eq!(history(folder)[0], (4, second));
    let never = slipway(folder, &["rollback", "tiny", "--to", "tiny-9.0.0+b9-00000000"]).output();
    refused(&never.unwrap(), "never had");
    let shown = slipway(folder, &["history", "tiny"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("not booted: the test has no machine"), "{shown}");
}

#[test]
fn a_channel_that_is_set_back_replaced_or_removed_is_refused_by_who_saw_it_before() {
    let folder = built();
    let folder = folder.path();
    let first = release(folder);
    let old = std::fs::read(pointer(folder)).unwrap();
    build_next(folder, "2");
    release(folder);
    let look = || slipway(folder, &["history", "tiny"]).output().unwrap();
    assert!(look().status.success());
    let new = std::fs::read(pointer(folder)).unwrap();
    std::fs::write(pointer(folder), &old).unwrap();
    refused(&look(), "change 1, and change 2 was seen");
    std::fs::write(
        pointer(folder),
        text(&pointer(folder)).replace(&first, "tiny-1.0.0+b7-00000000"),
    )
    .unwrap();
    refused(&look(), "one of other bytes");
    std::fs::remove_file(pointer(folder)).unwrap();
    refused(&look(), "tiny/stable");
    // another customer's channel is no stand-in, and neither is a bundle's
    let other = folder.join("store/channels/tiny/stable.json");
    std::fs::copy(&other, pointer(folder)).unwrap();
    refused(&look(), "slipway-pointer");
    std::fs::write(pointer(folder), &new).unwrap();
    assert!(look().status.success());
}

#[test]
fn what_a_killed_publisher_did_not_write_down_the_next_one_does() {
    let folder = built();
    let folder = folder.path();
    let first = release(folder);
    let written = folder.join("store/releases/tiny/tiny/stable/1.json");
    std::fs::remove_file(&written).unwrap();
    build_next(folder, "2");
    let second = release(folder);
    assert_eq!(history(folder), [(2, second), (1, first)]);
}

#[test]
fn a_record_in_the_store_that_was_changed_is_not_followed() {
    let folder = built();
    let folder = folder.path();
    let id = release(folder);
    let home = folder.join("store/releases/tiny/tiny").join(id);
    let below = std::fs::read_dir(home).unwrap().next().unwrap().unwrap().path();
    let record = below.join("release.json");
    let changed = text(&record).replace("no machine", "no MACHINE");
    std::fs::write(&record, changed).unwrap();
    let look = slipway(folder, &["history", "tiny"]).output().unwrap();
    refused(&look, "other bytes than were signed");
}

/// Who has it, and the exit code.
pub(super) fn who_has(folder: &Path, arguments: &[&str]) -> (Vec<String>, Option<i32>) {
    let output = slipway(folder, &[&["who-has", "--json"], arguments].concat()).output().unwrap();
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let customer = |holder: &Value| holder["customer"].as_str().unwrap().to_owned();
    (told["holders"].as_array().unwrap().iter().map(customer).collect(), output.status.code())
}

#[test]
fn who_has_something_is_known_from_the_store_and_afterwards_without_it() {
    let folder = built();
    let folder = folder.path();
    assert_eq!(who_has(folder, &["tiny"]), (vec![], Some(3)));
    release(folder);
    let tiny = vec!["tiny".to_owned()];
    assert_eq!(who_has(folder, &["tiny"]), (tiny.clone(), Some(0)));
    assert_eq!(who_has(folder, &["tiny@1.0.0+b1", "--offline"]), (tiny.clone(), Some(0)));
    assert_eq!(who_has(folder, &["openssl@<3"]), (vec![], Some(3)));
    // the store is away, and a part of what is known was half written
    std::fs::rename(folder.join("store/releases"), folder.join("away")).unwrap();
    assert_eq!(who_has(folder, &["tiny", "--offline"]), (tiny.clone(), Some(0)));
    for entry in std::fs::read_dir(folder.join("cache/stock")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let (holders, code) = who_has(folder, &["tiny", "--offline"]);
    assert_eq!((holders, code), (vec![], Some(1)), "what cannot be known is not nobody");
    std::fs::rename(folder.join("away"), folder.join("store/releases")).unwrap();
    assert_eq!(who_has(folder, &["tiny", "--offline"]), (tiny, Some(0)));
}
