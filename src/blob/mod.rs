//! Blob storage: named objects that never change, and a few small pointers that do.
//!
//! Stores are an open set (folder, web server, three clouds), so they are a trait: [`Store`] reads,
//! [`Publish`] also writes. A store's methods try once. Everything that stores share is here: bytes
//! are hashed and counted while they stream, requests that may succeed later are retried, an
//! interrupted download resumes where it stopped, and a name can never leave the store.

pub(crate) mod address;
mod cloud;
mod conditions;
mod folder;
mod http;
mod key;
mod patience;
mod read;
mod redirect;
mod settings;
mod write;

use std::fmt;
use std::io::Read;
use std::path::Path;

pub use conditions::prove_conditions;
pub use key::Key;
pub use patience::{AskedToWait, Clock, NobodyThere, Patience};
pub use read::{Expected, Small, download, read, read_checked, small};
pub use settings::Settings;
pub use write::{Created, create, create_bytes, supply, update};

use crate::error::{Error, Kind, Result};
use address::Address;

/// Names one state of an object that may change, in the store's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The entity tag (RFC 9110, 8.8.3), quotes included.
    pub etag: String,
    /// A version as well, which Google's conditional writes need.
    pub version: Option<String>,
}

/// Which part or state of an object is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// The first byte.
    pub from: u64,
    /// Only this state: any other is [`Kind::Damaged`], because the bytes that were read before are
    /// then worthless.
    pub only: Option<&'a Tag>,
    /// Any state but this one, which is known already.
    pub unless: Option<&'a Tag>,
}

/// A store's answer.
pub enum Answer {
    /// Bytes.
    Body(Body),
    /// The object is still in the known state.
    Unchanged,
}

/// An object on its way.
pub struct Body {
    /// The offset of the first byte that comes: 0 if the store cannot begin in the middle.
    pub from: u64,
    /// The state, if the store names it in a way that holds for every byte.
    pub tag: Option<Tag>,
    /// The bytes.
    pub bytes: Box<dyn Read + Send>,
}

/// What is known about an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its length in bytes.
    pub size: u64,
    /// Its state.
    pub tag: Option<Tag>,
}

/// A store that can be read.
pub trait Store: fmt::Debug + Send + Sync {
    /// Its address for messages, without secrets.
    fn shown(&self) -> &str;

    /// Its address as it was written, which may be one of several spellings.
    fn spelt(&self) -> &str {
        self.shown()
    }

    /// Whether there is a store at all, as far as that can be seen. A folder is created with its
    /// first object.
    fn is_there(&self) -> Result<bool> {
        Ok(true)
    }

    /// How patiently to ask it.
    fn patience(&self) -> &Patience;

    /// Opens an object.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none, [`Kind::Refused`] when we may not read it,
    /// [`Kind::Network`] when trying again may help. Errors while reading are mapped the same way
    /// by [`download`].
    fn get(&self, key: &Key, ask: &Ask<'_>) -> Result<Answer>;

    /// Looks at an object.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn head(&self, key: &Key) -> Result<Head>;

    /// The keys below a folder of the store, sorted, for people to look at. Which release is the
    /// newest never follows from a listing.
    ///
    /// # Errors
    /// [`Kind::Refused`] from stores that cannot be listed.
    fn list(&self, folder: &Key) -> Result<Vec<Key>>;
}

/// The content of an object to put into a store.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A file.
    File(&'a Path),
}

/// The outcome of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there.
    Done,
    /// It is not: the name is taken, or the object is in another state than the one seen.
    Taken,
    /// The object is no longer in the state that was seen, perhaps because this very write arrived:
    /// it has to be read.
    Unclear,
}

/// A store that can be written.
pub trait Publish: Store {
    /// Whether we implement its conditions ourselves, so that they need not be tested.
    fn has_own_conditions(&self) -> bool {
        false
    }

    /// Puts an object under a new name; it becomes visible as a whole or not at all.
    ///
    /// More than 64 MiB goes to clouds in pieces, which they join without a condition. So such an
    /// object's name must hold its digest: two processes that put it then put the same bytes.
    fn put_new(&self, key: &Key, content: Content<'_>) -> Result<Put>;

    /// Replaces a small object if it is in the state that was seen; `None` means that there was
    /// none.
    fn swap(&self, key: &Key, seen: Option<&Tag>, bytes: &[u8]) -> Result<Put>;
}

/// Makes a small object's next bytes from its present ones, which are none when there is no such
/// object yet.
pub type Change<'a> = &'a mut dyn FnMut(Option<&[u8]>) -> Result<Vec<u8>>;

/// Opens a store for reading: `file:///folder`, `https://host/path` (`http://` on this machine
/// only), `azure://account/container/folder`, `s3://bucket/folder`, `gs://bucket/folder`.
pub fn open(url: &str, settings: &Settings) -> Result<Box<dyn Store>> {
    let address = Address::parse(url)?;
    let shown = address.to_string();
    Ok(match address {
        Address::Folder(path) => Box::new(folder::Folder::new(path, url, settings)),
        Address::Web(base) => Box::new(http::Http::new(*base, url, settings)?),
        Address::Cloud { provider, account, bucket, folder } => {
            let place = cloud::Place { provider, account, bucket, folder };
            Box::new(cloud::Cloud::open(&place, shown, url, settings)?)
        }
    })
}

/// A store's address as messages show it. The store is not opened, which might need credentials.
pub fn shown(url: &str) -> Result<String> {
    Address::parse(url).map(|address| address.to_string())
}

/// The address under which an older version remembered a store that was spelt like this: it did not
/// reduce addresses to one spelling.
pub(crate) fn formerly(url: &str) -> String {
    match url.parse::<reqwest::Url>() {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => parsed.to_string(),
        _ => url.to_owned(),
    }
}

/// Opens a store for writing: every kind except `https://`.
pub fn open_for_publishing(url: &str, settings: &Settings) -> Result<Box<dyn Publish>> {
    let address = Address::parse(url)?;
    let shown = address.to_string();
    Ok(match address {
        Address::Folder(path) => Box::new(folder::Folder::new(path, url, settings)),
        Address::Web(_) => {
            return Err(Error::new(Kind::Refused, "an https store is read only")
                .remedy("publish to the folder or the cloud storage that the web server shows"));
        }
        Address::Cloud { provider, account, bucket, folder } => {
            let place = cloud::Place { provider, account, bucket, folder };
            Box::new(cloud::Cloud::open(&place, shown, url, settings)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_an_unknown_kind_is_refused_with_what_is_allowed() {
        let error = open("ftp://host/x", &Settings::default()).unwrap_err();
        assert!(error.find_remedy().unwrap().contains("azure://account/container"));
        assert!(open("/srv/store", &Settings::default()).is_err());
    }

    #[test]
    fn a_store_is_called_the_same_opened_or_not() {
        let name = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let variables = [
            name("AZURE_STORAGE_KEY", "c2VjcmV0"),
            name("AWS_ACCESS_KEY_ID", "id"),
            name("AWS_SECRET_ACCESS_KEY", "secret"),
            name("AWS_REGION", "eu-west-1"),
        ];
        let settings = Settings { variables: variables.into(), ..Settings::default() };
        for url in ["file:///srv/x", "https://h/x", "azure://acme/b/x/", "s3://b"] {
            assert_eq!(open(url, &settings).unwrap().shown(), shown(url).unwrap(), "{url}");
        }
    }

    #[test]
    fn an_https_store_is_not_published_to() {
        let error = open_for_publishing("https://host/x", &Settings::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
    }
}
