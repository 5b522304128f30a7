//! `file://`: a folder, also what a web server shows as an https store.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::{Change, Created, Key, Publish, Store};
use crate::error::{Context, Error, Kind, Result};
use crate::units::Digest;

/// Held while a pointer changes; hidden, so no key can name it.
const LOCK: &str = ".lock";

#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    shown: String,
}

impl Folder {
    /// `path` is what follows `file://`: absolute, so that a store means the same from every folder.
    pub(super) fn new(path: &str) -> Result<Self> {
        if !path.starts_with('/') {
            return Err(Error::new(Kind::Input, format!("file://{path} is not absolute"))
                .remedy("write three slashes, as in file:///srv/store"));
        }
        Ok(Self { root: PathBuf::from(path), shown: format!("file://{path}") })
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn put<R: Read>(&self, key: &Key, content: impl Fn() -> Result<R>) -> Result<Created> {
        let (path, parent) = self.parent_of(key)?;
        let mut to = temporary(&parent)?;
        std::io::copy(&mut content()?, &mut to).at("cannot copy to the store", &path)?;
        to.as_file().sync_all().at("cannot flush", &path)?;
        match to.persist_noclobber(&path) {
            Ok(_) => sync_folder(&parent).map(|()| Created::Written),
            Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => {
                same_bytes(&path, content()?)
            }
            Err(e) => Err(e.error).at("cannot publish", &path),
        }
    }

    fn parent_of(&self, key: &Key) -> Result<(PathBuf, PathBuf)> {
        let path = self.path(key);
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&parent).at("cannot create the folder", &parent)?;
        Ok((path, parent))
    }
}

impl Store for Folder {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>> {
        let path = self.path(key);
        Ok(Box::new(File::open(&path).at("cannot open", &path)?))
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>> {
        let path = self.path(folder);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for entry in fs::read_dir(&path).at("cannot list", &path)? {
            let entry = entry.at("cannot list", &path)?;
            // what is no key (temporary files are hidden) is not an object
            let name = entry.file_name();
            let Ok(key) = Key::new(format!("{folder}/{}", name.to_string_lossy())) else {
                continue;
            };
            let kind = entry.file_type().at("cannot look at", entry.path())?;
            if kind.is_dir() {
                keys.extend(self.list(&key)?);
            } else {
                keys.push(key);
            }
        }
        keys.sort();
        Ok(keys)
    }
}

impl Publish for Folder {
    fn create(&self, key: &Key, source: &Path) -> Result<Created> {
        self.put(key, || File::open(source).at("cannot open", source))
    }

    fn create_bytes(&self, key: &Key, bytes: &[u8]) -> Result<Created> {
        self.put(key, || Ok(bytes))
    }

    fn update(&self, key: &Key, change: Change<'_>) -> Result<()> {
        let (path, parent) = self.parent_of(key)?;
        let lock_path = parent.join(LOCK);
        let lock = File::create(&lock_path).at("cannot create the lock", &lock_path)?;
        lock.lock().at("cannot lock", &lock_path)?;
        let present = match fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(e).at("cannot read", &path),
        };
        let bytes = change(present.as_deref())?;
        let mut to = temporary(&parent)?;
        to.write_all(&bytes).at("cannot write", &path)?;
        to.as_file().sync_all().at("cannot flush", &path)?;
        to.persist(&path).map_err(|e| e.error).at("cannot replace", &path)?;
        sync_folder(&parent)
    }
}

fn same_bytes(present: &Path, content: impl Read) -> Result<Created> {
    let file = File::open(present).at("cannot open", present)?;
    let there = Digest::of_reader(file).at("cannot read", present)?;
    if there == Digest::of_reader(content).at("cannot compare with", present)? {
        return Ok(Created::AlreadyThere);
    }
    Err(Error::new(Kind::Refused, "other bytes are published under this name")
        .at(present)
        .remedy("raise the build number: a published release never changes"))
}

/// Readable by all like any published file: tempfile's default of 0600 would hide it from a web server.
fn temporary(folder: &Path) -> Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix(".new-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .at("cannot create a file in", folder)
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).at("cannot flush", folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Folder) {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path().join("store").to_str().unwrap()).unwrap();
        (folder, store)
    }

    #[test]
    fn a_published_object_never_changes() {
        let (folder, store) = store();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "1").unwrap();
        fs::write(&two, "2").unwrap();
        let key = Key::new("bundles/demo/x.tgz").unwrap();
        assert_eq!(store.create(&key, &one).unwrap(), Created::Written);
        assert_eq!(store.create(&key, &one).unwrap(), Created::AlreadyThere);
        assert_eq!(store.create(&key, &two).unwrap_err().kind(), Kind::Refused);
        let mut text = String::new();
        store.open(&key).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "1");
        assert_eq!(store.list(&Key::new("bundles").unwrap()).unwrap(), [key]);
    }

    #[test]
    fn of_two_who_update_at_the_same_time_neither_is_lost() {
        let (_folder, store) = store();
        let key = Key::new("channels/demo/stable.json").unwrap();
        let count_up = || {
            for _ in 0..20 {
                let mut up = |old: Option<&[u8]>| Ok(vec![b'.'; old.map_or(0, <[u8]>::len) + 1]);
                store.update(&key, &mut up).unwrap();
            }
        };
        std::thread::scope(|s| {
            s.spawn(count_up);
            s.spawn(count_up);
        });
        assert_eq!(fs::read(store.path(&key)).unwrap().len(), 40);
    }

    #[test]
    fn a_store_that_is_not_there_has_no_objects() {
        let (_folder, store) = store();
        assert!(store.list(&Key::new("bundles").unwrap()).unwrap().is_empty());
        let error = store.open(&Key::new("a").unwrap()).err().unwrap();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(Folder::new("relative").is_err());
    }
}
