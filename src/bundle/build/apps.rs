//! The apps that go into a bundle: packed beside the site, or taken from a store.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::{FileBody, Files};
use super::lock::{Locked, Pins};
use super::request::Request;
use super::site::{AppSource, Site};
use crate::app::{self, AppName, AppReader, Channel, Numbering};
use crate::blob;
use crate::bundle::form::manifest::App;
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;

/// Adds the site's apps to the files.
pub(super) fn add(
    files: &mut Files,
    site: &Site,
    request: &Request<'_>,
    pins: &mut Pins<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<App>> {
    let known: BTreeSet<&AppName> = site.apps.keys().collect();
    if let Some(name) = request.inputs.channels.keys().find(|name| !known.contains(name)) {
        return Err(Error::new(Kind::Input, format!("the site has no app {name}"))
            .at(request.site)
            .remedy("--app takes one that SITE.toml names in [apps]"));
    }
    let mut apps = Vec::new();
    for (name, source) in &site.apps {
        let channel = request.inputs.channels.get(name);
        let (app, channel) = match (&source.path, channel) {
            (Some(path), None) => {
                (pack(name, &request.site.join(path), request, work, progress)?, None)
            }
            _ => fetch(name, source, channel, site, request, pins, progress)?,
        };
        let file = format!("apps/{}", app.file_name());
        files.add(file.clone(), 0o644, FileBody::File(app.path))?;
        let (name, version) = (app.name.to_string(), app.version.to_string());
        let channel = channel.map(|channel| channel.to_string());
        apps.push(App { name, version, file, digest: app.digest, commit: app.commit, channel });
    }
    Ok(apps)
}

/// Packs an app that lies beside the site.
fn pack(
    name: &AppName,
    folder: &Path,
    request: &Request<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<app::App> {
    let ask = app::Request {
        folder,
        numbering: &Numbering::AsIs,
        tests: request.inputs.tests,
        variables: &request.inputs.variables,
        out: work,
        work: &work.join("packing"),
    };
    let app = app::pack(&ask, progress)?.app;
    if app.name == *name {
        return Ok(app);
    }
    let message = format!("the package is named {}, SITE.toml says {name}", app.name);
    Err(Error::new(Kind::Input, message).at(folder))
}

/// Takes an app from a store: what the site asks for, or the newest of the channel that the caller names.
pub(super) fn fetch(
    name: &AppName,
    source: &AppSource,
    other: Option<&Channel>,
    site: &Site,
    request: &Request<'_>,
    pins: &mut Pins<'_>,
    progress: &dyn Progress,
) -> Result<(app::App, Option<Channel>)> {
    let inputs = &request.inputs;
    let store = inputs.apps.as_ref().or(source.store.as_ref()).or(site.store.apps.as_ref());
    let url = store.ok_or_else(|| {
        Error::new(Kind::Input, format!("no store is named for the app {name}"))
            .at(request.site)
            .remedy("write [store] apps = \"URL\" in SITE.toml, or name one with --apps")
    })?;
    let store = blob::open(url, &inputs.settings)?;
    let channel = other.or(source.channel.as_ref()).cloned().unwrap_or_default();
    let store = store.as_ref();
    let reader = AppReader { store, trust: &inputs.trust, now: inputs.now };
    let found = match other {
        // a branch's versions are prereleases, which the site's range does not hold
        Some(channel) => reader.find(name, channel, None, progress)?,
        None => choose(&reader, name, &channel, source, pins, progress)?,
    };
    progress.note(&format!("{name} {} of channel {channel}", found.entry.version));
    Ok((app::fetch(store, &found, request.cache, progress)?, Some(channel)))
}

/// What the lock file has, else the newest that the site's range holds.
fn choose(
    reader: &AppReader<'_>,
    name: &AppName,
    channel: &Channel,
    source: &AppSource,
    pins: &mut Pins<'_>,
    progress: &dyn Progress,
) -> Result<app::Found> {
    let range = source.version.as_ref();
    let wanted = match range {
        Some(range) => format!("{range} of {channel}"),
        None => format!("the newest of {channel}"),
    };
    let found = match pins.app(name.as_str(), &wanted)? {
        Some(Locked { version: Some(version), sha256, .. }) => {
            reader.pinned(name, channel, &version.parse()?, sha256, progress)?
        }
        _ => reader.find(name, channel, range, progress)?,
    };
    let (version, sha256) = (Some(found.entry.version.to_string()), found.entry.sha256);
    let source = reader.store.shown().to_owned();
    pins.found_app(name.to_string(), Locked { wanted, version, source, commit: None, sha256 });
    Ok(found)
}
