//! Tests whether a store does what publishing relies on: writes that happen only while a name is
//! free, or while an object is in the state that was seen. Some stores accept such a request,
//! ignore the condition, and report success.

use std::path::Path;

use super::read::{about, small};
use super::{Content, Key, Publish, Put, Small, Tag};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::progress::Progress;
use crate::units::Digest;
use crate::whole;

/// The object that the test uses. It stays for the next test.
const TRIED: &str = "slipway-conditions";
/// Its largest size in bytes: it only holds a number.
const LARGEST: u64 = 64;
/// How often somebody else who tests the same store may be quicker.
const MOST_COLLISIONS: u32 = 20;

/// Tests a store's conditions once, and remembers in the cache that they hold. The test uses the
/// folder that will be published to: credentials may be valid for that folder alone.
///
/// # Errors
/// [`Kind::Refused`] when the store ignores them.
pub fn prove_conditions(
    store: &dyn Publish,
    folder: &str,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<()> {
    if store.has_own_conditions() {
        return Ok(());
    }
    let memory = cache.join("stores");
    let proven = memory.join(Digest::of(store.shown()).to_string());
    if file::is_file(&proven)? {
        return Ok(());
    }
    let key = Key::new(format!("{folder}/{TRIED}"))?;
    let what = super::read::named(store, &key);
    store.patience().persist(what, progress, |_| creates_once(store, &key))?;
    swaps_once(store, &key, progress)?;
    // if the cache cannot be written, the next run makes the same few requests
    let _ = remember(store, &memory, &proven);
    Ok(())
}

/// Of two processes that put an object under one name, the second must hear that it is taken.
fn creates_once(store: &dyn Publish, key: &Key) -> Result<()> {
    store.put_new(key, Content::Bytes(b"0\n"))?;
    match store.put_new(key, Content::Bytes(b"0\n"))? {
        Put::Taken | Put::Unclear => Ok(()),
        Put::Done => Err(ignored(store, "If-None-Match")),
    }
}

/// Of two processes that replace the same state, the second must hear that it is no longer current.
fn swaps_once(store: &dyn Publish, key: &Key, progress: &dyn Progress) -> Result<()> {
    for _ in 0..MOST_COLLISIONS {
        let (bytes, seen) = present(store, key, progress)?;
        let number: u64 = String::from_utf8_lossy(&bytes).trim().parse().unwrap_or(0);
        let next = |n: u64| format!("{}\n", number.wrapping_add(n)).into_bytes();
        match store.swap(key, Some(&seen), &next(1)) {
            Ok(Put::Done) => {}
            // it was somebody else, or we did it and the answer was lost: the state is a new one
            // now
            Ok(Put::Taken | Put::Unclear) => continue,
            Err(e) if e.kind() == Kind::Network => continue,
            Err(e) => return Err(e),
        }
        let what = super::read::named(store, key);
        let stale =
            store.patience().persist(what, progress, |_| store.swap(key, Some(&seen), &next(2)))?;
        return match stale {
            Put::Taken | Put::Unclear => Ok(()),
            Put::Done => Err(ignored(store, "If-Match")),
        };
    }
    Err(about(store, key, Kind::Network, "is changed by others all the time"))
}

fn present(store: &dyn Publish, key: &Key, progress: &dyn Progress) -> Result<(Vec<u8>, Tag)> {
    match small(store, key, LARGEST, None, progress)? {
        Small::New(bytes, Some(tag)) => Ok((bytes, tag)),
        _ => Err(about(store, key, Kind::Refused, "has no entity tag, so it cannot be swapped")),
    }
}

fn ignored(store: &dyn Publish, condition: &str) -> Error {
    let message =
        format!("{} accepts writes with {condition}, but ignores the condition", store.shown());
    Error::new(Kind::Refused, message).remedy(
        "a published release could be overwritten there: use a store that keeps conditions, or put a folder \
         behind a web server",
    )
}

fn remember(store: &dyn Publish, folder: &Path, proven: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).at("cannot create the cache", folder)?;
    // a cache may be shared
    whole::replace(proven, 0o644, format!("{} keeps conditions\n", store.shown()).as_bytes())
}
