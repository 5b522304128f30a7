//! Nights that end with a release in a channel.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{UNBOOTED, customer, fleet, night, verdicts};
use crate::common::small::{bundle, publish, run, slipway};

fn endings(report: &Value, step: &str) -> Vec<String> {
    let jobs = report["jobs"].as_array().unwrap().iter().filter(|job| job["step"] == step);
    let mut endings: Vec<String> = jobs
        .map(|job| {
            format!("{} {}", job["customer"].as_str().unwrap(), job["ending"].as_str().unwrap())
        })
        .collect();
    endings.sort();
    endings
}

fn channel(folder: &Path, customer: &str) -> Value {
    let history =
        slipway(folder, &["history", customer, "--channel", "nightly", "--json"]).output().unwrap();
    serde_json::from_slice(&history.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&history.stderr)))
}

#[test]
fn good_images_are_released_and_published_once_and_a_bad_one_costs_nobody_its_release() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let policy = format!("{UNBOOTED}[release]\nchannel = \"nightly\"\n[keep]\nimages = 1\n");
    fleet(folder, &["acme", "north"], &policy);
    // keys that were trusted for bundles alone are not trusted for releases
    run(folder, &["key", "trust", "vendor", "--site", "tiny"]);
    customer(folder, "wrong", "vcpu = 3\n");
    let (output, report) = night(folder, &[]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(verdicts(&report), ["acme built", "north built", "wrong failed plan"]);
    assert_eq!(endings(&report, "publish"), ["acme done", "north done"]);
    let first = report["customers"][0]["release"]["id"].as_str().unwrap().to_owned();
    assert!(channel(folder, "acme").to_string().contains(&first));
    let without =
        fs::read_to_string(folder.join("out/acme/releases").join(&first).join("release.json"))
            .unwrap();
    assert!(without.contains("nothing in this base runs"), "the reason stays for ever: {without}");

    fs::remove_file(folder.join("profiles/wrong.toml")).unwrap();
    let (output, report) = night(folder, &[]);
    assert_eq!(output.status.code(), Some(3), "{report}");
    assert_eq!(endings(&report, "release"), ["acme reused", "north reused"]);
    assert_eq!(endings(&report, "publish"), ["acme reused", "north reused"]);

    // what a channel names stays, however old it is
    run(folder, &["release", "publish", "north", "--channel", "stable"]);
    for build in ["2", "3"] {
        publish(folder, &bundle(folder, build));
        assert_eq!(night(folder, &[]).0.status.code(), Some(0));
    }
    let kept = |name: &str| {
        let entries = fs::read_dir(folder.join("out").join(name).join("releases")).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    };
    assert!(kept("acme").len() == 1 && kept("acme")[0].contains("+b3-"), "{:?}", kept("acme"));
    let north = kept("north");
    assert!(
        north.len() == 2 && north[0].contains("+b1-") && north[1].contains("+b3-"),
        "{north:?}"
    );
}
