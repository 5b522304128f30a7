//! Throws nasty texts at every place of a profile that takes one: each is refused, or holds only
//! characters that are safe where the value is used.

use std::path::Path;

use proptest::prelude::*;
use slipway::profile::{self, Known, Profile};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// Where a text goes in a profile, how it is written there, and what is safe there.
struct Slot(&'static str, Safe);

/// What a text may hold where it is used.
#[derive(Clone, Copy)]
enum Safe {
    /// ASCII letters and digits, and these: it stands in commands and configuration.
    Only(&'static str),
    /// Every script's letters, and punctuation that no shell knows.
    Name,
    /// The same on several lines.
    Banner,
    /// One line that is handed on as data.
    Line,
    /// A text of Hiera's data, which is written as JSON: no look-ups.
    Plain,
    /// The bytes of a file.
    File,
}

const SLOTS: [Slot; 32] = [
    Slot("base = @", Safe::Only("-.")),
    Slot("site = @", Safe::Only("-")),
    Slot("channel = @", Safe::Only("-")),
    Slot("bundle = @", Safe::Only("-.+")),
    Slot("store = @", Safe::Only("-._+~/:[]")),
    Slot("customer.id = @", Safe::Only("-")),
    Slot("customer.name = @", Safe::Name),
    Slot("customer.contact = @", Safe::Name),
    Slot("master.mode = @", Safe::Only("")),
    Slot("system.hostname = @", Safe::Only("-.")),
    Slot("system.timezone = @", Safe::Only("-_+/")),
    Slot("network = { address = @, gateway = \"192.0.2.1\" }", Safe::Only(".:/")),
    Slot("network = { address = \"192.0.2.2/24\", gateway = @ }", Safe::Only(".:")),
    Slot("network.dns = [@]", Safe::Only(".:")),
    Slot("network.ntp = [@]", Safe::Only(".:-")),
    Slot("network.proxy = @", Safe::Only(".:/-[]")),
    Slot("hardware.disk = @", Safe::Only(" ")),
    Slot("hardware.memory = @", Safe::Only(" ")),
    Slot("formats = [@]", Safe::Only("")),
    Slot("packages = [@]", Safe::Only("+.-")),
    Slot("files = [{ path = @, content = \"\" }]", Safe::Only("/._-@+")),
    Slot("files = [{ path = \"/etc/x\", source = @ }]", Safe::Only("/._-@+")),
    Slot("files = [{ path = \"/etc/x\", content = \"\", mode = @ }]", Safe::Only("")),
    Slot("access.ssh_keys = [@]", Safe::Only(" +/=@._-:,()")),
    Slot("branding.product = @", Safe::Name),
    Slot("probes = [{ http = @ }]", Safe::Only("/._~-+%?&=,:@")),
    Slot("probes = [{ unit = @ }]", Safe::Only(":_.@-")),
    Slot("branding.banner = @", Safe::Banner),
    Slot("probes = [{ http = \"/\", text = @ }]", Safe::Line),
    Slot("probes = [{ command = @ }]", Safe::Line),
    Slot("hiera = { \"a::b\" = [@] }", Safe::Plain),
    Slot("files = [{ path = \"/etc/x\", content = @ }]", Safe::File),
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

fn is_safe(safe: Safe, value: &str) -> bool {
    let invisible = |c: char| c.is_control() || "\u{202e}\u{200b}\u{2028}\u{feff}".contains(c);
    let code = |c: char| "\"'\\`$".contains(c);
    let look_up = value.contains("%{");
    match safe {
        Safe::Only(more) => {
            value.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
                && !value.split('/').any(|part| part == "..")
        }
        Safe::Name => !look_up && !value.chars().any(|c| invisible(c) || code(c)),
        Safe::Banner => !look_up && !value.chars().any(|c| (invisible(c) && c != '\n') || code(c)),
        Safe::Line => !value.chars().any(invisible),
        Safe::Plain => !look_up && !value.chars().any(|c| invisible(c) && !"\n\t".contains(c)),
        Safe::File => !value.contains('\0'),
    }
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
        let Slot(line, safe) = &SLOTS[slot];
        if load(line, &value).is_some() {
            prop_assert!(is_safe(*safe, &value), "{line} took {value:?}");
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
        let at = (0..=at.index(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
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
        "Acme",
        "ok",
        "true",
        "plain",
        "any",
    ];
    assert_eq!(SLOTS.len(), good.len());
    for (Slot(line, safe), value) in SLOTS.iter().zip(good) {
        assert!(load(line, value).is_some(), "{line} with {value}");
        assert!(is_safe(*safe, value), "{line} with {value}");
    }
}
