//! The statements of a Puppetfile.

use std::collections::BTreeMap;

use super::words::{Word, split};
use super::{Fault, From, Puppetfile, Rev, Wanted};

const STATEMENTS: &str = "allowed are `forge`, `moduledir` and `mod`";
const FORMS: &str = "write `mod 'puppetlabs-stdlib', '9.4.1'`, `mod 'x', :git => URL, :commit => ID` (or :tag, :ref), \
                     or `mod 'x', :local => PATH`";
const PINNED: &str =
    "name the version exactly, as in '9.4.1': a bundle must not depend on the day it is built";

pub(super) fn file(text: &str) -> Result<Puppetfile, Fault> {
    // Windows' editors put one before everything
    let words = split(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let mut file = Puppetfile::default();
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for statement in words.split(|(_, word)| *word == Word::End).filter(|s| !s.is_empty()) {
        let line = statement[0].0;
        let fault = |fact: String, remedy| Fault { line, fact, remedy };
        let Word::Bare(verb) = &statement[0].1 else {
            return Err(fault("a statement must begin with a word".to_owned(), STATEMENTS));
        };
        let arguments = unwrapped(&statement[1..]);
        match verb.as_str() {
            "forge" => file.forge = Some(one_text(arguments, line, verb)?),
            // where r10k puts modules does not matter to a bundle
            "moduledir" => drop(one_text(arguments, line, verb)?),
            "mod" => {
                let wanted = module(arguments, line)?;
                if let Some(first) = lines.insert(wanted.name.clone(), line) {
                    let fact = format!("the module {} is on line {first} already", wanted.name);
                    return Err(fault(fact, "leave one of them out"));
                }
                file.modules.push(wanted);
            }
            _ => return Err(fault(format!("`{verb}` is not read"), STATEMENTS)),
        }
    }
    Ok(file)
}

/// The arguments without the parentheses around all of them.
fn unwrapped(words: &[(usize, Word)]) -> &[(usize, Word)] {
    match words {
        [(_, Word::Open), inner @ .., (_, Word::Close)] => inner,
        _ => words,
    }
}

fn one_text(words: &[(usize, Word)], line: usize, verb: &str) -> Result<String, Fault> {
    match words {
        [(_, Word::Text(text))] => Ok(text.clone()),
        _ => Err(Fault { line, fact: format!("`{verb}` takes one string"), remedy: STATEMENTS }),
    }
}

fn module(words: &[(usize, Word)], line: usize) -> Result<Wanted, Fault> {
    let at = |(fact, remedy): Wrong| Fault { line, fact, remedy };
    let mut parts = words.split(|(_, word)| *word == Word::Comma);
    let Some([(_, Word::Text(full))]) = parts.next() else {
        return Err(at(("`mod` begins with the module's name in quotes".to_owned(), FORMS)));
    };
    let (name, slug) =
        names(full).ok_or_else(|| at((format!("{full:?} cannot be a module's name"), FORMS)))?;
    let mut given = Given::default();
    parts.try_for_each(|part| given.take(full, part)).map_err(at)?;
    let from = match (given.version, given.options.is_empty()) {
        (Some(version), true) => release(slug, version),
        (None, false) => source(&given.options),
        (Some(_), false) => Err((format!("{full} has both a version and options"), FORMS)),
        (None, true) => Err((format!("{full} is not pinned: it has no version"), PINNED)),
    };
    Ok(Wanted { name, line, from: from.map_err(at)? })
}

/// What a `mod` has behind the module's name.
#[derive(Default)]
struct Given<'a> {
    version: Option<&'a str>,
    options: BTreeMap<&'a str, &'a str>,
}

impl<'a> Given<'a> {
    fn take(&mut self, full: &str, part: &'a [(usize, Word)]) -> Result<(), Wrong> {
        match part {
            [(_, Word::Text(text))] if self.version.is_none() && self.options.is_empty() => {
                self.version = Some(text);
            }
            [(_, Word::Symbol(symbol))] if symbol == "latest" => {
                return Err((format!("{full} is not pinned: `:latest`"), PINNED));
            }
            [(_, Word::Symbol(key)), (_, Word::Arrow), (_, Word::Text(value))]
            | [(_, Word::Label(key)), (_, Word::Text(value))] => {
                self.options.insert(key, value);
            }
            // tests stay out of a bundle either way
            [(_, Word::Symbol(key)), (_, Word::Arrow), (_, Word::Bare(value))]
            | [(_, Word::Label(key)), (_, Word::Bare(value))]
                if key == "exclude_spec" && matches!(value.as_str(), "true" | "false") => {}
            [(_, Word::Symbol(key)), (_, Word::Arrow), (_, Word::Symbol(value))]
            | [(_, Word::Label(key)), (_, Word::Symbol(value))] => {
                return Err((format!("`:{key} => :{value}` is not read"), FORMS));
            }
            _ => return Err((format!("what follows {full} is not understood"), FORMS)),
        }
        Ok(())
    }
}

/// A fact, and what to do.
pub(crate) type Wrong = (String, &'static str);

/// The folder's name, and `owner-name` where there is an owner.
fn names(full: &str) -> Option<(String, Option<String>)> {
    let (owner, name) = match full.split_once(['/', '-']) {
        Some((owner, name)) => (Some(owner), name),
        None => (None, full),
    };
    let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_alphanumeric());
    (owner.is_none_or(word) && super::super::site::is_module(name))
        .then(|| (name.to_owned(), owner.map(|owner| format!("{owner}-{name}"))))
}

fn release(slug: Option<String>, version: &str) -> Result<From, Wrong> {
    let Some(slug) = slug else {
        return Err(("a module of the forge needs its owner".to_owned(), FORMS));
    };
    let exact = nodejs_semver::Version::parse(version).is_ok_and(|v| v.to_string() == version);
    if !exact {
        return Err((format!("{slug} is not pinned: {version:?} is not one version"), PINNED));
    }
    Ok(From::Forge { slug, version: version.to_owned() })
}

fn source(options: &BTreeMap<&str, &str>) -> Result<From, Wrong> {
    let given: Vec<(&str, &str)> = options.iter().map(|(k, v)| (*k, *v)).collect();
    match given[..] {
        [("local" | "path", path)] => return Ok(From::Path(path.to_owned())),
        [("git", _)] => {
            let fact = "a module of git is not pinned: it has no revision".to_owned();
            return Err((fact, "add `:commit => ID` (or :tag, :ref)"));
        }
        _ => {}
    }
    if options.contains_key("install_path") {
        let fact = "`:install_path` is not read: a bundle has every module in modules/".to_owned();
        return Err((fact, "leave it out"));
    }
    let Some(url) = options.get("git") else { return Err(unknown(&given)) };
    let mut others = given.iter().filter(|(key, _)| *key != "git");
    let (Some(&(key, value)), None) = (others.next(), others.next()) else {
        return Err(("a module of git has one revision".to_owned(), FORMS));
    };
    let value = value.to_owned();
    let rev = match key {
        "commit" if is_commit(&value) => Rev::Commit(value),
        "commit" => {
            return Err((format!("{value:?} is not a whole commit"), "write its 40 digits"));
        }
        "tag" => Rev::Tag(value),
        "ref" => Rev::Ref(value),
        _ => return Err(unknown(&[(key, &value)])),
    };
    check_url(url)?;
    Ok(From::Git { url: (*url).to_owned(), rev })
}

fn unknown(given: &[(&str, &str)]) -> Wrong {
    let keys: Vec<String> = given.iter().map(|(key, _)| format!(":{key}")).collect();
    (format!("{} is not read", keys.join(", ")), FORMS)
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// git's own helpers (`ext::`) run programs, a dash begins an option, and a password would stand in the
/// bundle's manifest.
pub(crate) fn check_url(url: &str) -> Result<(), Wrong> {
    let secret = url.split_once("://").is_some_and(|(_, rest)| {
        let host = rest.split('/').next().unwrap_or_default();
        host.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    if secret {
        let fact = "the repository's URL holds a password".to_owned();
        return Err((fact, "let git find it: a credential helper, or an SSH key"));
    }
    let plain =
        url.bytes().all(|b| b.is_ascii_graphic()) && !url.starts_with('-') && !url.contains("::");
    let known = ["https://", "http://", "ssh://", "git://", "file://", "/"];
    let scp = url.split_once(':').is_some_and(|(host, _)| host.contains('@'));
    if plain && (known.iter().any(|start| url.starts_with(start)) || scp) {
        return Ok(());
    }
    let fact = format!("{url:?} cannot be a repository");
    Err((fact, "write https://…, ssh://…, git@host:path or an absolute folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        file(text).unwrap_err()
    }

    #[test]
    fn the_usual_forms_are_read() {
        let text = "forge 'https://forge.example'\nmoduledir \"modules\"\n\n# comment\nmod 'puppetlabs-stdlib', '9.4.1'\n\
                    mod(\"puppetlabs/concat\", '9.0.2') # behind\nmod 'x',\n  :git => 'https://h/x.git',\n  tag: 'v1'\n\
                    mod 'y', :local => '../y'\n";
        let read = file(text).unwrap();
        assert_eq!(read.forge.as_deref(), Some("https://forge.example"));
        let names: Vec<(&str, usize)> =
            read.modules.iter().map(|m| (m.name.as_str(), m.line)).collect();
        assert_eq!(names, [("stdlib", 5), ("concat", 6), ("x", 7), ("y", 10)]);
        let tag = Rev::Tag("v1".to_owned());
        assert_eq!(read.modules[2].from, From::Git { url: "https://h/x.git".to_owned(), rev: tag });
    }

    #[test]
    fn what_windows_editors_and_newer_r10ks_write_is_read() {
        let text = "\u{feff}mod 'x', :git => 'https://h/x', :tag => 'v1', :exclude_spec => true\r\n\
                    mod 'y', git: 'https://h/y', tag: 'v1', exclude_spec: false\r\n";
        assert_eq!(file(text).unwrap().modules.len(), 2);
    }

    #[test]
    fn what_is_not_pinned_or_not_read_is_named_with_its_line() {
        let cases = [
            ("\nmod 'puppetlabs-stdlib'", 2, "not pinned"),
            ("mod 'puppetlabs-stdlib', :latest", 1, "not pinned"),
            ("mod 'puppetlabs-stdlib', '>= 9'", 1, "not one version"),
            ("mod 'stdlib', '9.4.1'", 1, "needs its owner"),
            ("mod 'x', :git => 'https://h/x'", 1, "no revision"),
            ("mod 'x', :git => 'https://h/x', :commit => 'abc'", 1, "not a whole commit"),
            ("mod 'x', :git => 'https://h/x', :branch => 'main'", 1, ":branch is not read"),
            ("mod 'x', :git => 'ext::sh -c id', :tag => 'v1'", 1, "cannot be a repository"),
            ("mod 'x', :git => 'https://me:secret@h/x', :tag => 'v1'", 1, "holds a password"),
            ("mod 'a-x', '1.0.0'\n\nmod 'b-x', '1.0.0'", 3, "on line 1 already"),
            ("mod '../x', :local => 'x'", 1, "cannot be a module's name"),
            ("mod 'a-x', \"#{v}\"", 1, "computes something"),
            ("exclusion 'x'", 1, "`exclusion` is not read"),
            ("mod 'a-x', '1.0.0\n'", 1, "does not end on its line"),
            ("%w[a b].each", 1, "has no place"),
            ("mod 'x', { :git => 'https://h/x', :tag => 'v1' }", 1, "in braces"),
            (
                "mod 'x', :git => 'https://h/x', :tag => 'v1', :install_path => 'ext'",
                1,
                "`:install_path` is not read",
            ),
            (
                "mod 'x', :git => 'https://h/x', :tag => 'v1', :exclude_spec => maybe",
                1,
                "not understood",
            ),
        ];
        for (text, line, says) in cases {
            let fault = fault(text);
            assert!(fault.line == line && fault.fact.contains(says), "{text}: {fault:?}");
        }
        assert!(
            !format!("{:?}", fault("mod 'x', :git => 'https://me:secret@h/x', :tag => 'v1'"))
                .contains("secret")
        );
    }
}
