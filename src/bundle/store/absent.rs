//! What a store does not have, told by what it has: names are mistyped more often than things are missing.

use std::collections::BTreeSet;

use crate::blob::{Key, Store};
use crate::bundle::form::release::{Name, Version, release_id};
use crate::error::{Error, Kind};
use crate::profile::nearest;

/// More names are not told.
const MOST_TOLD: usize = 12;

const PUBLISH: &str =
    "check the address, or publish with `slipway bundle publish FILE --to STORE --channel NAME`";

/// The error for a site, where the store can say that it has others alone.
pub(super) fn site(store: &dyn Store, site: &Name) -> Option<Error> {
    let mut sites = names(store, "channels", first)?;
    sites.extend(names(store, "bundles", first)?);
    if sites.is_empty() || sites.contains(site.as_str()) {
        return None;
    }
    let error = missing(store, &format!("site {site}"));
    Some(error.remedy(told("its sites are", &sites, site.as_str())))
}

/// The error for a channel.
pub(super) fn channel(store: &dyn Store, of: &Name, channel: &Name) -> Error {
    let error = missing(store, &format!("channel {channel} of site {of}"));
    let channels = names(store, &format!("channels/{of}"), |rest| rest.strip_suffix(".json"));
    explained(store, of, error, "its channels are", channels, channel.as_str())
}

/// The error for a version.
pub(super) fn release(store: &dyn Store, of: &Name, version: Version) -> Error {
    let error = missing(store, &release_id(of, version));
    let start = format!("{of}-");
    let versions = names(store, &format!("bundles/{of}"), |rest| {
        rest.strip_suffix(".json")?.strip_prefix(&start)
    });
    explained(store, of, error, "its versions are", versions, &version.to_string())
}

fn explained(
    store: &dyn Store,
    of: &Name,
    error: Error,
    are: &str,
    there: Option<BTreeSet<String>>,
    wanted: &str,
) -> Error {
    match store.is_there() {
        Ok(true) => {}
        Err(e) => return e,
        Ok(false) => {
            let message = format!("{}: there is no such folder", store.shown());
            return Error::new(Kind::NotFound, message).remedy(PUBLISH);
        }
    }
    match there {
        Some(names) if !names.is_empty() => error.remedy(told(are, &names, wanted)),
        Some(_) => site(store, of).unwrap_or_else(|| error.remedy(PUBLISH)),
        None => error.remedy(PUBLISH),
    }
}

fn missing(store: &dyn Store, what: &str) -> Error {
    Error::new(Kind::NotFound, format!("{} has no {what}", store.shown()))
}

/// Names below a folder of the store; none from one that cannot be listed.
fn names(
    store: &dyn Store,
    folder: &str,
    name: impl Fn(&str) -> Option<&str>,
) -> Option<BTreeSet<String>> {
    let keys = store.list(&Key::new(folder).ok()?).ok()?;
    let below = keys.iter().filter_map(|k| k.as_str().strip_prefix(folder)?.strip_prefix('/'));
    Some(below.filter_map(|rest| name(rest).map(str::to_owned)).collect())
}

fn first(rest: &str) -> Option<&str> {
    rest.split_once('/').map(|(name, _)| name)
}

fn told(are: &str, names: &BTreeSet<String>, wanted: &str) -> String {
    let some: Vec<&str> = names.iter().take(MOST_TOLD).map(String::as_str).collect();
    let more = if names.len() > MOST_TOLD { " and more" } else { "" };
    let hint = nearest(wanted, names.iter().map(String::as_str));
    let hint = hint.map_or_else(String::new, |name| format!("; did you mean {name}?"));
    format!("{are} {}{more}{hint}", some.join(", "))
}
