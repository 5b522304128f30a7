//! Checks that need the whole profile: values that contradict each other.

use std::net::IpAddr;
use std::path::Path;

use super::Known;
use super::diagnostic::{Diagnostic, Place};
use super::node::{Entry, Node, Table, Value};
use super::rules::{
    OLD_NAMES, Rule, interface, is_reserved_in, plain_value, replacement, same_network,
};
use super::suggest::{nearest, one_of};
use crate::file;
use crate::units::{ByteSize, GIB};

/// Enough for Puppet Server with its heap, the agent's run beside it, and an application's
/// database.
const PUPPETSERVER_MEMORY: ByteSize = ByteSize(2 * GIB);

/// Facts from outside the profile.
pub(super) struct ProfileFacts<'a> {
    pub known: &'a Known,
    pub folder: &'a Path,
}

/// Checks a profile with everything inherited; values of the wrong type were reported before.
pub(super) fn check(profile: &Table, facts: &ProfileFacts<'_>, errors: &mut Vec<Diagnostic>) {
    release(profile, errors);
    network(profile, errors);
    memory(profile, errors);
    check_partial(profile, facts, errors);
}

/// Checks a parent, but only for faults that no other file can mend.
pub(super) fn check_partial(
    profile: &Table,
    facts: &ProfileFacts<'_>,
    errors: &mut Vec<Diagnostic>,
) {
    base(profile, &facts.known.bases, errors);
    time_zone(profile, &facts.known.without_old_zones, errors);
    files(profile, facts.folder, errors);
    if let Some(entry) = profile.get("hiera") {
        hiera(entry, errors);
    }
}

pub(super) fn entry<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Entry> {
    let (first, rest) = path.split_first()?;
    let entry = table.get(*first)?;
    match (&entry.node.value, rest) {
        (_, []) => Some(entry),
        (Value::Table(inner), rest) => self::entry(inner, rest),
        _ => None,
    }
}

/// The place of a text in a list.
pub(super) fn item_place<'a>(list: &'a Node, wanted: &str) -> Option<&'a Place> {
    let Value::Array(items) = &list.value else { return None };
    let is_it = |item: &&Node| matches!(&item.value, Value::String(text) if text == wanted);
    items.iter().find(is_it).map(|item| &item.place)
}

/// A text at a path of keys, and its place.
pub(super) fn text<'a>(table: &'a Table, path: &[&str]) -> Option<(&'a str, &'a Place)> {
    let entry = entry(table, path)?;
    match &entry.node.value {
        Value::String(text) => Some((text, &entry.node.place)),
        _ => None,
    }
}

fn base(profile: &Table, bases: &[String], errors: &mut Vec<Diagnostic>) {
    let Some((name, place)) = text(profile, &["base"]) else { return };
    if bases.iter().any(|base| base == name) || Rule::Base.check(name).is_err() {
        return;
    }
    let names = || bases.iter().map(String::as_str);
    let label = match nearest(name, names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "no such base".to_owned(),
    };
    let error = Diagnostic::at(place, format!("there is no base {name:?}"), label);
    errors.push(error.help(format!("the bases are {}", one_of(names(), "and"))));
}

/// An old name of a zone needs the package that has it.
fn time_zone(profile: &Table, without: &[String], errors: &mut Vec<Diagnostic>) {
    let Some((zone, place)) = text(profile, &["system", "timezone"]) else { return };
    let Some((base, at)) = text(profile, &["base"]) else { return };
    let Some(today) = replacement(zone) else { return };
    if !without.iter().any(|lacking| lacking == base) || installs(profile, OLD_NAMES) {
        return;
    }
    let message = format!("{base} does not know the old name {zone:?} of a time zone");
    let error = Diagnostic::at(place, message, format!("write \"{today}\"")).also(at, "the base");
    errors
        .push(error.help(format!("or add \"{OLD_NAMES}\" to `packages`, which has the old names")));
}

fn installs(profile: &Table, package: &str) -> bool {
    let Some(Entry { node: Node { value: Value::Array(items), .. }, .. }) = profile.get("packages")
    else {
        return false;
    };
    items.iter().any(|item| matches!(&item.value, Value::String(name) if name == package))
}

fn release(profile: &Table, errors: &mut Vec<Diagnostic>) {
    match (profile.get("channel"), profile.get("bundle")) {
        (Some(channel), Some(bundle)) => {
            let message = "`channel` and `bundle` cannot both be set";
            let error = Diagnostic::at(&bundle.key, message, "one pinned version, or")
                .also(&channel.key, "the newest of a channel");
            errors.push(error.help("leave one of the two out"));
        }
        // a misspelt key was reported as such
        (None, None) if profile.keys().any(|key| nearest(key, ["channel", "bundle"]).is_some()) => {
        }
        (None, None) => {
            errors.push(Diagnostic::of_file(0, "neither `channel` nor `bundle` is set").help(
                "write channel = \"stable\" for the newest, or bundle = \"1.4.0+b17\" to pin",
            ))
        }
        _ => {}
    }
}

fn network(profile: &Table, errors: &mut Vec<Diagnostic>) {
    let address = text(profile, &["network", "address"]);
    let gateway = text(profile, &["network", "gateway"]);
    match (address, gateway) {
        (Some((address, place)), Some((gateway, at))) => {
            // a value that cannot be a machine's address was already reported
            let (Ok((address, prefix)), Ok(router), Ok(())) =
                (interface(address), gateway.parse::<IpAddr>(), Rule::IpAddress.check(gateway))
            else {
                return;
            };
            if address == router {
                let error = Diagnostic::at(at, "the gateway is the machine itself", "its router");
                errors.push(error.also(place, "its own address"));
            } else if same_network(address, router, prefix) && is_reserved_in(router, prefix) {
                let message = "the gateway is no machine's address";
                let error =
                    Diagnostic::at(at, message, "the network's own or its broadcast address");
                errors.push(error.also(place, "the address and its network"));
            } else if !reaches(address, router, prefix) {
                let message = "the gateway is not in the machine's network";
                let error = Diagnostic::at(at, message, "cannot be reached")
                    .also(place, "the address and its network");
                errors.push(error.help("check both, and the prefix length after the slash"));
            }
        }
        (Some((_, place)), None) => {
            let message = "a fixed address needs `gateway`";
            let error = Diagnostic::at(place, message, "its router is not known");
            errors.push(error.help("write gateway = \"…\", or leave the address out for DHCP"));
        }
        (None, Some((_, at))) => {
            let message = "`gateway` is only for a fixed address";
            let error = Diagnostic::at(at, message, "DHCP gives the router");
            errors.push(error.help("write address = \"192.0.2.10/24\", or leave the gateway out"));
        }
        (None, None) => {}
    }
}

/// IPv6 routers are usually named by their link-local address (fe80::/10). A network that holds the
/// machine alone has no room for a router: it is on the link, as in clouds with /32 addresses.
fn reaches(address: IpAddr, router: IpAddr, prefix: u8) -> bool {
    let link_local = matches!(router, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let one_family = address.is_ipv4() == router.is_ipv4();
    same_network(address, router, prefix) || (one_family && (link_local || prefix == whole))
}

fn memory(profile: &Table, errors: &mut Vec<Diagnostic>) {
    let Some((memory, place)) = text(profile, &["hardware", "memory"]) else { return };
    let Ok(memory) = memory.parse::<ByteSize>() else { return };
    let mode = text(profile, &["master", "mode"]).map_or("puppetserver", |(mode, _)| mode);
    // a size below the smallest of all is reported with the value itself
    if mode == "puppetserver" && (GIB..PUPPETSERVER_MEMORY.bytes()).contains(&memory.bytes()) {
        let message = format!("Puppet Server needs {PUPPETSERVER_MEMORY} of memory");
        let error = Diagnostic::at(place, message, "too small");
        errors.push(error.help("give it more, or write mode = \"apply\" in [master]"));
    }
}

fn files(profile: &Table, folder: &Path, errors: &mut Vec<Diagnostic>) {
    let Some(Entry { node: Node { value: Value::Array(items), .. }, .. }) = profile.get("files")
    else {
        return;
    };
    let mut seen: Vec<(&str, &Place)> = Vec::new();
    for item in items {
        let Value::Table(file) = &item.value else { continue };
        content(file, &item.place, errors);
        if let Some((source, place)) = text(file, &["source"]) {
            errors.extend(source_file(source, place, folder));
        }
        let Some((path, place)) = text(file, &["path"]) else { continue };
        let clash = |other: &&(&str, &Place)| same_or_inside(other.0, path);
        if let Some((_, first)) = seen.iter().find(clash) {
            let error = Diagnostic::at(place, "two extra files in one place", "again");
            errors.push(error.also(first, "it is here already"));
        }
        seen.push((path, place));
    }
}

fn same_or_inside(one: &str, other: &str) -> bool {
    let inside = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    inside(one, other) || inside(other, one)
}

fn content(file: &Table, place: &Place, errors: &mut Vec<Diagnostic>) {
    match (file.get("content"), file.get("source")) {
        (Some(content), Some(source)) => {
            let message = "`content` and `source` cannot both be set";
            let error = Diagnostic::at(&source.key, message, "a file's content, or");
            errors.push(error.also(&content.key, "the text itself"));
        }
        (None, None) => {
            let message = "this file has neither `content` nor `source`";
            errors.push(
                Diagnostic::at(place, message, "what is in it?")
                    .help("write content = \"…\", or source = \"files/…\" below profiles/"),
            );
        }
        _ => {}
    }
}

/// The file must exist, and must be below the folder of profiles even when links are followed.
fn source_file(source: &str, place: &Place, folder: &Path) -> Option<Diagnostic> {
    Rule::SourcePath.check(source).ok()?;
    let path = folder.join(source);
    let error = |label: String| {
        let error = Diagnostic::at(place, "this source cannot be used", label);
        Some(error.help(format!("sources are below {}", folder.display())))
    };
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return error("there is no such file".to_owned());
        }
        Err(e) => return error(e.to_string()),
    };
    match folder.canonicalize() {
        Ok(folder) if !real.starts_with(&folder) => error("a link leads out".to_owned()),
        _ => match file::is_file(&real) {
            Ok(true) => None,
            Ok(false) => error("it is not a file".to_owned()),
            Err(e) => error(e.to_string()),
        },
    }
}

fn hiera(entry: &Entry, errors: &mut Vec<Diagnostic>) {
    let Value::Table(table) = &entry.node.value else { return };
    for (key, entry) in table {
        if !is_hiera_key(key) {
            let message = format!("{key:?} is not a Hiera key");
            let error = Diagnostic::at(&entry.key, message, "not allowed here");
            errors.push(error.help(
                "write a class and its parameter in quotes, as in \"profile::app::workers\"",
            ));
        }
        hiera_value(&entry.node, errors);
    }
}

/// Puppet's names: words of a-z, 0-9 and _, the first character a letter, joined by `::`.
pub(crate) fn is_hiera_key(key: &str) -> bool {
    let word = |word: &str| {
        word.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    key.len() <= 200 && key.split("::").all(word)
}

fn hiera_value(node: &Node, errors: &mut Vec<Diagnostic>) {
    let mut check = |text: &str, place: &Place| {
        if let Err(complaint) = plain_value(text) {
            errors.push(complaint.at(place));
        }
    };
    match &node.value {
        Value::String(text) => check(text, &node.place),
        Value::Datetime(_) => {
            let error = Diagnostic::at(&node.place, "Hiera has no dates", "write it in quotes");
            errors.push(error);
        }
        Value::Array(items) => items.iter().for_each(|item| hiera_value(item, errors)),
        Value::Table(table) => {
            for (key, entry) in table {
                if let Err(complaint) = plain_value(key) {
                    errors.push(complaint.at(&entry.key));
                }
                hiera_value(&entry.node, errors);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {}
    }
}
