//! `slipway bundle` as its users see it.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::flow::vendor;

fn slipway(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("slipway").unwrap();
    command.current_dir(folder).env("SLIPWAY_CACHE", folder.join("cache"));
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    command
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn build_list_and_show_agree_on_what_was_published() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file://{}/store", folder.path().display());
    for build in ["9", "10"] {
        let mut command = slipway(folder.path());
        command.args(["bundle", "build"]).arg(vendor().join("sites/tiny"));
        command.args(["--build", build, "--publish", &store, "--channel", "stable", "--json"]);
        assert_eq!(json(&mut command)["release"], format!("tiny-1.0.0+b{build}"));
    }
    let listed = json(slipway(folder.path()).args(["bundle", "list", &store, "--json"]));
    let releases: Vec<&str> = listed["bundles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["release"].as_str().unwrap())
        .collect();
    assert_eq!(releases, ["tiny-1.0.0+b9", "tiny-1.0.0+b10"]);
    assert_eq!(listed["channels"][0]["release"], "tiny-1.0.0+b10");
    assert_eq!(listed["channels"][0]["seq"], 2);

    let file = "out/bundles/tiny-1.0.0+b10.tgz";
    let shown = json(slipway(folder.path()).args(["bundle", "show", file, "--json"]));
    assert_eq!(shown["release"], "tiny-1.0.0+b10");
    assert_eq!(shown["created"], "2023-11-14T22:13:20Z");
    slipway(folder.path()).args(["bundle", "show", file]).assert().success();
    slipway(folder.path()).args(["bundle", "list", &store]).assert().success();
}

/// What stderr says when `toml` is a site's SITE.toml.
fn complaint(toml: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("manifests")).unwrap();
    std::fs::write(folder.path().join("manifests/site.pp"), "").unwrap();
    std::fs::write(folder.path().join("SITE.toml"), toml).unwrap();
    let output = slipway(folder.path()).args(["bundle", "build", "."]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_wrong_site_is_shown_with_place_and_remedy() {
    let head = "site = \"x\"\nversion = \"1.0.0\"\n";
    let cases = [
        ("site = \"x\"\nversion = \"1.0\"\n".to_owned(), "write it as 1.4.0"),
        ("site = \"../x\"\nversion = \"1.0.0\"\n".to_owned(), "line 1, column 8"),
        (format!("{head}pakages = []\n"), "unknown field `pakages`"),
        (format!("{head}[needs]\npackages = [\"-y\"]\n"), "\"-y\" cannot be a package's name"),
        (format!("{head}[modules]\n\"../x\" = {{ path = \"x\" }}\n"), "cannot be a module's name"),
        (format!("{head}[modules]\nx = {{ package = \"y\" }}\n"), "add the table [archive]"),
        (format!("{head}[modules]\nx = {{ path = \"no-such\" }}\n"), "no-such: cannot list"),
    ];
    for (toml, says) in cases {
        let said = complaint(&toml);
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn a_folder_without_a_site_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = slipway(folder.path()).args(["bundle", "build", "."]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("./SITE.toml: cannot read the site"));
}
