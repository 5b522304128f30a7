//! Blob storage: named objects that never change, and a few small pointers that do.
//!
//! Stores are an open set (file, https; Azure, S3 and Google come as further types), so they are a trait:
//! [`Store`] reads, [`Publish`] also writes. What all of them share lives here once: bytes are hashed and
//! counted while they stream, what may be retried is retried, and a name can never leave the store.

mod folder;
mod http;
mod key;
mod transfer;

use std::fmt;
use std::io::Read;
use std::path::Path;

pub use key::Key;
pub use transfer::{Expected, Retry, download, small};

use crate::error::{Error, Kind, Result};

/// A store that can be read.
pub trait Store: fmt::Debug + Send + Sync {
    /// Its address for messages: without user, password or query, where secrets are.
    fn shown(&self) -> &str;

    /// Opens an object.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none, [`Kind::Refused`] when we may not, [`Kind::Network`] when
    /// trying again may help. Errors while reading are mapped the same way by [`download`].
    fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>>;

    /// The keys below a folder of the store, sorted, for people to look at. Which release is the newest
    /// never follows from a listing.
    ///
    /// # Errors
    /// [`Kind::Refused`] from stores that cannot be listed.
    fn list(&self, folder: &Key) -> Result<Vec<Key>>;
}

/// A store that can be written.
pub trait Publish: Store {
    /// Puts the file at `source` under a new name; it is visible whole or not at all.
    ///
    /// # Errors
    /// [`Kind::Refused`] when other bytes already have that name: objects never change.
    fn create(&self, key: &Key, source: &Path) -> Result<Created>;

    /// The same for bytes in memory.
    fn create_bytes(&self, key: &Key, bytes: &[u8]) -> Result<Created>;

    /// Replaces a small object by what `change` makes of its present bytes, so that of two who do this at
    /// the same time neither is lost.
    fn update(&self, key: &Key, change: Change<'_>) -> Result<()>;
}

/// Makes a small object's next bytes of its present ones; none when there is no such object yet.
pub type Change<'a> = &'a mut dyn FnMut(Option<&[u8]>) -> Result<Vec<u8>>;

/// What [`Publish::create`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The name was free.
    Written,
    /// The very same bytes were there already.
    AlreadyThere,
}

/// Opens a store for reading: `file:///folder` or `https://host/path`; `http://` on this machine alone.
pub fn open(url: &str) -> Result<Box<dyn Store>> {
    match scheme(url)? {
        ("file", rest) => Ok(Box::new(folder::Folder::new(rest)?)),
        ("https" | "http", _) => Ok(Box::new(http::Http::new(url)?)),
        (other, _) => Err(unknown(other)),
    }
}

/// Opens a store for writing: `file:///folder`.
pub fn open_for_publishing(url: &str) -> Result<Box<dyn Publish>> {
    match scheme(url)? {
        ("file", rest) => Ok(Box::new(folder::Folder::new(rest)?)),
        ("https" | "http", _) => Err(Error::new(Kind::Refused, "an https store is read only")
            .remedy("publish to the file:// folder that the web server shows")),
        (other, _) => Err(unknown(other)),
    }
}

fn scheme(url: &str) -> Result<(&str, &str)> {
    url.split_once("://").ok_or_else(|| {
        Error::new(Kind::Input, "the store is not a URL")
            .remedy("write file:///folder or https://host/path")
    })
}

fn unknown(scheme: &str) -> Error {
    Error::new(Kind::Input, format!("stores of the kind {scheme:?} are not known"))
        .remedy("use file:// or https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_an_unknown_kind_is_refused_with_what_is_allowed() {
        let error = open("ftp://host/x").unwrap_err();
        assert_eq!(error.find_remedy(), Some("use file:// or https://"));
        assert!(open("/srv/store").is_err());
    }

    #[test]
    fn an_https_store_is_not_published_to() {
        assert_eq!(open_for_publishing("https://host/x").unwrap_err().kind(), Kind::Refused);
    }
}
