//! Identifiers, versions, packages, closed sets, unknown keys.

use std::path::Path;

use slipway::profile;

use super::{NASTY, accepted, all_accepted, all_refused, known, load, quoted, refused, with};

#[test]
fn identifiers_hold_nothing_but_letters_digits_and_hyphens() {
    for key in ["customer.id", "site", "channel"] {
        all_refused(key, &NASTY);
        all_refused(key, &["-a", "a-", "a--b", "A", "a_b", "a.b", &"a".repeat(41)]);
        all_accepted(key, &["a", "acme", "acme-2", "3m", &"a".repeat(40)]);
    }
}

#[test]
fn a_base_is_one_of_those_that_there_are() {
    all_refused("base", &NASTY);
    let errors = refused("base = \"ubuntu-24.4\"");
    assert_eq!(errors.errors[0].label, "did you mean \"ubuntu-24.04\"?");
}

#[test]
fn a_pinned_bundle_is_a_version_with_its_build_and_without_its_site() {
    for version in [
        "1.4.0",
        "1.4+b1",
        "1.4.0+b",
        "1.4.0+17",
        "v1.4.0+b1",
        "1.4.0+b1/..",
        "1..0+b1",
        "01.4.0+b1",
        "1.4.0+b01",
        "1.4.0-rc.1+b1",
    ] {
        let text =
            with(&format!("bundle = {}", quoted(version))).replace("channel = \"stable\"\n", "");
        assert_eq!(load(&text).expect_err(version).errors.len(), 1, "{version}");
    }
    let text = with("bundle = \"demo-1.4.0+b17\"").replace("channel = \"stable\"\n", "");
    let errors = load(&text).expect_err("a release id");
    assert_eq!(errors.errors[0].label, "write \"1.4.0+b17\", without the site");
    let text = with("bundle = \"1.4.0+b17\"").replace("channel = \"stable\"\n", "");
    load(&text).expect("a version");
}

#[test]
fn a_channel_and_a_pinned_version_exclude_each_other() {
    refused("bundle = \"1.0.0+b1\"");
    let neither = with("").replace("channel = \"stable\"\n", "");
    assert!(load(&neither).expect_err("neither").to_string().contains("neither `channel` nor"));
}

#[test]
fn packages_have_debian_names() {
    for value in NASTY.iter().chain(&[
        "a",
        "-y",
        "nginx-",
        "nginx=1.2",
        "nginx/stable",
        "nginx:i386",
        "Nginx",
        "--allow",
    ]) {
        refused(&format!("packages = [{}]", quoted(value)));
    }
    refused("packages = [\"nginx\", \"nginx\"]");
    accepted("packages = [\"g++\", \"libstdc++6\", \"python3.11\", \"open-vm-tools\"]");
}

#[test]
fn closed_sets_suggest_what_was_meant() {
    let errors = refused("master.mode = \"puppet-server\"");
    assert_eq!(errors.errors[0].label, "did you mean \"puppetserver\"?");
    let errors = refused("formats = [\"qcow\"]");
    assert_eq!(errors.errors[0].label, "did you mean \"qcow2\"?");
    refused("formats = []");
    refused("formats = [\"raw\", \"raw\"]");
    refused("master.interval_minutes = -1");
    refused("master.interval_minutes = 10081");
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    for (line, label) in [
        ("hardware = { memmory = \"2 GiB\" }", "did you mean `memory`?"),
        ("hardware = { hostname = \"x\" }", "it belongs into [system]"),
        ("memry = \"2 GiB\"", "did you mean `memory` in [hardware]?"),
        ("zebra = 1", "no such key"),
    ] {
        assert_eq!(refused(line).errors[0].label, label);
    }
}

#[test]
fn a_customer_without_an_id_is_called_as_its_file() {
    let loaded = load(&with("")).expect("valid");
    assert_eq!(loaded.profile.customer.id, "x");
    assert_eq!(loaded.profile.hostname(), "x");
    for name in ["Acme.toml", "a b.toml", "2024.toml", "ä.toml"] {
        profile::load_text(Path::new(name), &with(""), &known()).expect_err(name);
    }
}
