//! The store: packages under names that hold their digest, and one index for each app and channel.
//!
//! ```text
//! apps/<app>/<version>/<sha256>.tgz   never changes
//! app-channels/<app>/<channel>.json   which versions there are (see `index`)
//! ```
//!
//! Every version in an index is signed by a key that is trusted for the app: a bundle's signature
//! covers everything in it, so being put into a store must not be enough to get into a bundle.

use std::fs;
use std::path::Path;

use super::entry::Unproven;
use super::{App, AppName, Channel, Entry, Index, Range, Version};
use crate::blob::{self, Created, Expected, Key, Publish, Store};
use crate::error::{Context, Error, Kind, Result};
use crate::key::{Distrust, SecretKey, Trust};
use crate::progress::Progress;
use crate::units::{Digest, MIB, Timestamp};
use crate::whole::Draft;

/// The largest index in bytes: some ten thousand versions.
const LARGEST: u64 = 8 * MIB;
/// Where the indexes are.
const CHANNELS: &str = "app-channels";

/// The chosen version of an app.
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

/// The folder of an app's indexes in a store.
pub fn indexes(app: &AppName) -> String {
    format!("{CHANNELS}/{}", app.key())
}

fn index_key(app: &AppName, channel: &Channel) -> Result<Key> {
    Key::new(format!("{}/{channel}.json", indexes(app)))
}

/// Puts an app into a store and lists its version in a channel, signed; returns the resulting
/// index.
///
/// # Errors
/// [`Kind::Refused`] when the channel has the version with other bytes.
pub fn publish(
    store: &dyn Publish,
    app: &App,
    channel: &Channel,
    key: &SecretKey,
    published: Timestamp,
    progress: &dyn Progress,
) -> Result<(Index, Created)> {
    let place = index_key(&app.name, channel)?;
    let entry = Entry::of(app, channel, key, published)?;
    let add = |present: Option<&[u8]>| -> Result<Index> {
        let mut index = match present {
            Some(bytes) => Index::parse(bytes, &app.name, channel)?,
            None => Index::new(&app.name, channel),
        };
        index.add(entry.clone())?;
        Ok(index)
    };
    // refused before anything is uploaded, if that can be seen already
    add(present(store, &place, progress)?.as_deref())?;
    progress.step(&format!("app {} {}", app.name, app.version), Some(app.size));
    let object = object_key(&app.name, &app.version, app.digest)?;
    let created = blob::create(store, &object, &app.path, progress)?;
    let mut change = |present: Option<&[u8]>| add(present)?.json();
    let written = blob::update(store, &place, LARGEST, &mut change, progress)?;
    Ok((Index::parse(&written, &app.name, channel)?, created))
}

fn present(store: &dyn Store, key: &Key, progress: &dyn Progress) -> Result<Option<Vec<u8>>> {
    match blob::read(store, key, LARGEST, progress) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Gets apps from a store, but only those signed by a key that is trusted for the app.
#[derive(Clone, Copy)]
pub struct AppReader<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Whose signatures count.
    pub trust: &'a Trust,
    /// The time at which signatures must be valid.
    pub now: Timestamp,
}

impl AppReader<'_> {
    /// The newest version of an app in a channel; none if nothing was published.
    pub fn newest(
        &self,
        app: &AppName,
        channel: &Channel,
        progress: &dyn Progress,
    ) -> Result<Option<Version>> {
        let Some(index) = self.index(app, channel, progress)? else { return Ok(None) };
        let Some(entry) = index.newest(None) else { return Ok(None) };
        self.prove(entry, app, channel)?;
        Ok(Some(entry.version.clone()))
    }

    /// Chooses the newest version in a channel that satisfies `range`.
    ///
    /// # Errors
    /// Fails, among other reasons, when that version is not signed by a trusted key. The next older
    /// one is not used instead: nobody would notice that releases no longer arrive.
    pub fn find(
        &self,
        app: &AppName,
        channel: &Channel,
        range: Option<&Range>,
        progress: &dyn Progress,
    ) -> Result<Found> {
        let index = self.there(app, channel, progress)?;
        if let Some(entry) = index.newest(range) {
            return self.proven(entry, app, channel);
        }
        let range = range.map_or("any".to_owned(), Range::to_string);
        let newest = index.newest(None).map_or("none".to_owned(), |e| e.version.to_string());
        let shown = self.store.shown();
        let message = format!("no version of {app} in channel {channel} of {shown} is {range}");
        Err(Error::new(Kind::NotFound, message).remedy(format!("the newest there is {newest}")))
    }

    /// Exactly the version that was chosen before.
    ///
    /// # Errors
    /// When it has other bytes now, no longer exists, or is no longer signed by a trusted key.
    pub fn pinned(
        &self,
        app: &AppName,
        channel: &Channel,
        version: &Version,
        digest: &Digest,
        progress: &dyn Progress,
    ) -> Result<Found> {
        let index = self.there(app, channel, progress)?;
        let shown = self.store.shown();
        match index.versions.iter().find(|e| e.version == *version) {
            Some(entry) if entry.sha256 == *digest => self.proven(entry, app, channel),
            Some(_) => {
                let message =
                    format!("{app} {version} in {shown} no longer has the bytes that it had");
                Err(Error::new(Kind::Refused, message)
                    .remedy("do not use it: a published version never changes"))
            }
            None => {
                let message =
                    format!("{shown} has no {app} {version} in channel {channel} any more");
                Err(Error::new(Kind::NotFound, message))
            }
        }
    }

    fn index(
        &self,
        app: &AppName,
        channel: &Channel,
        progress: &dyn Progress,
    ) -> Result<Option<Index>> {
        let bytes = present(self.store, &index_key(app, channel)?, progress)?;
        bytes.map(|bytes| Index::parse(&bytes, app, channel)).transpose()
    }

    fn there(&self, app: &AppName, channel: &Channel, progress: &dyn Progress) -> Result<Index> {
        self.index(app, channel, progress)?.ok_or_else(|| {
            let message = format!("{} has no app {app} in channel {channel}", self.store.shown());
            Error::new(Kind::NotFound, message).remedy(
                "see `slipway app list STORE`; publish with `slipway app publish TGZ --to STORE`",
            )
        })
    }

    fn proven(&self, entry: &Entry, app: &AppName, channel: &Channel) -> Result<Found> {
        self.prove(entry, app, channel)?;
        Ok(Found { app: app.clone(), channel: channel.clone(), entry: entry.clone() })
    }

    fn prove(&self, entry: &Entry, app: &AppName, channel: &Channel) -> Result<()> {
        let Err(why) = entry.prove(app, self.trust, self.now) else { return Ok(()) };
        let (shown, version) = (self.store.shown(), &entry.version);
        let message = format!("{app} {version} in channel {channel} of {shown} is refused");
        let refused = Error::new(Kind::Refused, message);
        let trust =
            format!("if you know whose key publishes it: slipway key trust FILE --app {app}");
        Err(match why {
            Unproven::NoKey => {
                let cause = Error::new(Kind::Refused, "no key is trusted for the app");
                refused.because(cause).remedy(trust)
            }
            Unproven::NotSigned => {
                let cause = Error::new(Kind::Refused, "nobody signed it");
                refused.because(cause).remedy(
                    "publish the same package again with `slipway app publish`, which signs it",
                )
            }
            Unproven::Distrusted(
                why @ (Distrust::UnknownKey { .. } | Distrust::OtherSite { .. }),
            ) => refused.because(why).remedy(trust),
            Unproven::Distrusted(why) => {
                let remedy = why.remedy();
                refused.because(why).remedy(remedy)
            }
        })
    }
}

/// Gets the chosen version, from the cache if it is there and intact.
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
            "{} returned {} {} instead of {app} {}",
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
        // an object with another kind of name is not ours
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
