//! Releases that are verified without their folder, and those that somebody built again and says so.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use slipway::key::Trust;
use slipway::release::{Release, SUMMARY, check_rebuilt};
use slipway::units::{Digest, Timestamp};

use super::evidence::{json, pem};
use super::{built, faults, image, make, released, said};
use crate::common::evidence::{accepted, cosign_of, refuses};
use crate::common::project::repository;
use crate::common::small::{run, slipway};

fn verify(folder: &Path, arguments: &[&str]) -> Output {
    slipway(folder, &[&["release", "verify"], arguments].concat()).output().unwrap()
}

fn good(output: &Output, with: &str) {
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    assert!(told.contains(with), "{told}");
}

fn bad(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    assert!(said(output).contains(why), "{}", said(output));
}

#[test]
fn an_image_that_lies_alone_is_held_against_its_release_in_out_or_else_in_the_store() {
    let (folder, release) = released();
    let folder = folder.path();
    let alone = folder.join("sent.qcow2");
    std::fs::copy(image(&release), &alone).unwrap();
    let ask = |more: &[&str]| verify(folder, &[&[alone.to_str().unwrap()], more].concat());
    let id = release.file_name().unwrap().to_str().unwrap();
    good(&ask(&[]), &format!("compared with the record of {id}, in out/tiny/releases/{id}"));
    bad(&ask(&["--channel", "stable"]), "the channel");
    run(folder, &["release", "publish", "tiny"]);
    good(&ask(&["--channel", "stable"]), "the channel tiny/stable named in its change 1");
    std::fs::rename(&release, folder.join("away")).unwrap();
    good(&ask(&[]), "the channel tiny/stable named in its change 1");
    bad(&ask(&["--rebuild"]), "an image alone cannot be built again");
    let mut bytes = std::fs::read(&alone).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&alone, &bytes).unwrap();
    bad(&ask(&[]), "no image of");
    std::fs::write(&alone, "no image at all").unwrap();
    assert_eq!(ask(&[]).status.code(), Some(1));
    // a record that was changed proves nothing
    std::fs::rename(folder.join("away"), &release).unwrap();
    bytes[middle] ^= 1;
    std::fs::write(&alone, &bytes).unwrap();
    let record = std::fs::read_to_string(release.join("release.json")).unwrap();
    std::fs::write(release.join("release.json"), record.replace("no machine", "a machine"))
        .unwrap();
    bad(&ask(&[]), "release.json.sig");
}

#[test]
fn a_customer_without_a_release_in_out_is_verified_by_what_its_channel_has() {
    let (folder, release) = released();
    let folder = folder.path();
    run(folder, &["release", "publish", "tiny"]);
    good(&verify(folder, &["tiny"]), "each file was compared with the signed record");
    let id = release.file_name().unwrap().to_str().unwrap();
    let fetched = "was fetched from";
    good(&verify(folder, &["tiny", "--channel", "stable"]), fetched);
    good(&verify(folder, &[&format!("tiny@{id}")]), fetched);
    bad(&verify(folder, &["tiny@tiny-9.0.0+b9-00000000"]), "never had");
    std::fs::remove_dir_all(&release).unwrap();
    good(&verify(folder, &["tiny"]), fetched);
    bad(&verify(folder, &["tiny", "--channel", "beta"]), "has no release");
    let left = std::fs::read_dir(folder.join("out")).unwrap().map(|e| e.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".verify")));
}

#[test]
fn a_rebuild_is_stated_as_slsas_summary_travels_with_the_release_and_is_in_its_history() {
    let (folder, release) = released();
    let folder = folder.path();
    let published = |more: &[&str]| run(folder, &[&["release", "publish", "tiny"], more].concat());
    published(&[]);
    let unsigned = verify(folder, &["tiny", "--rebuild", "--unsigned"]);
    assert_eq!(unsigned.status.code(), Some(0), "{}", said(&unsigned));
    assert!(!release.join("rebuilt.dsse.json").exists());
    let rebuilt = verify(folder, &["tiny", "--rebuild"]);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    assert_eq!(faults(folder, &release), []);
    let (key, envelope) = (pem(folder), release.join("rebuilt.dsse.json"));
    let statement = &accepted("summary", &[&envelope, &key])[0];
    let statement: Value = serde_json::from_str(statement).unwrap();
    assert_eq!(statement["predicate"]["verificationResult"], "PASSED");
    let checked = cosign_of(SUMMARY, &key, &envelope, &image(&release));
    assert!(checked.status.success(), "{}", said(&checked));
    let other = folder.join("other.img");
    std::fs::write(&other, "another image").unwrap();
    assert!(!cosign_of(SUMMARY, &key, &envelope, &other).status.success());
    let payload = json(&envelope)["payload"].as_str().unwrap().to_owned();
    let changed = payload.replacen('A', "B", 1);
    assert!(refuses("summary", &envelope, &[&key], &payload, &changed));

    // the channel names the release already: what is new is carried along all the same, and again is nothing
    published(&[]);
    published(&[]);
    let shown = slipway(folder, &["history", "tiny"]).output().unwrap();
    good(&shown, "every byte the same, says SHA256:");
    let to = folder.join("got");
    run(folder, &["release", "fetch", "tiny", "--to", to.to_str().unwrap()]);
    assert!(super::fetched::files(&to) == super::fetched::files(&release));

    // a statement in the store that nobody trusted made
    let stored = stored(folder, "rebuilt.dsse.json");
    let text = std::fs::read_to_string(&stored).unwrap();
    std::fs::write(&stored, text.replace(&payload, &changed)).unwrap();
    let shown = slipway(folder, &["history", "tiny", "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(told[0].get("rebuilt").is_none() && told[0]["not_believed"].is_string(), "{told:#}");
    let fetched = slipway(folder, &["release", "fetch", "tiny", "--to", "again"]).output().unwrap();
    bad(&fetched, "rebuilt.dsse.json");
}

#[test]
fn a_key_that_is_not_trusted_for_it_states_no_rebuild() {
    let (folder, release) = released();
    let trust = folder.path().join("trust/allowed_signers");
    let text = std::fs::read_to_string(&trust).unwrap();
    assert!(text.contains(",slipway-rebuild"), "{text}");
    std::fs::write(&trust, text.replace(",slipway-rebuild", "")).unwrap();
    bad(&verify(folder.path(), &["tiny", "--rebuild"]), "slipway key trust");
    assert!(!release.join("rebuilt.dsse.json").exists());
}

#[test]
fn where_a_release_was_made_is_in_its_record_and_its_provenance_when_somebody_says_so() {
    let folder = built();
    let folder = folder.path();
    let run_url = "https://ci.example.com/runs/481";
    let made = |builder: &str| {
        let arguments = ["release", "make", "tiny", "--without-smoke", "no machine", "--json"];
        let mut command = slipway(folder, &arguments);
        command.env("SLIPWAY_BUILDER", builder).env("SLIPWAY_RUN", run_url).output().unwrap()
    };
    let refused = made("https://me:secret@ci.example.com/agent");
    let told = String::from_utf8_lossy(&refused.stdout).into_owned() + &said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("SLIPWAY_BUILDER names a user") && !told.contains("secret"), "{told}");
    let output = made("https://ci.example.com/agent");
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    assert_eq!(told["release"]["maker"]["run"], run_url);
    let release = PathBuf::from(told["folder"].as_str().unwrap());
    let statement =
        &accepted("provenance", &[&release.join("provenance.dsse.json"), &pem(folder)])[0];
    let statement: Value = serde_json::from_str(statement).unwrap();
    let details = &statement["predicate"]["runDetails"];
    assert_eq!(details["builder"]["id"], "https://ci.example.com/agent");
    assert_eq!(details["metadata"]["invocationId"], run_url);
    run(folder, &["release", "publish", "tiny"]);
    let shown = slipway(folder, &["history", "tiny"]).output().unwrap();
    good(&shown, &format!("in the run {run_url}"));
    // nobody is named who does not name themselves
    std::fs::remove_dir_all(&release).unwrap();
    let output = make(folder, &["--without-smoke", "no machine"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["release"].get("maker"), None);
}

/// What was written once is read by every later version.
#[test]
fn the_first_statement_of_a_rebuild_that_was_signed_is_still_believed_and_of_its_own_record_alone()
{
    let record =
        |name: &str| std::fs::read(repository("tests/records/rebuilt").join(name)).unwrap();
    let trust = Trust::read(&repository("tests/records/rebuilt/allowed_signers")).unwrap();
    let (text, envelope) = (record("release-1.json"), record("rebuilt-1.dsse.json"));
    let release = Release::parse(&text).unwrap();
    let now = Timestamp::from_seconds(1_800_000_000);
    let check = |digest| check_rebuilt(&envelope, &trust, now, &release, digest);
    assert!(check(Digest::of(&text)).unwrap().at.starts_with("20"));
    assert_eq!(check(Digest::of("another")).unwrap_err().len(), 1);
    let nobody = Trust::default();
    assert!(check_rebuilt(&envelope, &nobody, now, &release, Digest::of(&text)).is_err());
}

/// Where the store has a file of the release.
fn stored(folder: &Path, name: &str) -> PathBuf {
    let mut places = vec![folder.join("store/releases")];
    while let Some(place) = places.pop() {
        match place.is_dir() {
            true => places.extend(std::fs::read_dir(place).unwrap().map(|e| e.unwrap().path())),
            false if place.file_name().is_some_and(|n| n == name) => return place,
            false => {}
        }
    }
    panic!("the store has no {name}")
}
