//! Names of licences, as Debian, npm and Puppet's Forge write them, in SPDX's words.
//!
//! A name that SPDX does not list becomes a `LicenseRef-` with that name. What is ambiguous (Debian's `GPL` without
//! a version, its `Artistic`) is not guessed.

/// Ids of the SPDX licence list 3.20 and later that occur in these worlds, in one text: one a line would be a page.
const KNOWN: &str = "0BSD AFL-2.1 AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-1.0 \
    Artistic-1.0-Perl Artistic-2.0 Beerware BlueOak-1.0.0 BSD-1-Clause BSD-2-Clause BSD-3-Clause \
    BSD-4-Clause BSD-4-Clause-UC BSD-Source-Code BSL-1.0 bzip2-1.0.6 CC-BY-3.0 CC-BY-4.0 \
    CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CPL-1.0 curl EPL-1.0 EPL-2.0 FSFAP FSFUL FSFULLR FTL \
    GFDL-1.1-only GFDL-1.1-or-later GFDL-1.2-only GFDL-1.2-or-later GFDL-1.3-only GFDL-1.3-or-later \
    GFDL-1.2-no-invariants-only GFDL-1.2-no-invariants-or-later GFDL-1.3-no-invariants-only \
    GFDL-1.3-no-invariants-or-later GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later \
    GPL-3.0-only GPL-3.0-or-later HPND HPND-sell-variant ICU IJG ISC LGPL-2.0-only LGPL-2.0-or-later \
    LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later Libpng LPPL-1.3c MIT MIT-0 \
    MIT-CMU MPL-1.1 MPL-2.0 NCSA NTP OFL-1.1 OLDAP-2.8 OpenSSL PostgreSQL PSF-2.0 Python-2.0 QPL-1.0 \
    Ruby Sleepycat SSH-short TCL Unicode-DFS-2016 Unlicense Vim W3C WTFPL X11 Zlib \
    zlib-acknowledgement ZPL-2.1 xpp";
/// Debian's names (copyright-format 1.0, "License specification", and what packages write besides).
const DEBIAN: [(&str, &str); 15] = [
    ("expat", "MIT"),
    ("apache-2", "Apache-2.0"),
    ("artistic-2", "Artistic-2.0"),
    ("bsd-2-clauses", "BSD-2-Clause"),
    ("bsd-3-clauses", "BSD-3-Clause"),
    ("bsl-1", "BSL-1.0"),
    ("boost-1.0", "BSL-1.0"),
    ("cc0", "CC0-1.0"),
    ("mpl-2", "MPL-2.0"),
    ("openldap-2.8", "OLDAP-2.8"),
    ("psf-2", "PSF-2.0"),
    ("ofl", "OFL-1.1"),
    ("sil-1.1", "OFL-1.1"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache license 2.0", "Apache-2.0"),
];
/// Exceptions that have one version only, without the word "exception".
const EXCEPTIONS: [(&str, &str); 4] = [
    ("bison", "Bison-exception-2.2"),
    ("classpath", "Classpath-exception-2.0"),
    ("font", "Font-exception-2.0"),
    ("libtool", "Libtool-exception"),
];
/// What a licence that SPDX does not list is called (SPDX 2.3, 10.1).
pub(super) const REF: &str = "LicenseRef-";
/// The longest name that becomes a reference: whole licences stand where a name belongs.
const LONGEST: usize = 80;

/// The synopsis of a `License:` field of Debian's: names, `and`, `or`, `with … exception`, and commas that group.
pub(super) fn of_debian(text: &str) -> Option<String> {
    let mut whole: Option<String> = None;
    for group in text.split(',') {
        let mut words: Vec<&str> = group.split_whitespace().collect();
        let first = words.first().map(|word| word.to_ascii_uppercase());
        let joined = match first.as_deref() {
            Some("OR") => "OR",
            _ => "AND",
        };
        if matches!(first.as_deref(), Some("AND" | "OR")) {
            words.remove(0);
        }
        let Some(inner) = terms(&words) else { continue };
        whole = Some(match whole {
            None => inner,
            Some(before) => format!("{} {joined} {}", grouped(&before), grouped(&inner)),
        });
    }
    whole
}

fn terms(words: &[&str]) -> Option<String> {
    let mut all = Vec::new();
    let mut name: Vec<&str> = Vec::new();
    for word in words {
        match word.to_ascii_uppercase().as_str() {
            operator @ ("AND" | "OR") if !name.is_empty() => {
                all.push(one(&name.join(" ")));
                all.push(operator.to_owned());
                name.clear();
            }
            "WITH" => name.push("with"),
            _ => name.push(word),
        }
    }
    if name.is_empty() {
        // an operator at the end joins nothing
        all.pop();
    } else {
        all.push(one(&name.join(" ")));
    }
    (!all.is_empty()).then(|| all.join(" "))
}

/// Licences that all apply together.
pub(super) fn all_of(expressions: impl IntoIterator<Item = String>) -> Option<String> {
    let mut all: Vec<String> = expressions.into_iter().collect();
    all.sort();
    all.dedup();
    match all.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        more => Some(more.iter().map(|one| grouped(one)).collect::<Vec<_>>().join(" AND ")),
    }
}

fn grouped(expression: &str) -> String {
    if expression.contains(" OR ") || expression.contains(" AND ") {
        return format!("({expression})");
    }
    expression.to_owned()
}

/// An SPDX expression that somebody wrote, as in a package.json; what is none is one name.
pub(super) fn of_spdx(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    Some(expression(&words).unwrap_or_else(|| one(text)))
}

/// None where the words do not alternate as they must.
fn expression(words: &[&str]) -> Option<String> {
    let (mut depth, mut wants_name, mut out) = (0_u32, true, String::new());
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        match (*word, wants_name) {
            ("(", true) => {
                depth += 1;
                out.push('(');
            }
            (")", false) => {
                depth = depth.checked_sub(1)?;
                out.push(')');
            }
            ("AND" | "OR", false) => {
                out.push_str(&format!(" {word} "));
                wants_name = true;
            }
            (")" | "AND" | "OR" | "WITH", _) | (_, false) => return None,
            (name, true) => {
                let exception = match words.next_if(|next| **next == "WITH") {
                    Some(_) => format!(" with {}", words.next()?),
                    None => String::new(),
                };
                out.push_str(&one(&format!("{name}{exception}")));
                wants_name = false;
            }
        }
    }
    (depth == 0 && !wants_name).then_some(out)
}

/// One licence, with its exception where it has one.
fn one(name: &str) -> String {
    if let Some((licence, exception)) = name.split_once(" with ") {
        let bare = exception.trim().to_ascii_lowercase();
        let bare = bare.trim_end_matches("exception").trim_end_matches([' ', '-']);
        let known = EXCEPTIONS
            .iter()
            .find(|(short, id)| *short == bare || id.eq_ignore_ascii_case(exception.trim()));
        if let (Some(licence), Some((_, id))) = (known_as(licence.trim()), known) {
            return format!("{licence} WITH {id}");
        }
        return reference(name);
    }
    known_as(name).unwrap_or_else(|| reference(name))
}

fn ids() -> impl Iterator<Item = &'static str> {
    KNOWN.split_whitespace()
}

fn known_as(name: &str) -> Option<String> {
    let by_id = |id: &str| ids().find(|known| known.eq_ignore_ascii_case(id));
    let debian = DEBIAN.iter().find(|(debian, _)| debian.eq_ignore_ascii_case(name));
    let found = by_id(name).or(debian.map(|(_, id)| *id));
    found.map(str::to_owned).or_else(|| by_id(&of_gnu(name)?).map(str::to_owned))
}

/// `GPL-2+` is GPL-2.0-or-later; so are the others of GNU's.
fn of_gnu(name: &str) -> Option<String> {
    let (bare, which) = match name.strip_suffix('+') {
        Some(bare) => (bare, "or-later"),
        None => (name, "only"),
    };
    let (family, version) = bare.split_once('-')?;
    let family = family.to_ascii_uppercase();
    if !matches!(family.as_str(), "GPL" | "LGPL" | "AGPL" | "GFDL") {
        return None;
    }
    // Debian's word for the GFDL without invariant sections
    if let ("GFDL", Some(version)) = (family.as_str(), version.strip_prefix("NIV-")) {
        return Some(format!("GFDL-{version}-no-invariants-{which}"));
    }
    let version = if version.contains('.') { version.to_owned() } else { format!("{version}.0") };
    Some(format!("{family}-{version}-{which}"))
}

/// The name that a licence has which SPDX does not list: letters, digits, dots and hyphens only.
fn reference(name: &str) -> String {
    let mut text = String::from(REF);
    for c in name.trim().chars().take(LONGEST) {
        match c {
            c if c.is_ascii_alphanumeric() || c == '.' => text.push(c),
            '+' => text.push_str("-or-later"),
            _ if text.ends_with('-') => {}
            _ => text.push('-'),
        }
    }
    let text = text.trim_end_matches('-');
    if text.len() < REF.len() { format!("{REF}unnamed") } else { text.to_owned() }
}

/// The references in an expression.
pub(super) fn references(expression: &str) -> impl Iterator<Item = &str> {
    expression.split([' ', '(', ')']).filter(|word| word.starts_with(REF))
}

/// Whether an expression is one licence of SPDX's list.
pub(super) fn is_one_id(expression: &str) -> bool {
    ids().any(|id| id == expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_names_become_spdx_ids_and_what_is_none_keeps_its_name() {
        for (debian, spdx) in [
            ("GPL-2+", "GPL-2.0-or-later"),
            ("LGPL-2.1", "LGPL-2.1-only"),
            ("Expat", "MIT"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("GPL-1+ or Artistic", "GPL-1.0-or-later OR LicenseRef-Artistic"),
            (
                "GPL-2+ or Artistic-2.0, and BSD-3-clause",
                "(GPL-2.0-or-later OR Artistic-2.0) AND BSD-3-Clause",
            ),
            ("GPL-3+ with Bison exception", "GPL-3.0-or-later WITH Bison-exception-2.2"),
            ("GPL-3+ WITH BISON EXCEPTION", "GPL-3.0-or-later WITH Bison-exception-2.2"),
            ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
            ("GPL-2+ with OpenSSL exception", "LicenseRef-GPL-2-or-later-with-OpenSSL-exception"),
            ("public-domain", "LicenseRef-public-domain"),
            ("GPL", "LicenseRef-GPL"),
            ("GPL-2.7", "LicenseRef-GPL-2.7"),
            ("GPL-2 and", "GPL-2.0-only"),
        ] {
            assert_eq!(of_debian(debian).as_deref(), Some(spdx), "{debian}");
        }
        assert_eq!(of_debian(" "), None);
    }

    #[test]
    fn an_expression_of_spdx_is_kept_and_anything_else_is_one_name() {
        for (written, spdx) in [
            ("MIT", "MIT"),
            ("(MIT OR Apache-2.0)", "(MIT OR Apache-2.0)"),
            ("(BSD-2-Clause OR (MIT AND ISC))", "(BSD-2-Clause OR (MIT AND ISC))"),
            ("GPL-2.0+", "GPL-2.0-or-later"),
            ("SEE LICENSE IN LICENSE.txt", "LicenseRef-SEE-LICENSE-IN-LICENSE.txt"),
            ("UNLICENSED", "LicenseRef-UNLICENSED"),
            ("MIT OR", "LicenseRef-MIT-OR"),
            (")MIT(", "LicenseRef-MIT"),
            ("Apache License, Version 2.0", "Apache-2.0"),
            ("???", "LicenseRef-unnamed"),
        ] {
            assert_eq!(of_spdx(written).as_deref(), Some(spdx), "{written}");
        }
        assert_eq!(of_spdx(""), None);
    }

    #[test]
    fn several_licences_apply_together_each_once() {
        let all = ["MIT", "GPL-1.0-or-later OR MIT", "MIT"].map(str::to_owned);
        assert_eq!(all_of(all).unwrap(), "(GPL-1.0-or-later OR MIT) AND MIT");
        assert_eq!(references("(LicenseRef-a OR MIT) AND LicenseRef-b").count(), 2);
        assert!(is_one_id("MIT") && !is_one_id("MIT OR ISC"));
        assert!(ids().all(|id| !id.ends_with('-') && of_spdx(id).as_deref() == Some(id)));
    }
}
