//! Throws nasty texts at every place of a profile that takes one: each is refused, or holds only
//! characters that are safe where the value is used.

use std::path::Path;

use proptest::prelude::*;
use slipway::profile::{self, Known, Profile};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// Where a text goes in a profile, how it is written there, and which characters are safe beside ASCII
/// letters and digits.
struct Slot {
    line: &'static str,
    safe: &'static str,
    /// Names for people hold every script's letters, and punctuation that no shell knows.
    people: bool,
}

const fn slot(line: &'static str, safe: &'static str) -> Slot {
    Slot { line, safe, people: false }
}

const fn people(line: &'static str) -> Slot {
    Slot { line, safe: "", people: true }
}

const SLOTS: [Slot; 27] = [
    slot("base = @", "-."),
    slot("site = @", "-"),
    slot("channel = @", "-"),
    slot("bundle = @", "-.+"),
    slot("store = @", "-._+~/:[]"),
    slot("customer.id = @", "-"),
    people("customer.name = @"),
    people("customer.contact = @"),
    slot("master.mode = @", ""),
    slot("system.hostname = @", "-."),
    slot("system.timezone = @", "-_+/"),
    slot("network = { address = @, gateway = \"192.0.2.1\" }", ".:/"),
    slot("network = { address = \"192.0.2.2/24\", gateway = @ }", ".:"),
    slot("network.dns = [@]", ".:"),
    slot("network.ntp = [@]", ".:-"),
    slot("network.proxy = @", ".:/-[]"),
    slot("hardware.disk = @", " "),
    slot("hardware.memory = @", " "),
    slot("formats = [@]", ""),
    slot("packages = [@]", "+.-"),
    slot("files = [{ path = @, content = \"\" }]", "/._-@+"),
    slot("files = [{ path = \"/etc/x\", source = @ }]", "/._-@+"),
    slot("files = [{ path = \"/etc/x\", content = \"\", mode = @ }]", ""),
    slot("access.ssh_keys = [@]", " +/=@._-:,()"),
    people("branding.product = @"),
    slot("probes = [{ http = @ }]", "/._~-+%?&=,:@"),
    slot("probes = [{ unit = @ }]", ":_.@-"),
];

/// A profile in which one line is put in the place of its own.
fn profile_with(line: &str) -> String {
    let own = [
        ("base", "base = \"debian-12\""),
        ("site", "site = \"demo\""),
        ("store", "store = \"file:out\""),
        ("customer.name", "customer.name = \"X\""),
    ];
    let mut text = String::new();
    for (key, own) in own {
        if !line.starts_with(&format!("{key} ")) {
            text.push_str(&format!("{own}\n"));
        }
    }
    if !line.starts_with("channel ") && !line.starts_with("bundle ") {
        text.push_str("channel = \"stable\"\n");
    }
    text.push_str(line);
    text
}

fn load(line: &str, value: &str) -> Option<Profile> {
    let known = Known { bases: vec!["debian-12".to_owned(), "ubuntu-24.04".to_owned()] };
    let value = toml::Value::String(value.to_owned()).to_string();
    let text = profile_with(&line.replace('@', &value));
    profile::load_text(Path::new("profiles/x.toml"), &text, &known).ok().map(|l| l.profile)
}

fn is_safe(slot: &Slot, value: &str) -> bool {
    value.chars().all(|c| {
        if slot.people {
            !c.is_control() && !"\"'\\`$\u{202e}\u{200b}\u{2028}".contains(c)
        } else {
            c.is_ascii_alphanumeric() || slot.safe.contains(c)
        }
    }) && !value.contains("%{")
        && (slot.people || !value.split('/').any(|part| part == ".."))
}

/// Pieces that break out of somewhere, beside good values that they are put into.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "$(id)",
            "`id`",
            "';id;'",
            "\"",
            "'",
            "\\",
            "\n",
            "\r",
            "\t",
            "\0",
            "\u{1b}[2J",
            "../",
            "/..",
            "%{facts}",
            "%{",
            "${x}",
            "#{x}",
            "&&",
            "|",
            ">",
            "<",
            "*",
            "?",
            "~",
            "!",
            "ä",
            "\u{202e}",
            "\u{200b}",
            "\u{2028}",
            "\u{feff}",
            " ",
            "--",
            "=",
            "@",
            ":",
            "#",
            ",",
            ";",
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            "acme",
            "debian-12",
            "stable",
            "1.0.0+b1",
            "file:out",
            "https://host/x",
            "x.example",
            "Europe/Berlin",
            "192.0.2.9/24",
            "192.0.2.1",
            "http://proxy:3128",
            "8 GiB",
            "qcow2",
            "nginx",
            "/etc/motd",
            "0644",
            KEY,
            "/health",
            "nginx.service",
            "apply",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_nasty_text_is_refused_or_holds_only_safe_characters(
        slot in prop::sample::select((0..SLOTS.len()).collect::<Vec<_>>()),
        value in nasty(),
    ) {
        let slot = &SLOTS[slot];
        if load(slot.line, &value).is_some() {
            prop_assert!(is_safe(slot, &value), "{} took {value:?}", slot.line);
        }
    }

    #[test]
    fn no_text_at_all_makes_the_parser_or_the_report_fail(text in any::<String>()) {
        if let Err(errors) = profile::load_text(Path::new("x.toml"), &text, &Known::default()) {
            prop_assert!(!errors.to_string().is_empty());
        }
    }

    #[test]
    fn no_damage_to_a_good_file_makes_the_parser_or_the_report_fail(
        at in any::<prop::sample::Index>(),
        piece in nasty(),
    ) {
        let mut text = include_str!("../profiles/acme.toml").to_owned();
        let at = text.floor_char_boundary(at.index(text.len()));
        text.insert_str(at, &piece);
        if let Err(errors) = profile::load_text(Path::new("x.toml"), &text, &Known::default()) {
            prop_assert!(!errors.to_string().is_empty());
            prop_assert_eq!(errors.reports().len(), errors.errors.len());
        }
    }
}

#[test]
fn every_place_takes_a_good_value() {
    let good = [
        "debian-12",
        "acme",
        "stable",
        "1.0.0+b1",
        "file:out",
        "acme",
        "Acme",
        "Ana",
        "apply",
        "x.example",
        "Europe/Berlin",
        "192.0.2.9/24",
        "192.0.2.1",
        "192.0.2.1",
        "ntp.example",
        "http://proxy:3128",
        "8 GiB",
        "2 GiB",
        "raw",
        "nginx",
        "/etc/motd",
        "demo.toml",
        "0644",
        KEY,
        "Acme",
        "/health",
        "nginx.service",
    ];
    for (slot, value) in SLOTS.iter().zip(good) {
        let line = slot.line;
        assert!(load(line, value).is_some(), "{line} with {value}");
        assert!(is_safe(slot, value), "{line} with {value}");
    }
}
