//! Identifiers: names of customers, sites, packages, units, versions.

use super::{Complaint, Verdict};

/// Longest id: it becomes part of file names, release ids and host names.
const SLUG_LONGEST: usize = 40;

/// The kinds of systemd units that a probe may name.
const UNIT_KINDS: [&str; 6] = ["service", "socket", "timer", "target", "path", "mount"];

/// `what` has an article: "a site's name".
pub(super) fn slug(text: &str, what: &str) -> Verdict {
    let good = text.len() <= SLUG_LONGEST
        && text.split('-').all(|word| !word.is_empty() && word.bytes().all(is_slug_byte));
    if good {
        return Ok(());
    }
    let label = match slug_from(text) {
        Some(better) if better != text => format!("write \"{better}\""),
        _ => "not allowed here".to_owned(),
    };
    Err(Complaint::new(format!("this is not {what}"), label).help(format!(
        "allowed are a-z, 0-9 and single hyphens between them, at most {SLUG_LONGEST} characters"
    )))
}

/// A base's name: a slug in which dots may also separate words, as in "ubuntu-24.04".
pub(super) fn base(text: &str) -> Verdict {
    let good = text.len() <= SLUG_LONGEST
        && text.split(['-', '.']).all(|word| !word.is_empty() && word.bytes().all(is_slug_byte));
    if good {
        return Ok(());
    }
    Err(Complaint::new("this is not a base's name", "not allowed here")
        .help("write a name as in \"debian-12\"; `slipway base show` has them all"))
}

fn is_slug_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// The nearest allowed name, for suggestions: "Müller & Söhne" gives "mueller-soehne".
fn slug_from(text: &str) -> Option<String> {
    let mut slug = String::new();
    for c in text.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            'ä' => slug.push_str("ae"),
            'ö' => slug.push_str("oe"),
            'ü' => slug.push_str("ue"),
            'ß' => slug.push_str("ss"),
            '\'' | '\u{2019}' | '.' => {}
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(SLUG_LONGEST);
    let slug = slug.trim_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// A version of a bundle, without the site: `1.4.0+b17`.
pub(super) fn bundle_version(text: &str) -> Verdict {
    if is_bundle_version(text) {
        return Ok(());
    }
    let tail = text.match_indices('-').map(|(at, _)| &text[at + 1..]);
    let label = match tail.into_iter().find(|tail| is_bundle_version(tail)) {
        Some(version) => format!("write \"{version}\", without the site"),
        None => "not a version".to_owned(),
    };
    Err(Complaint::new("this is not a bundle's version", label)
        .help("write three numbers and the build, as in \"1.4.0+b17\""))
}

fn is_bundle_version(text: &str) -> bool {
    let Some((version, build)) = text.split_once("+b") else { return false };
    version.split('.').count() == 3 && version.split('.').chain([build]).all(is_number)
}

/// Digits alone, without the leading zeros and signs that would give one number two spellings.
fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|number| number.to_string() == text)
}

/// A binary package's name, as defined by Debian Policy 5.6.1.
pub(super) fn package(text: &str) -> Verdict {
    let allowed = |b: u8| is_slug_byte(b) || matches!(b, b'+' | b'.' | b'-');
    let ends = |b: u8| is_slug_byte(b) || b == b'+';
    let bytes = text.as_bytes();
    let good = (2..=100).contains(&bytes.len())
        && is_slug_byte(bytes[0])
        && ends(bytes[bytes.len() - 1])
        && bytes.iter().all(|b| allowed(*b));
    if good {
        return Ok(());
    }
    let end = text.find(['=', '/', ':', ' ']);
    let label = match end.map(|end| &text[..end]).filter(|name| package(name).is_ok()) {
        Some(name) => format!("write \"{name}\": the base's archive decides on the version"),
        None => "not allowed here".to_owned(),
    };
    Err(Complaint::new("this is not a package's name", label)
        .help("package names are a-z, 0-9, plus, minus and dot, as in \"libnss-ldap\""))
}

/// A systemd unit with its kind.
pub(super) fn unit(text: &str) -> Verdict {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'.' | b'@' | b'-');
    let plain = text.len() <= 200
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(allowed);
    let kind = text.rsplit_once('.').map(|(_, kind)| kind);
    if plain && kind.is_some_and(|kind| UNIT_KINDS.contains(&kind)) {
        return Ok(());
    }
    let label =
        if plain { format!("write \"{text}.service\"") } else { "not allowed here".to_owned() };
    Err(Complaint::new("this is not a systemd unit", label)
        .help(format!("write a name and its kind: .{}", UNIT_KINDS.join(", ."))))
}
