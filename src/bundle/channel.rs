//! The store: immutable bundles, a record beside each, and one pointer for each site and channel.
//!
//! 'Latest' is what the pointer says, never what a listing shows: names sort b10 before b9. The pointer is
//! swapped last, so a reader sees the old release or the whole new one. Pointers are not signed yet: what
//! `resolve` pins is as trustworthy as the store's transport.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::release::{bundle_key, pointer_key, record_key};
use super::{Bundle, Name, Version, digest_of, release_id};
use crate::blob::{self, Created, Expected, Key, Publish, Store};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, MIB, Timestamp};

/// The version of the pointer's and the record's format.
const FORMAT: u32 = 1;
/// The largest pointer or record in bytes; they have a few hundred.
const LARGEST: u64 = MIB;

/// What a store says of one published bundle: `bundles/<site>/<release>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the format.
    pub format: u32,
    /// The site.
    pub site: Name,
    /// The version.
    pub version: Version,
    /// `<site>-<version>`.
    pub release: String,
    /// The key of the .tgz.
    pub blob: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// Which release a channel has: `channels/<site>/<channel>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The release.
    #[serde(flatten)]
    pub record: Record,
    /// The channel.
    pub channel: Name,
    /// Grows with every change, also with one back to an older release.
    pub seq: u64,
    /// When it was written.
    pub issued: String,
}

/// Which release is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What the channel points to.
    Channel(Name),
    /// This one.
    Version(Version),
}

/// One release, pinned: what a plan records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The site.
    pub site: Name,
    /// The version.
    pub version: Version,
    /// The release id, as in "demo-1.0.0+b1".
    pub release: String,
    /// SHA-256 of the .tgz.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// What publishing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What the channel points to now.
    pub pointer: Pointer,
    /// Whether the bundle was new to the store.
    pub bundle: Created,
}

/// Puts a bundle into a store and points a channel at it.
pub fn publish(
    store: &dyn Publish,
    bundle: &Bundle,
    channel: &Name,
    issued: Timestamp,
    progress: &dyn Progress,
) -> Result<Published> {
    let (site, version) = (&bundle.manifest.site, bundle.manifest.version);
    let key = bundle_key(site, version)?;
    let record = Record {
        format: FORMAT,
        site: site.clone(),
        version,
        release: bundle.manifest.release.clone(),
        blob: key.to_string(),
        size: bundle.size,
        sha256: bundle.digest,
    };
    let created = blob::create(store, &key, &bundle.path, progress)?;
    blob::create_bytes(store, &record_key(site, version)?, &json(&record)?, progress)?;
    let mut pointer =
        Pointer { record, channel: channel.clone(), seq: 1, issued: issued.to_string() };
    let key = pointer_key(site, channel)?;
    let mut next = |present: Option<&[u8]>| {
        if let Some(bytes) = present {
            pointer.seq = following(&parse(bytes)?)?;
        }
        json(&pointer)
    };
    blob::update(store, &key, LARGEST, &mut next, progress)?;
    Ok(Published { pointer, bundle: created })
}

/// Finds out which release is meant, and pins it.
pub fn resolve(
    store: &dyn Store,
    site: &Name,
    wanted: &Wanted,
    progress: &dyn Progress,
) -> Result<Pin> {
    let read = |key: &Key| blob::read(store, key, LARGEST, progress);
    let record = match wanted {
        Wanted::Channel(channel) => {
            let bytes = read(&pointer_key(site, channel)?)
                .map_err(|e| absent(e, store, &format!("channel {channel} of site {site}")))?;
            let pointer: Pointer = parse(&bytes)?;
            if pointer.channel != *channel {
                return Err(mixed(store, &format!("channel {}", pointer.channel)));
            }
            pointer.record
        }
        Wanted::Version(version) => {
            let bytes = read(&record_key(site, *version)?)
                .map_err(|e| absent(e, store, &release_id(site, *version)))?;
            let record: Record = parse(&bytes)?;
            if record.version != *version {
                return Err(mixed(store, &record.release));
            }
            record
        }
    };
    // the name of the object is worked out, not taken over: a pointer can only name bundles of its site
    if record.site != *site || record.release != release_id(site, record.version) {
        return Err(mixed(store, &record.release));
    }
    let Record { site, version, release, size, sha256: digest, .. } = record;
    Ok(Pin { site, version, release, digest, size })
}

/// Gets what was pinned, from the cache where it is there and whole.
pub fn fetch(
    store: &dyn Store,
    pin: &Pin,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<Bundle> {
    let folder = cache.join("bundles");
    let path = folder.join(format!("{}.tgz", pin.digest));
    let expected = Expected { digest: pin.digest, size: pin.size };
    if !(path.exists() && digest_of(&path)? == (pin.digest, pin.size)) {
        fs::create_dir_all(&folder).at("cannot create the cache", &folder)?;
        progress.step(&format!("bundle {}", pin.release), Some(pin.size));
        let mut file =
            tempfile::NamedTempFile::new_in(&folder).at("cannot create a file in", &folder)?;
        let key = bundle_key(&pin.site, pin.version)?;
        blob::download(store, &key, expected, file.as_file_mut(), progress)?;
        file.as_file().sync_all().at("cannot flush", &path)?;
        file.persist(&path).map_err(|e| e.error).at("cannot keep in the cache", &path)?;
    }
    let bundle = Bundle::proven(&path, pin.digest, pin.size)?;
    if bundle.manifest.release != pin.release {
        return Err(mixed(store, &bundle.manifest.release));
    }
    Ok(bundle)
}

/// All records of a store, by site and version; for people.
pub fn list(store: &dyn Store, progress: &dyn Progress) -> Result<(Vec<Record>, Vec<Pointer>)> {
    let read = |key: &Key| blob::read(store, key, LARGEST, progress);
    let json = |folder: &str| -> Result<Vec<Key>> {
        let keys = store.list(&Key::new(folder)?)?;
        Ok(keys.into_iter().filter(|k| k.as_str().ends_with(".json")).collect())
    };
    let mut records = Vec::new();
    for key in json("bundles")? {
        records.push(parse::<Record>(&read(&key)?)?);
    }
    records.sort_by(|a, b| (&a.site, a.version).cmp(&(&b.site, b.version)));
    let mut pointers = Vec::new();
    for key in json("channels")? {
        pointers.push(parse::<Pointer>(&read(&key)?)?);
    }
    Ok((records, pointers))
}

/// The number of the change after this one.
fn following(pointer: &Pointer) -> Result<u64> {
    pointer.seq.checked_add(1).ok_or_else(|| {
        let message = format!("the pointer to channel {} has no number left", pointer.channel);
        Error::new(Kind::Damaged, message)
            .remedy("look who wrote it; remove it from the store and publish again")
    })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::new(Kind::Input, "cannot write JSON").because(e))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let unreadable = |e| Error::new(Kind::Damaged, "the store's record cannot be read").because(e);
    let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
    if head.format != FORMAT {
        let message =
            format!("the store's record has format {}, this slipway reads {FORMAT}", head.format);
        return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

fn absent(error: Error, store: &dyn Store, what: &str) -> Error {
    match error.kind() {
        Kind::NotFound => Error::new(Kind::NotFound, format!("{} has no {what}", store.shown()))
            .remedy("publish one with `slipway bundle build SITE --publish STORE --channel NAME`"),
        _ => error,
    }
}

fn mixed(store: &dyn Store, found: &str) -> Error {
    let message = format!("{} gives {found:?} where another was asked for", store.shown());
    Error::new(Kind::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_with_the_last_number_is_damaged_and_never_starts_again() {
        let pointer = |seq: u64| -> Pointer {
            let value = serde_json::json!({
                "format": 1, "site": "demo", "version": "1.4.0+b17", "release": "demo-1.4.0+b17",
                "blob": "b", "size": 7, "sha256": Digest::of("b"),
                "channel": "stable", "seq": seq, "issued": "2026-11-23T15:00:00Z",
            });
            parse(&serde_json::to_vec(&value).unwrap()).unwrap()
        };
        assert_eq!(following(&pointer(3)).unwrap(), 4);
        assert_eq!(following(&pointer(u64::MAX)).unwrap_err().kind(), Kind::Damaged);
    }
}
