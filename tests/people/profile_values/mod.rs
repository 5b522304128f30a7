//! Every kind of value that a profile must refuse, each at its own line.

mod content;
mod files;
mod names;
mod network;
mod schema;
mod zones;

use std::path::Path;

use slipway::profile::{self, Diagnostics, Known};

fn known() -> Known {
    Known { bases: vec!["debian-12".to_owned(), "ubuntu-24.04".to_owned()], ..Known::default() }
}

/// A valid profile in which one line may be replaced; `line` may bring its own table.
fn with(line: &str) -> String {
    let key = line.split(['=', ' ']).next().unwrap_or_default();
    let top = [
        "base = \"debian-12\"",
        "site = \"demo\"",
        "channel = \"stable\"",
        "store = \"file:out/store\"",
    ];
    let mut text = String::new();
    for own in top {
        if !own.starts_with(&format!("{key} ")) {
            text.push_str(own);
            text.push('\n');
        }
    }
    if key != "customer.name" {
        text.push_str("customer.name = \"X\"\n");
    }
    format!("{text}{line}\n")
}

/// The checker's verdict. A JSON Schema validator must agree on every value that any test tries.
fn load(text: &str) -> Result<profile::Loaded, Diagnostics> {
    let said = profile::load_text(Path::new("profiles/x.toml"), text, &known());
    schema::agrees(text, &said);
    said
}

/// Asserts that a line is refused, once, and at its place.
fn refused(line: &str) -> Diagnostics {
    let text = with(line);
    let errors = load(&text).expect_err(line);
    assert_eq!(errors.errors.len(), 1, "{line}\n{errors}");
    let span = errors.errors[0].span.clone().expect("a place");
    let first = text.find(line).expect("the line");
    assert!(span.start >= first && span.end <= text.len(), "{line}\n{errors}");
    assert!(!errors.errors[0].help.is_empty() || !errors.errors[0].label.is_empty(), "{errors}");
    errors
}

fn accepted(line: &str) {
    if let Err(errors) = load(&with(line)) {
        panic!("{line}\n{errors}");
    }
}

/// Any text, quoted for TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn all_refused(key: &str, values: &[&str]) {
    for value in values {
        refused(&format!("{key} = {}", quoted(value)));
    }
}

fn all_accepted(key: &str, values: &[&str]) {
    for value in values {
        accepted(&format!("{key} = {}", quoted(value)));
    }
}

/// Values that every identifier is tried with.
const NASTY: [&str; 14] = [
    "",
    " ",
    "a b",
    "a'b",
    "a\"b",
    "a\nb",
    "a$(id)",
    "a`id`",
    "../a",
    "a/../b",
    "a;b",
    "ä",
    "a\u{202e}b",
    "a%{facts}",
];
