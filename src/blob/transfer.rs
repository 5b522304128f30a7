//! What every store shares: streaming with digest and limit, and trying again.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::Duration;

use super::{Key, Store};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{ByteSize, Digest, Hasher};

/// How often and how patiently to try again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Tries in all; at least one is made.
    pub attempts: u32,
    /// The wait before the second try; it doubles with each further one.
    pub first_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, first_wait: Duration::from_secs(1) }
    }
}

/// What an object must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// Streams an object into an empty file; it is hashed on the way and must be what was expected.
///
/// Wrong bytes are tried again too: mirrors that are being filled give them for a moment.
pub fn download(
    store: &dyn Store,
    key: &Key,
    expected: Expected,
    to: &mut File,
    retry: Retry,
    progress: &dyn Progress,
) -> Result<()> {
    persist(retry, progress, || {
        to.set_len(0).and_then(|()| to.rewind()).doing("cannot empty the temporary file")?;
        let mut hasher = Hasher::default();
        let size = stream(store, key, expected.size, &mut |bytes| {
            hasher.update(bytes);
            progress.advance(bytes.len() as u64);
            to.write_all(bytes).doing("cannot write the temporary file")
        })?;
        let found = Expected { digest: hasher.finish(), size };
        if found == expected { Ok(()) } else { Err(wrong(store, key, expected, found)) }
    })
}

/// Reads an object of at most `limit` bytes into memory.
pub fn small(
    store: &dyn Store,
    key: &Key,
    limit: u64,
    retry: Retry,
    progress: &dyn Progress,
) -> Result<Vec<u8>> {
    persist(retry, progress, || {
        let mut all = Vec::new();
        stream(store, key, limit, &mut |bytes| {
            all.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(all)
    })
}

/// Hands on the object piece by piece; more than `limit` bytes are an error before they are handed on.
fn stream(
    store: &dyn Store,
    key: &Key,
    limit: u64,
    sink: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let mut body = store.open(key)?;
    let mut buffer = vec![0; 1 << 17];
    let mut size = 0;
    loop {
        let n = match body.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(cut(store, key, size, e)),
        };
        size += n as u64;
        if size > limit {
            let limit = ByteSize(limit);
            return Err(about(store, key, Kind::Damaged, &format!("is larger than {limit}")));
        }
        sink(&buffer[..n])?;
    }
}

fn persist<T>(
    retry: Retry,
    progress: &dyn Progress,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut wait = retry.first_wait;
    let mut made = 1;
    loop {
        match attempt() {
            Err(e) if made < retry.attempts && may_pass(&e) => {
                progress.note(&format!("{e}; trying again in {} s", wait.as_secs()));
                std::thread::sleep(wait);
                wait *= 2;
                made += 1;
            }
            done => return done,
        }
    }
}

fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), Kind::Network | Kind::Damaged)
}

fn cut(store: &dyn Store, key: &Key, size: u64, error: std::io::Error) -> Error {
    about(store, key, Kind::Network, &format!("was cut off after {size} bytes")).because(error)
}

fn wrong(store: &dyn Store, key: &Key, expected: Expected, found: Expected) -> Error {
    let what = if found.size == expected.size {
        format!("has SHA-256 {}, expected {}", found.digest, expected.digest)
    } else {
        format!("has {} bytes, expected {}", found.size, expected.size)
    };
    about(store, key, Kind::Damaged, &what)
}

fn about(store: &dyn Store, key: &Key, kind: Kind, what: &str) -> Error {
    Error::new(kind, format!("{key} of {} {what}", store.shown()))
}
