//! The store: packages under names that hold their digest, and one index for each app and channel.
//!
//! ```text
//! apps/<app>/<version>/<sha256>.tgz   never changes
//! app-channels/<app>/<channel>.json   which versions there are (see `index`)
//! ```
//!
//! The index is not signed: it only says what a bundle is made of, and the bundle's own signature covers
//! the digest of every app in it.

use std::fs;
use std::path::Path;

use super::{App, AppName, Channel, Entry, Index, Range, Version};
use crate::blob::{self, Created, Expected, Key, Publish, Store};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, MIB, Timestamp};
use crate::whole::Draft;

/// The largest index in bytes: some ten thousand versions.
const LARGEST: u64 = 8 * MIB;
/// Where the indexes are.
const CHANNELS: &str = "app-channels";

/// A version that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The app.
    pub app: AppName,
    /// The channel that it was found in.
    pub channel: Channel,
    /// The version.
    pub entry: Entry,
}

fn object_key(app: &AppName, version: &Version, digest: Digest) -> Result<Key> {
    Key::new(format!("apps/{}/{version}/{digest}.tgz", app.key()))
}

fn index_key(app: &AppName, channel: &Channel) -> Result<Key> {
    Key::new(format!("{CHANNELS}/{}/{channel}.json", app.key()))
}

/// Puts an app into a store and lists its version in a channel; gives the index as it is then.
///
/// # Errors
/// [`Kind::Refused`] when the channel has the version with other bytes.
pub fn publish(
    store: &dyn Publish,
    app: &App,
    channel: &Channel,
    published: Timestamp,
    progress: &dyn Progress,
) -> Result<(Index, Created)> {
    let key = index_key(&app.name, channel)?;
    let entry = Entry::of(app, published);
    let add = |present: Option<&[u8]>| -> Result<Index> {
        let mut index = match present {
            Some(bytes) => Index::parse(bytes, &app.name, channel)?,
            None => Index::new(&app.name, channel),
        };
        index.add(entry.clone())?;
        Ok(index)
    };
    // refused before anything is uploaded, where that can be seen already
    add(present(store, &key, progress)?.as_deref())?;
    progress.step(&format!("app {} {}", app.name, app.version), Some(app.size));
    let object = object_key(&app.name, &app.version, app.digest)?;
    let created = blob::create(store, &object, &app.path, progress)?;
    let mut change = |present: Option<&[u8]>| add(present)?.json();
    let written = blob::update(store, &key, LARGEST, &mut change, progress)?;
    Ok((Index::parse(&written, &app.name, channel)?, created))
}

fn present(store: &dyn Store, key: &Key, progress: &dyn Progress) -> Result<Option<Vec<u8>>> {
    match blob::read(store, key, LARGEST, progress) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The newest version of an app in a channel; none where nothing was published.
pub fn newest(
    store: &dyn Store,
    app: &AppName,
    channel: &Channel,
    progress: &dyn Progress,
) -> Result<Option<Version>> {
    let bytes = present(store, &index_key(app, channel)?, progress)?;
    let index = bytes.map(|bytes| Index::parse(&bytes, app, channel)).transpose()?;
    Ok(index.and_then(|index| index.newest(None).map(|entry| entry.version.clone())))
}

/// Chooses the newest version in a channel that `range` holds.
pub fn find(
    store: &dyn Store,
    app: &AppName,
    channel: &Channel,
    range: Option<&Range>,
    progress: &dyn Progress,
) -> Result<Found> {
    let shown = store.shown();
    let Some(bytes) = present(store, &index_key(app, channel)?, progress)? else {
        let message = format!("{shown} has no app {app} in channel {channel}");
        return Err(Error::new(Kind::NotFound, message).remedy(
            "see `slipway app list STORE`; publish with `slipway app publish TGZ --to STORE`",
        ));
    };
    let index = Index::parse(&bytes, app, channel)?;
    if let Some(entry) = index.newest(range) {
        return Ok(Found { app: app.clone(), channel: channel.clone(), entry: entry.clone() });
    }
    let range = range.map_or("any".to_owned(), Range::to_string);
    let newest = index.newest(None).map_or("none".to_owned(), |e| e.version.to_string());
    let message = format!("no version of {app} in channel {channel} of {shown} is {range}");
    Err(Error::new(Kind::NotFound, message).remedy(format!("the newest there is {newest}")))
}

/// Gets what was chosen, from the cache where it is there and whole.
pub fn fetch(
    store: &dyn Store,
    found: &Found,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<App> {
    let Found { app, entry, .. } = found;
    let folder = cache.join("apps");
    let path = folder.join(format!("{}.tgz", entry.sha256));
    if !is_whole(&path, entry)? {
        fs::create_dir_all(&folder).at("cannot create the cache", &folder)?;
        progress.step(&format!("app {app} {}", entry.version), Some(entry.size));
        let mut file = Draft::beside(&path, 0o644)?;
        let key = object_key(app, &entry.version, entry.sha256)?;
        let expected = Expected { digest: entry.sha256, size: entry.size };
        blob::download(store, &key, expected, file.file(), progress)?;
        file.replace(&path)?;
    }
    let opened = App::open(&path)?;
    if (&opened.name, &opened.version) != (app, &entry.version) {
        let message = format!(
            "{} gives {} {} where {app} {} was asked for",
            store.shown(),
            opened.name,
            opened.version,
            entry.version
        );
        return Err(Error::new(Kind::Refused, message));
    }
    Ok(opened)
}

fn is_whole(path: &Path, entry: &Entry) -> Result<bool> {
    match fs::File::open(path) {
        Ok(file) => {
            let found = Digest::of_reader(file).at("cannot read", path)?;
            Ok(found == (entry.sha256, entry.size))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e).at("cannot open", path),
    }
}

/// Every index of a store, by app and channel; for people.
pub fn list(store: &dyn Store, progress: &dyn Progress) -> Result<Vec<Index>> {
    let mut found = Vec::new();
    for key in store.list(&Key::new(CHANNELS)?)? {
        // what is named otherwise is not ours
        let Some((app, channel)) = named(&key) else { continue };
        if let Some(bytes) = present(store, &key, progress)? {
            found.push(Index::parse(&bytes, &app, &channel)?);
        }
    }
    found.sort_by(|a, b| (&a.app, &a.channel).cmp(&(&b.app, &b.channel)));
    Ok(found)
}

fn named(key: &Key) -> Option<(AppName, Channel)> {
    let (app, channel) = key.as_str().strip_prefix(CHANNELS)?.strip_prefix('/')?.split_once('/')?;
    let app = match app.split_once('+') {
        Some((scope, name)) => format!("@{scope}/{name}"),
        None => app.to_owned(),
    };
    Some((app.parse().ok()?, channel.strip_suffix(".json")?.parse().ok()?))
}
