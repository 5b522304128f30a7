//! What all stores share in reading: streaming with digest and limit, resuming, and retrying.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use super::patience::Tries;
use super::{Answer, Ask, Body, Key, Store, Tag};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{ByteSize, Digest, Hasher};

/// The number of bytes read at once.
const PIECE: usize = 1 << 18;

/// What an object is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// A small object that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Small {
    /// Its bytes, and the state that they belong to.
    New(Vec<u8>, Option<Tag>),
    /// It is still in the known state.
    Unchanged,
}

/// Streams an object into a file; it is hashed on the way and must be what was expected.
///
/// Anything already in the file is taken as the object's beginning, left by an interrupted
/// download. If that, or what the store sends to continue it, turns out to be wrong, the whole
/// object is read again.
pub fn download(
    store: &dyn Store,
    key: &Key,
    expected: Expected,
    to: &mut File,
    progress: &dyn Progress,
) -> Result<()> {
    let mut tries = store.patience().begin(named(store, key));
    let mut part = Part::resume(store, key, expected, to, progress)?;
    // only bytes that never came before are progress: a store that always cuts off at the same
    // place makes none
    let mut furthest = part.size;
    loop {
        let failure = match part.fetch(&mut || tries.check_total(std::time::Duration::ZERO)) {
            Ok(()) => return Ok(()),
            Err(e) => e,
        };
        if part.size > furthest {
            furthest = part.size;
            tries.progressed();
        }
        if failure.kind() == Kind::Damaged {
            part.restart()?;
        }
        tries.wait_after(failure, progress)?;
    }
}

/// The part that has arrived so far.
struct Part<'a> {
    store: &'a dyn Store,
    key: &'a Key,
    expected: Expected,
    file: &'a mut File,
    progress: &'a dyn Progress,
    size: u64,
    hasher: Hasher,
    tag: Option<Tag>,
}

impl<'a> Part<'a> {
    fn resume(
        store: &'a dyn Store,
        key: &'a Key,
        expected: Expected,
        file: &'a mut File,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let mut hasher = Hasher::default();
        file.rewind().doing("cannot read the temporary file")?;
        let size = std::io::copy(file, &mut hasher).doing("cannot read the temporary file")?;
        let mut part = Self { store, key, expected, file, progress, size, hasher, tag: None };
        if size > expected.size {
            part.restart()?;
        }
        progress.advance(part.size);
        Ok(part)
    }

    fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).and_then(|()| self.file.rewind()).doing("cannot empty the file")?;
        (self.size, self.hasher, self.tag) = (0, Hasher::default(), None);
        Ok(())
    }

    fn fetch(&mut self, on_time: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if self.size < self.expected.size || self.size == 0 {
            self.stream(on_time)?;
        }
        let found = Expected { digest: self.hasher.clone().finish(), size: self.size };
        match found == self.expected {
            true => Ok(()),
            // an end that came too early may be an unnoticed interruption
            false if found.size < self.expected.size => Err(self.cut(None)),
            false => Err(wrong(self.store, self.key, self.expected, found)),
        }
    }

    fn stream(&mut self, on_time: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let ask = Ask { from: self.size, only: self.tag.as_ref(), unless: None };
        let mut body = opened(self.store, self.key, &ask)?;
        if body.from != self.size {
            self.restart()?;
        }
        self.tag = body.tag.take();
        self.file.seek(SeekFrom::Start(self.size)).doing("cannot write the temporary file")?;
        let mut buffer = vec![0; PIECE];
        loop {
            let n = match body.bytes.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.cut(Some(e))),
            };
            if self.size + n as u64 > self.expected.size {
                return Err(too_large(self.store, self.key, self.expected.size));
            }
            on_time()?;
            self.progress.go_on()?;
            self.file.write_all(&buffer[..n]).doing("cannot write the temporary file")?;
            self.hasher.update(&buffer[..n]);
            self.size += n as u64;
            self.progress.advance(n as u64);
        }
    }

    fn cut(&self, error: Option<std::io::Error>) -> Error {
        let (size, all) = (self.size, self.expected.size);
        let what = format!("was cut off after {size} of {all} bytes");
        let cut = about(self.store, self.key, Kind::Network, &what);
        match error {
            Some(error) => cut.because(error),
            None => cut,
        }
    }
}

/// Reads an object of at most `limit` bytes into memory, unless it is in the state `known`.
pub fn small(
    store: &dyn Store,
    key: &Key,
    limit: u64,
    known: Option<&Tag>,
    progress: &dyn Progress,
) -> Result<Small> {
    let what = named(store, key);
    store.patience().persist(what, progress, |tries| once(store, key, limit, known, tries))
}

/// Reads an object of at most `limit` bytes into memory.
pub fn read(store: &dyn Store, key: &Key, limit: u64, progress: &dyn Progress) -> Result<Vec<u8>> {
    match small(store, key, limit, None, progress)? {
        Small::New(bytes, _) => Ok(bytes),
        Small::Unchanged => Err(nobody_asked(store, key)),
    }
}

/// Reads an object of at most `limit` bytes, and gives what `check` makes of it. When that finds it damaged, it is read
/// again, as patiently as after every other failure.
pub fn read_checked<T>(
    store: &dyn Store,
    key: &Key,
    limit: u64,
    check: &dyn Fn(Vec<u8>) -> Result<T>,
    progress: &dyn Progress,
) -> Result<T> {
    let what = named(store, key);
    store.patience().persist(what, progress, |tries| match once(store, key, limit, None, tries)? {
        Small::New(bytes, _) => check(bytes),
        Small::Unchanged => Err(nobody_asked(store, key)),
    })
}

fn once(
    store: &dyn Store,
    key: &Key,
    limit: u64,
    known: Option<&Tag>,
    tries: &Tries<'_>,
) -> Result<Small> {
    let ask = Ask { unless: known, ..Ask::default() };
    let Answer::Body(body) = store.get(key, &ask)? else { return Ok(Small::Unchanged) };
    let mut all = Vec::new();
    // one byte more, to see that there is more
    let mut bytes = tries.in_time(body.bytes.take(limit.saturating_add(1)));
    bytes.read_to_end(&mut all).map_err(|e| {
        let what = format!("was cut off after {} bytes", all.len());
        about(store, key, Kind::Network, &what).because(e)
    })?;
    match all.len() as u64 > limit {
        true => Err(too_large(store, key, limit)),
        false => Ok(Small::New(all, body.tag)),
    }
}

/// Opens an object for which no state is known yet.
pub(super) fn opened(store: &dyn Store, key: &Key, ask: &Ask<'_>) -> Result<Body> {
    match store.get(key, ask)? {
        Answer::Body(body) => Ok(body),
        Answer::Unchanged => Err(nobody_asked(store, key)),
    }
}

fn nobody_asked(store: &dyn Store, key: &Key) -> Error {
    about(store, key, Kind::Network, "was reported unchanged, although nobody asked")
}

fn too_large(store: &dyn Store, key: &Key, limit: u64) -> Error {
    about(store, key, Kind::Damaged, &format!("is larger than {}", ByteSize(limit)))
}

fn wrong(store: &dyn Store, key: &Key, expected: Expected, found: Expected) -> Error {
    let what = format!("has SHA-256 {}, expected {}", found.digest, expected.digest);
    about(store, key, Kind::Damaged, &what)
}

pub(super) fn about(store: &dyn Store, key: &Key, kind: Kind, what: &str) -> Error {
    Error::new(kind, format!("{} {what}", named(store, key)))
}

/// An object and its store, as messages show them.
pub(super) fn named(store: &dyn Store, key: &Key) -> String {
    format!("{key} of {}", store.shown())
}
