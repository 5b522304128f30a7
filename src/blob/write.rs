//! What all stores share in writing: an object is put once; a pointer is swapped and never
//! overwritten.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::patience::Tries;
use super::read::{about, named, opened};
use super::{Ask, Change, Content, Key, Publish, Put, Small, small};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::Digest;

/// How often somebody else may be quicker before a swap is given up.
const MOST_COLLISIONS: u32 = 100;

/// What [`create`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The name was free.
    Written,
    /// The very same bytes were there already.
    AlreadyThere,
}

/// Puts the file at `source` under a new name; it becomes visible as a whole or not at all.
///
/// # Errors
/// [`Kind::Refused`] when other bytes already have that name: objects never change.
pub fn create(
    store: &dyn Publish,
    key: &Key,
    source: &Path,
    progress: &dyn Progress,
) -> Result<Created> {
    put(store, key, Content::File(source), progress)
}

/// The same for bytes in memory.
pub fn create_bytes(
    store: &dyn Publish,
    key: &Key,
    bytes: &[u8],
    progress: &dyn Progress,
) -> Result<Created> {
    put(store, key, Content::Bytes(bytes), progress)
}

/// Puts bytes under a name that says what they are, unless they are there: that is asked first, so that nothing travels
/// that need not. `make` makes them only then. Returns how many bytes travelled; none when they were there.
///
/// The object that is there is not read: whoever does so compares it with its name. But it must have a length that
/// `fits`: a proxy's answer may come in its place.
pub fn supply(
    store: &dyn Publish,
    key: &Key,
    fits: &dyn Fn(u64) -> bool,
    make: &dyn Fn() -> Result<Vec<u8>>,
    progress: &dyn Progress,
) -> Result<Option<u64>> {
    let patience = store.patience();
    let is_there = patience.persist(named(store, key), progress, |_| match store.head(key) {
        Ok(head) if fits(head.size) => Ok(true),
        Ok(head) => {
            let what = format!("has {} bytes, which it cannot have", head.size);
            Err(about(store, key, Kind::Damaged, &what)
                .remedy("remove it from the store, and publish again"))
        }
        Err(e) if e.kind() == Kind::NotFound => Ok(false),
        Err(e) => Err(e),
    })?;
    if is_there {
        return Ok(None);
    }
    let bytes = make()?;
    patience.persist(named(store, key), progress, |_| {
        // taken: by our own try whose answer was lost, or by somebody who puts the same
        store.put_new(key, Content::Bytes(&bytes)).map(|_| Some(bytes.len() as u64))
    })
}

fn put(
    store: &dyn Publish,
    key: &Key,
    content: Content<'_>,
    progress: &dyn Progress,
) -> Result<Created> {
    let what = named(store, key);
    store.patience().persist(what, progress, |tries| match store.put_new(key, content)? {
        Put::Done => Ok(Created::Written),
        // perhaps we did it: the answer to an earlier try may have been lost
        Put::Taken | Put::Unclear => same_bytes(store, key, content, tries),
    })
}

/// Different bytes are believed only when they came twice: the network may have damaged them once.
fn same_bytes(
    store: &dyn Publish,
    key: &Key,
    content: Content<'_>,
    tries: &Tries<'_>,
) -> Result<Created> {
    let ours = match content {
        Content::Bytes(bytes) => digest(bytes).doing("cannot compare")?,
        Content::File(path) => {
            let file = File::open(path).at("cannot open", path)?;
            digest(file).at("cannot read", path)?
        }
    };
    let read = || {
        let body = opened(store, key, &Ask::default())?;
        digest(tries.in_time(body.bytes)).map_err(|e| {
            about(store, key, Kind::Network, "was cut off while we compared it").because(e)
        })
    };
    let first = read()?;
    if first == ours {
        return Ok(Created::AlreadyThere);
    }
    match read()? {
        second if second == ours => Ok(Created::AlreadyThere),
        second if second == first => {
            Err(about(store, key, Kind::Refused, "has other bytes already")
                .remedy("raise the build number: a published release never changes"))
        }
        _ => Err(about(store, key, Kind::Damaged, "is different each time that it is read")),
    }
}

fn digest(reader: impl Read) -> std::io::Result<(Digest, u64)> {
    Digest::of_reader(reader)
}

/// Replaces an object of at most `limit` bytes by what `change` makes of its present bytes. When
/// two processes do this at the same time, neither change is lost. Returns what was written.
///
/// After a lost answer, the object is read before anything else: it may already be ours.
pub fn update(
    store: &dyn Publish,
    key: &Key,
    limit: u64,
    change: Change<'_>,
    progress: &dyn Progress,
) -> Result<Vec<u8>> {
    let mut tries = store.patience().begin(named(store, key));
    let mut sent: Option<Vec<u8>> = None;
    let mut collisions = 0;
    loop {
        let (present, tag) = match small(store, key, limit, None, progress) {
            Ok(Small::New(bytes, tag)) => (Some(bytes), tag),
            Err(e) if e.kind() == Kind::NotFound => (None, None),
            Err(e) => return Err(e),
            Ok(Small::Unchanged) => continue,
        };
        if let Some(ours) = sent.take_if(|ours| present.as_ref() == Some(ours)) {
            return Ok(ours);
        }
        if present.is_some() && tag.is_none() {
            return Err(about(
                store,
                key,
                Kind::Refused,
                "has no entity tag, so it cannot be swapped",
            ));
        }
        let bytes = change(present.as_deref())?;
        if present.as_ref() == Some(&bytes) {
            return Ok(bytes);
        }
        let answer = store.swap(key, tag.as_ref(), &bytes);
        // after these, we do not know whether our write arrived
        if matches!(answer, Ok(Put::Unclear) | Err(_)) {
            sent = Some(bytes.clone());
        }
        let failure = match answer {
            Ok(Put::Done) => return Ok(bytes),
            Ok(Put::Taken | Put::Unclear) if collisions < MOST_COLLISIONS => {
                collisions += 1;
                tries.progressed();
                taken(store, key)
            }
            Ok(Put::Taken | Put::Unclear) => return Err(taken(store, key)),
            Err(e) => e,
        };
        tries.wait_after(failure, progress)?;
    }
}

fn taken(store: &dyn Publish, key: &Key) -> Error {
    about(store, key, Kind::Network, "was changed by somebody else meanwhile")
}
