//! Blob storage: named objects that never change, and a few small pointers that do.
//!
//! Stores are an open set (folder, web server, three clouds), so they are a trait: [`Store`] reads,
//! [`Publish`] also writes. A store's methods try once. What all of them share lives here once: bytes are
//! hashed and counted while they stream, what may be retried is retried, a cut download goes on where it
//! was cut, and a name can never leave the store.

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
pub use read::{Expected, Small, download, read, small};
pub use settings::Settings;
pub use write::{Created, create, create_bytes, update};

use crate::error::{Error, Kind, Result};
use address::Address;

/// What names one state of an object that may change, as the store says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The entity tag (RFC 9110, 8.8.3), quotes included.
    pub etag: String,
    /// A version beside it, which Google's conditional writes want.
    pub version: Option<String>,
}

/// What is wanted of an object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// The first byte.
    pub from: u64,
    /// Only this state of it: another is [`Kind::Damaged`], for what was read of it before is worthless.
    pub only: Option<&'a Tag>,
    /// Not this state of it, which is known.
    pub unless: Option<&'a Tag>,
}

/// What a store answers.
pub enum Answer {
    /// Bytes.
    Body(Body),
    /// The object is in the state that is known.
    Unchanged,
}

/// An object on its way.
pub struct Body {
    /// The first byte that comes: 0 where a store cannot begin in the middle.
    pub from: u64,
    /// The state, where the store names it in a way that holds for every byte.
    pub tag: Option<Tag>,
    /// The bytes.
    pub bytes: Box<dyn Read + Send>,
}

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its length in bytes.
    pub size: u64,
    /// Its state.
    pub tag: Option<Tag>,
}

/// A store that can be read.
pub trait Store: fmt::Debug + Send + Sync {
    /// Its address for messages; there are no secrets in it.
    fn shown(&self) -> &str;

    /// Its address as it was written, which may be one of several ways.
    fn spelt(&self) -> &str {
        self.shown()
    }

    /// Whether there is a store at all, where that can be seen; a folder comes into being with its first object.
    fn is_there(&self) -> Result<bool> {
        Ok(true)
    }

    /// How patiently it is to be asked.
    fn patience(&self) -> &Patience;

    /// Opens an object.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none, [`Kind::Refused`] when we may not, [`Kind::Network`] when
    /// trying again may help. Errors while reading are mapped the same way by [`download`].
    fn get(&self, key: &Key, ask: &Ask<'_>) -> Result<Answer>;

    /// Looks at an object.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn head(&self, key: &Key) -> Result<Head>;

    /// The keys below a folder of the store, sorted, for people to look at. Which release is the newest
    /// never follows from a listing.
    ///
    /// # Errors
    /// [`Kind::Refused`] from stores that cannot be listed.
    fn list(&self, folder: &Key) -> Result<Vec<Key>>;
}

/// What is put into a store.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A file.
    File(&'a Path),
}

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there.
    Done,
    /// It is not: the name is taken, or the object is not in the state that was seen.
    Taken,
    /// The object is not in the state that was seen any more, perhaps because this very write arrived: it has to be read.
    Unclear,
}

/// A store that can be written.
pub trait Publish: Store {
    /// Whether its conditions are our own work, which need not be tried.
    fn has_own_conditions(&self) -> bool {
        false
    }

    /// Puts an object under a new name; it is visible whole or not at all.
    ///
    /// Clouds take more than 64 MiB in pieces only, and join them without a condition: such an object's
    /// name must hold its digest, so that two who put it put the same.
    fn put_new(&self, key: &Key, content: Content<'_>) -> Result<Put>;

    /// Replaces a small object if it is in the state that was seen; `None` is that there was none.
    fn swap(&self, key: &Key, seen: Option<&Tag>, bytes: &[u8]) -> Result<Put>;
}

/// Makes a small object's next bytes of its present ones; none when there is no such object yet.
pub type Change<'a> = &'a mut dyn FnMut(Option<&[u8]>) -> Result<Vec<u8>>;

/// Opens a store for reading: `file:///folder`, `https://host/path` (`http://` on this machine alone),
/// `azure://account/container/folder`, `s3://bucket/folder`, `gs://bucket/folder`.
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

/// A store's address as its messages have it, without opening it: that may need credentials.
pub fn shown(url: &str) -> Result<String> {
    Address::parse(url).map(|address| address.to_string())
}

/// What an older version remembered of a store that was written so lies under this address: it had more than
/// one spelling of a store's.
pub(crate) fn formerly(url: &str) -> String {
    match url.parse::<reqwest::Url>() {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => parsed.to_string(),
        _ => url.to_owned(),
    }
}

/// Opens a store for writing: all kinds but `https://`.
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
