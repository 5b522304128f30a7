//! Files of a cache that say what was seen before: named after the store, with a sum that notices damage.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::blob::{self, Store};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::lock;
use crate::units::{Digest, MIB};
use crate::whole;

/// Held while a file of the folder changes.
const LOCK: &str = ".lock";
/// The field with the sum of the others.
const SUM: &str = "sum";
/// The largest file in bytes: a pointer may have one [`MIB`].
const LARGEST: u64 = 4 * MIB;

/// How a store is called in what is remembered of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    now: String,
    /// By versions that had more than one spelling.
    former: String,
}

impl Names {
    /// Those of the store with this address.
    pub fn of(url: &str) -> Result<Self> {
        Ok(Self { now: blob::shown(url)?, former: blob::formerly(url) })
    }

    /// Those of an open store.
    pub fn of_store<S: Store + ?Sized>(store: &S) -> Self {
        Self { now: store.shown().to_owned(), former: blob::formerly(store.spelt()) }
    }
}

/// One file, and where an older version, which took other spellings of a store for other stores, may have kept it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    path: PathBuf,
    former: Option<PathBuf>,
}

/// What such a file holds.
pub(crate) enum Kept<T> {
    /// It is not there.
    Nothing,
    /// What was written.
    Whole(T),
    /// Why it cannot be believed, and what can be read of it.
    Damaged(String, Option<Value>),
}

impl Place {
    /// The file in `folder` about what has these names in the store. A store's address is no file name, its digest is.
    pub(crate) fn new(folder: PathBuf, store: &Names, names: &[&str]) -> Self {
        let path = |store: &str| {
            // with and without a slash at its end it always was the same store
            let names = [&[store.trim_end_matches('/')], names].concat();
            folder.join(format!("{}.json", Digest::of(names.join("\n"))))
        };
        let (path, former) = (path(&store.now), path(&store.former));
        Self { former: (former != path).then_some(former), path, folder }
    }

    /// Both paths, the present one first.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.path).chain(&self.former)
    }

    /// Where it is written.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what `news` gives, if it gives anything. It is asked twice, the second time while nobody else can write:
    /// where there is nothing new nothing is written, not even a lock, for a cache may be read only.
    pub(crate) fn update<T: Serialize>(&self, news: impl Fn() -> Result<Option<T>>) -> Result<()> {
        if news()?.is_none() {
            return Ok(());
        }
        let _lock = self.lock()?;
        match news()? {
            Some(value) => self.write(&value),
            None => Ok(()),
        }
    }

    fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.folder)
            .at("cannot create the cache", &self.folder)
            .and_then(|()| lock::wait(&self.folder.join(LOCK)))
            .map_err(whose)
    }

    fn write(&self, value: &impl Serialize) -> Result<()> {
        let cannot = |e| Error::new(Kind::Io, "cannot write what was pulled").because(e);
        let mut value = serde_json::to_value(value).map_err(cannot)?;
        let sum = sum(&value);
        value[SUM] = sum.into();
        let bytes = serde_json::to_vec_pretty(&value).map_err(cannot)?;
        replace(&self.path, &bytes)?;
        // it is in the other one now; left there it would come back after a rollback that was allowed
        match self.former.as_ref().map(fs::remove_file) {
            Some(Err(e)) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(e).at("cannot remove", self.former.as_deref().unwrap_or(&self.path))
            }
            _ => Ok(()),
        }
    }
}

/// Reads one. A disk may change a number, and what was the newest would be another one from then on: a sum tells.
/// Files of older versions have none, and are believed.
pub(crate) fn open<T: DeserializeOwned>(path: &Path) -> Result<Kept<T>> {
    let bytes = match file::read(path, LARGEST, "cannot read what was pulled before") {
        Err(e) if e.kind() == Kind::NotFound => return Ok(Kept::Nothing),
        Err(e) if e.kind() == Kind::Refused => {
            return Ok(Kept::Damaged("it is too large".into(), None));
        }
        read => read.map_err(whose)?,
    };
    let mut value: Value = match serde_json::from_slice(&bytes) {
        Ok(value) => value,
        Err(e) => return Ok(Kept::Damaged(e.to_string(), None)),
    };
    let said = value.as_object_mut().and_then(|fields| fields.remove(SUM));
    if said.is_some_and(|said| said != sum(&value).as_str()) {
        return Ok(Kept::Damaged("its sum is another one".into(), Some(value)));
    }
    let read = T::deserialize(&value);
    Ok(read.map_or_else(|e| Kept::Damaged(e.to_string(), Some(value)), Kept::Whole))
}

fn sum(value: &Value) -> String {
    Digest::of(value.to_string()).to_string()
}

/// Gives a file of the cache new bytes, whole or not at all, whenever the process ends. Everybody may read it
/// whom the umask lets: a cache may be shared.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    whole::replace(path, 0o666, bytes).map_err(whose)
}

/// Says what to do where a cache is somebody else's, or read only.
fn whose(error: Error) -> Error {
    let io = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref());
    match io.is_some_and(lock::may_not_write) {
        true => error.remedy(
            "let all who share the cache write to it (one group, setgid folders, umask 002), name one of \
             your own in SLIPWAY_CACHE, or take what was pulled before with --offline",
        ),
        false => error,
    }
}
