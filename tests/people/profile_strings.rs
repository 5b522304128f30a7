//! Throws nasty texts at every place in a profile that accepts text: each is refused, or contains
//! only characters that are safe where the value is used.

use std::path::Path;

use proptest::prelude::*;
use slipway::profile::{self, Known, Profile};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// A place for a text in a profile and how it is written there, what is safe there, and a good
/// value.
struct Slot(&'static str, Safe, &'static str);

/// What a text may contain where it is used.
#[derive(Clone, Copy)]
enum Safe {
    /// ASCII letters and digits, and these: it is used in commands and configuration.
    Only(&'static str),
    /// Letters of every script, and punctuation without a meaning to any shell.
    Name,
    /// The same on several lines.
    Banner,
    /// One line that is passed on as data.
    Line,
    /// A text in Hiera data, which is written as JSON: no lookups.
    Plain,
    /// The bytes of a file.
    File,
}

const SLOTS: [Slot; 35] = [
    Slot("base = @", Safe::Only("-."), "debian-12"),
    Slot("site = @", Safe::Only("-"), "acme"),
    Slot("channel = @", Safe::Only("-"), "stable"),
    Slot("bundle = @", Safe::Only("-.+"), "1.0.0+b1"),
    Slot("store = @", Safe::Only("-._+~/:[]"), "file:out"),
    Slot("customer.id = @", Safe::Only("-"), "acme"),
    Slot("customer.name = @", Safe::Name, "Acme"),
    Slot("customer.contact = @", Safe::Name, "Ana"),
    Slot("master.mode = @", Safe::Only(""), "apply"),
    Slot("system.hostname = @", Safe::Only("-."), "x.example"),
    Slot("system.timezone = @", Safe::Only("-_+/"), "Europe/Berlin"),
    Slot("network = { address = @, gateway = \"192.0.2.1\" }", Safe::Only(".:/"), "192.0.2.9/24"),
    Slot("network = { address = \"192.0.2.2/24\", gateway = @ }", Safe::Only(".:"), "192.0.2.1"),
    Slot("network.dns = [@]", Safe::Only(".:"), "192.0.2.1"),
    Slot("network.ntp = [@]", Safe::Only(".:-"), "ntp.example"),
    Slot("network.proxy = @", Safe::Only(".:/-[]"), "http://proxy:3128"),
    Slot("hardware.disk = @", Safe::Only(" "), "8 GiB"),
    Slot("hardware.memory = @", Safe::Only(" "), "2 GiB"),
    Slot("formats = [@]", Safe::Only(""), "raw"),
    Slot("packages = [@]", Safe::Only("+.-"), "nginx"),
    Slot("files = [{ path = @, content = \"\" }]", Safe::Only("/._-@+"), "/etc/motd"),
    Slot("files = [{ path = \"/etc/x\", source = @ }]", Safe::Only("/._-@+"), "demo.toml"),
    Slot("files = [{ path = \"/etc/x\", content = \"\", mode = @ }]", Safe::Only(""), "0644"),
    Slot("access.ssh_keys = [@]", Safe::Only(" +/=@._-:,()"), KEY),
    Slot("branding.product = @", Safe::Name, "Acme"),
    Slot("probes = [{ http = @ }]", Safe::Only("/._~-+%?&=,:@"), "/health"),
    Slot("probes = [{ unit = @ }]", Safe::Only(":_.@-"), "nginx.service"),
    Slot("branding.banner = @", Safe::Banner, "Acme"),
    Slot("probes = [{ http = \"/\", text = @ }]", Safe::Line, "ok"),
    Slot("probes = [{ command = @ }]", Safe::Line, "true"),
    Slot("hiera = { \"a::b\" = [@] }", Safe::Plain, "plain"),
    Slot("files = [{ path = \"/etc/x\", content = @ }]", Safe::File, "any"),
    Slot("store = @", Safe::Only("-._+~/:[]"), "https://host/x"),
    Slot("network.proxy = @", Safe::Only(".:/-[]"), "http://[2001:db8::1]:1"),
    Slot("network.ntp = [@]", Safe::Only(".:-"), "2001:db8::1"),
];

/// A profile in which one line replaces its own.
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
    let known = Known {
        bases: vec!["debian-12".to_owned(), "ubuntu-24.04".to_owned()],
        ..Known::default()
    };
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
                && !value.split(['/', '?']).any(|part| part == "..")
        }
        Safe::Name => !look_up && !value.chars().any(|c| invisible(c) || code(c)),
        Safe::Banner => !look_up && !value.chars().any(|c| (invisible(c) && c != '\n') || code(c)),
        Safe::Line => !value.chars().any(invisible),
        Safe::Plain => !look_up && !value.chars().any(|c| invisible(c) && !"\n\t".contains(c)),
        Safe::File => !value.contains('\0'),
    }
}

/// Texts that break out of some context.
fn nasty() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
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
        "&",
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
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "^",
        "%",
        "+",
        "_",
        ".",
        "/",
        "//",
        "A",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

/// A good value with one or two nasty pieces in it.
fn damaged() -> impl Strategy<Value = (usize, String)> {
    let pieces = prop::collection::vec((any::<prop::sample::Index>(), nasty()), 1..3);
    (0..SLOTS.len(), pieces).prop_map(|(slot, pieces)| {
        let mut value = SLOTS[slot].2.to_owned();
        for (at, piece) in pieces {
            let at = boundary(&value, at.index(value.len() + 1));
            value.insert_str(at, &piece);
        }
        (slot, value)
    })
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_nasty_text_is_refused_or_holds_only_safe_characters(
        (slot, value) in damaged(),
    ) {
        let Slot(line, safe, _) = &SLOTS[slot];
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
        let mut text = include_str!("../../profiles/acme.toml").to_owned();
        let at = boundary(&text, at.index(text.len()));
        text.insert_str(at, &piece);
        if let Err(errors) = profile::load_text(Path::new("x.toml"), &text, &Known::default()) {
            prop_assert!(!errors.to_string().is_empty());
            prop_assert_eq!(errors.reports().len(), errors.errors.len());
        }
    }
}

#[test]
fn every_place_takes_a_good_value() {
    for Slot(line, safe, good) in &SLOTS {
        assert!(load(line, good).is_some(), "{line} with {good}");
        assert!(is_safe(*safe, good), "{line} with {good}");
    }
}
