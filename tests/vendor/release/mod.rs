//! Image releases: made of a build, signed, and everything in them noticed that was changed.

mod beside;
mod channel;
mod evidence;
mod fetched;
mod many;
mod tampering;
mod texts;
mod verified;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use slipway::units::Digest;

use crate::common::small::{bundle, project, publish, run, slipway};

/// The small project with an image of its customer.
fn built() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    publish(folder.path(), &bundle(folder.path(), "1"));
    run(folder.path(), &["build", "tiny"]);
    folder
}

/// The same with a release that nobody booted.
fn released() -> (tempfile::TempDir, PathBuf) {
    let folder = built();
    let made = make(folder.path(), &["--without-smoke", "the test has no machine"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let told: Value = serde_json::from_slice(&made.stdout).unwrap();
    let release = PathBuf::from(told["folder"].as_str().unwrap());
    (folder, release)
}

fn make(folder: &Path, more: &[&str]) -> Output {
    slipway(folder, &[&["release", "make", "tiny", "--json"], more].concat()).output().unwrap()
}

/// What `release verify` finds: rule and file of each fault.
fn faults(folder: &Path, release: &Path) -> Vec<(String, String)> {
    let release = release.to_str().unwrap();
    let output = slipway(folder, &["release", "verify", release, "--json"]).output().unwrap();
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let faults = told["faults"].as_array().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!faults.is_empty())), "{}", said(&output));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    faults.iter().map(|fault| (text(&fault["rule"]), text(&fault["file"]))).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The image that the small project's customer has.
fn image(release: &Path) -> PathBuf {
    let entries = std::fs::read_dir(release).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "qcow2")).min().unwrap()
}

#[test]
fn a_release_is_made_of_a_build_and_its_signatures_and_digests_hold_elsewhere() {
    let (folder, release) = released();
    assert_eq!(faults(folder.path(), &release), []);
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(&release)
        .output()
        .unwrap();
    assert!(sums.status.success(), "{}", said(&sums));
    for name in ["release.json", "SHA256SUMS"] {
        let signed = std::fs::File::open(release.join(name)).unwrap();
        let verified = Command::new("ssh-keygen")
            .args(["-Y", "verify", "-f"])
            .arg(folder.path().join("trust/allowed_signers"))
            .args(["-I", "tiny", "-n", "slipway-release", "-s"])
            .arg(release.join(format!("{name}.sig")))
            .stdin(signed)
            .output()
            .unwrap();
        assert!(verified.status.success(), "{name}: {}", said(&verified));
    }
    let record: Value = serde_json::from_str(&text(&release.join("release.json"))).unwrap();
    assert_eq!(record["smoke"], json!({ "without": "the test has no machine" }));
    // a further name of the same file costs nothing
    let build = folder.path().join("out/tiny").join(image(&release).file_name().unwrap());
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(build.metadata().unwrap().ino(), image(&release).metadata().unwrap().ino());
}

#[test]
fn what_was_not_tested_is_released_only_for_a_reason_and_what_failed_never() {
    let folder = built();
    let folder = folder.path();
    let refused = make(folder, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--without-smoke"), "{}", said(&refused));
    let empty = make(folder, &["--without-smoke", " "]);
    assert_eq!(empty.status.code(), Some(1));
    report(folder, "failed", |report| {
        report["verdict"] = json!({ "kind": "panicked", "message": "x" })
    });
    let failed = make(folder, &["--without-smoke", "we know better"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(said(&failed).contains("smoke test (bios) failed"), "{}", said(&failed));
    // a report of other bytes proves nothing of these
    report(folder, "other", |report| {
        report["image_sha256"] = json!(Digest::of("other").to_string())
    });
    assert_eq!(make(folder, &[]).status.code(), Some(1));
    report(folder, "ready", |_| ());
    let made = make(folder, &[]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let told: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(told["release"]["smoke"]["booted"][0]["firmware"], "bios");
    assert_eq!(faults(folder, Path::new(told["folder"].as_str().unwrap())), []);
}

/// Writes a report beside the image as a smoke test of it would, but for what `change` changes.
fn report(folder: &Path, summary: &str, change: impl Fn(&mut Value)) {
    let image = image(&folder.join("out/tiny"));
    let bundle = "tiny-1.0.0+b1";
    let mut report = json!({
        "format": 1, "slipway": "0.2.0", "qemu": "7.2", "image": image, "release": bundle, "firmware": "bios",
        "image_sha256": Digest::of(std::fs::read(&image).unwrap()).to_string(), "accelerator": "tcg",
        "network": "dhcp", "verdict": { "kind": "ready" }, "exit_code": 0, "summary": summary, "boots": []
    });
    report["network"] = network();
    change(&mut report);
    let beside = image.with_extension("smoke-bios");
    std::fs::create_dir_all(&beside).unwrap();
    std::fs::write(beside.join("report.json"), report.to_string()).unwrap();
}

/// As a report has it.
fn network() -> Value {
    serde_json::to_value(slipway::smoke::TestNetwork::default()).unwrap()
}

#[test]
fn a_release_that_was_made_is_taken_again_and_one_of_an_untested_image_gives_way_to_a_tested_one() {
    let (folder, release) = released();
    let before = text(&release.join("release.json"));
    make(folder.path(), &["--without-smoke", "the test has no machine"]);
    assert_eq!(text(&release.join("release.json")), before);
    report(folder.path(), "ready", |_| ());
    assert_eq!(make(folder.path(), &[]).status.code(), Some(0));
    assert!(text(&release.join("release.json")).contains("smoke-bios.json"));
    let beside = release.parent().unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(beside).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock".as_ref(), release.file_name().unwrap()]);
}

#[test]
fn an_image_that_changed_since_it_was_built_is_not_released() {
    let folder = built();
    let image = image(&folder.path().join("out/tiny"));
    let mut bytes = std::fs::read(&image).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&image, bytes).unwrap();
    let refused = make(folder.path(), &["--without-smoke", "no machine"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("not what was built"), "{}", said(&refused));
    assert!(!folder.path().join("out/tiny/releases").join("tiny").exists());
}

#[test]
fn a_release_that_is_built_again_has_the_same_bytes_and_another_input_is_named() {
    let (folder, release) = released();
    let folder = folder.path();
    let again =
        || slipway(folder, &["release", "verify", "tiny", "--rebuild", "--json"]).output().unwrap();
    let rebuilt = again();
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    let told: Value = serde_json::from_slice(&rebuilt.stdout).unwrap();
    let file = image(&release).file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(told["rebuilt"][0]["file"], Value::from(file));
    assert_eq!(told["rebuilt"][0].get("differs"), None);
    let profile = folder.join("profiles/tiny.toml");
    let before = text(&profile);
    std::fs::write(&profile, before.replace("name = \"Tiny\"", "name = \"Tinier\"")).unwrap();
    let refused = again();
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(told.contains("its profile was another one"), "{told}");
    let left = std::fs::read_dir(folder.join("out")).unwrap().map(|e| e.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".verify")));
}

#[test]
fn a_leak_keeps_an_image_from_being_released_until_there_is_a_reason_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    project(folder);
    let profile = folder.join("profiles/tiny.toml");
    let files = "[[files]]\npath = \"/opt/deploy.env\"\ncontent = \"TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345\\n\"\n";
    std::fs::write(&profile, text(&profile) + files).unwrap();
    publish(folder, &bundle(folder, "1"));
    run(folder, &["build", "tiny"]);
    let refused = make(folder, &["--without-smoke", "no machine"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let told: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(told["faults"][0]["rule"], "leak", "{told:#}");
    let said = said(&refused);
    assert!(
        said.contains("/opt/deploy.env at byte 6") && !said.contains("ghp_0123456789"),
        "{said}"
    );
    let allow = "[[release.allow]]\nrule = \"github-token\"\npath = \"/opt/deploy.env\"\nreason = \"of a test server\"\n";
    std::fs::write(&profile, text(&profile) + allow).unwrap();
    assert_eq!(make(folder, &["--without-smoke", "no machine"]).status.code(), Some(0));
}

#[test]
fn the_notes_say_what_is_new_since_the_release_that_the_customer_has() {
    let (folder, release) = released();
    let folder = folder.path();
    assert!(
        text(&release.join("NOTES.md")).contains("first release"),
        "{}",
        text(&release.join("NOTES.md"))
    );
    run(folder, &["release", "publish", "tiny"]);
    publish(folder, &bundle(folder, "2"));
    let profile = folder.join("profiles/tiny.toml");
    std::fs::write(&profile, text(&profile) + "[branding]\nproduct = \"Tiny Two\"\n").unwrap();
    run(folder, &["build", "tiny"]);
    let made = make(folder, &["--without-smoke", "no machine"]);
    let told: Value =
        serde_json::from_slice(&made.stdout).unwrap_or_else(|_| panic!("{}", said(&made)));
    let release = PathBuf::from(told["folder"].as_str().unwrap());
    let notes = text(&release.join("NOTES.md"));
    assert!(notes.contains("tiny-1.0.0+b1") && notes.contains("tiny-1.0.0+b2"), "{notes}");
    assert!(text(&release.join("NOTES.html")).contains("tiny-1.0.0+b2"));
    let contents = text(&release.join("contents.json"));
    assert!(contents.contains("/etc/hostname"), "{contents}");
}
