//! `file://`: a folder, which a web server may also serve as an https store.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::{Answer, Ask, Body, Content, Head, Key, Patience, Publish, Put, Settings, Store, Tag};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::lock;
use crate::units::Digest;
use crate::whole::{self, Draft};

/// Published files are readable by all, so that a web server can serve them.
const MODE: u32 = 0o644;

/// Held while a pointer changes; hidden, so no key can name it.
const LOCK: &str = ".lock";
/// The number of leading folders in an object's name that other objects share: `apps/<app>/`,
/// `bundles/<site>/`.
const SHARED: usize = 2;
/// Larger objects have no tag: the tag is the object's digest, and large objects never change.
const LARGEST_TAGGED: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    shown: String,
    spelt: String,
    patience: Patience,
}

impl Folder {
    /// `root` is absolute, so that a store means the same from every folder.
    pub(super) fn new(root: PathBuf, spelt: &str, settings: &Settings) -> Self {
        let shown = format!("file://{}", root.display());
        Self { root, shown, spelt: spelt.to_owned(), patience: settings.patience.clone() }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn parent_of(&self, key: &Key) -> Result<(PathBuf, PathBuf)> {
        let path = self.path(key);
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&parent).at("cannot create the folder", &parent)?;
        Ok((path, parent))
    }

    /// Where an object is written first: in the folder of its site or app, even if each version has
    /// its own folder below it.
    fn workshop(&self, key: &Key) -> PathBuf {
        let folders = key.as_str().rsplit_once('/').map_or("", |(folders, _)| folders);
        self.root.join(folders.split('/').take(SHARED).collect::<PathBuf>())
    }
}

impl Store for Folder {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn spelt(&self) -> &str {
        &self.spelt
    }

    fn is_there(&self) -> Result<bool> {
        file::is_folder(&self.root)
    }

    fn patience(&self) -> &Patience {
        &self.patience
    }

    fn get(&self, key: &Key, ask: &Ask<'_>) -> Result<Answer> {
        let path = self.path(key);
        let mut file = file::open(&path).at("cannot open", &path)?;
        let size = file.metadata().at("cannot look at", &path)?.len();
        let tag = tag(&mut file, size).at("cannot read", &path)?;
        if ask.unless.is_some() && ask.unless == tag.as_ref() {
            return Ok(Answer::Unchanged);
        }
        if ask.only.is_some() && ask.only != tag.as_ref() {
            return Err(Error::new(Kind::Damaged, "it was changed meanwhile").at(path));
        }
        file.seek(SeekFrom::Start(ask.from)).at("cannot read", &path)?;
        Ok(Answer::Body(Body { from: ask.from, tag, bytes: Box::new(file) }))
    }

    fn head(&self, key: &Key) -> Result<Head> {
        let path = self.path(key);
        let mut file = file::open(&path).at("cannot open", &path)?;
        let size = file.metadata().at("cannot look at", &path)?.len();
        Ok(Head { size, tag: tag(&mut file, size).at("cannot read", &path)? })
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>> {
        let path = self.path(folder);
        if file::look(&path)?.is_none() {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for entry in fs::read_dir(&path).at("cannot list", &path)? {
            let entry = entry.at("cannot list", &path)?;
            // a name that is no key (temporary files are hidden) is not an object
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
    fn has_own_conditions(&self) -> bool {
        true
    }

    fn put_new(&self, key: &Key, content: Content<'_>) -> Result<Put> {
        let (path, _) = self.parent_of(key)?;
        if file::look(&path)?.is_some() {
            return Ok(Put::Taken);
        }
        let mut to = Draft::in_folder(&self.workshop(key), MODE)?;
        match content {
            Content::Bytes(bytes) => to.file().write_all(bytes),
            Content::File(source) => {
                let mut from = File::open(source).at("cannot open", source)?;
                std::io::copy(&mut from, to.file()).map(|_| ())
            }
        }
        .at("cannot copy to the store", &path)?;
        Ok(if to.create(&path)? { Put::Done } else { Put::Taken })
    }

    fn swap(&self, key: &Key, seen: Option<&Tag>, bytes: &[u8]) -> Result<Put> {
        let (path, parent) = self.parent_of(key)?;
        let _lock = lock::wait(&parent.join(LOCK))?;
        let present = match file::read(&path, LARGEST_TAGGED, "cannot read") {
            Ok(bytes) => Some(tag_of(&bytes)),
            Err(e) if e.kind() == Kind::NotFound => None,
            Err(e) => return Err(e),
        };
        if present.as_ref() != seen {
            return Ok(Put::Taken);
        }
        whole::replace(&path, MODE, bytes).map(|()| Put::Done)
    }
}

/// A small object's digest: a file's time cannot tell apart two changes in the same moment.
fn tag(file: &mut File, size: u64) -> std::io::Result<Option<Tag>> {
    if size > LARGEST_TAGGED {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    // it may grow meanwhile
    Read::by_ref(file).take(LARGEST_TAGGED + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_TAGGED {
        return Ok(None);
    }
    Ok(Some(tag_of(&bytes)))
}

fn tag_of(bytes: &[u8]) -> Tag {
    Tag { etag: format!("\"{}\"", Digest::of(bytes)), version: None }
}

#[cfg(test)]
mod tests {
    use super::super::{Created, create, create_bytes, update};
    use super::*;
    use crate::progress::Quiet;

    fn store() -> (tempfile::TempDir, Folder) {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path().join("store"), "", &Settings::default());
        (folder, store)
    }

    #[test]
    fn a_published_object_never_changes() {
        let (folder, store) = store();
        let one = folder.path().join("one");
        fs::write(&one, "1").unwrap();
        let key = Key::new("bundles/demo/x.tgz").unwrap();
        assert_eq!(create(&store, &key, &one, &Quiet).unwrap(), Created::Written);
        assert_eq!(create(&store, &key, &one, &Quiet).unwrap(), Created::AlreadyThere);
        let error = create_bytes(&store, &key, b"2", &Quiet).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert_eq!(fs::read(store.path(&key)).unwrap(), b"1");
        assert_eq!(store.list(&Key::new("bundles").unwrap()).unwrap(), [key]);
    }

    #[test]
    fn of_two_who_update_at_the_same_time_neither_is_lost() {
        let (_folder, mut store) = store();
        store.patience.first_wait = std::time::Duration::from_millis(1);
        let key = Key::new("channels/demo/stable.json").unwrap();
        let count_up = || {
            for _ in 0..20 {
                let mut up = |old: Option<&[u8]>| Ok(vec![b'.'; old.map_or(0, <[u8]>::len) + 1]);
                update(&store, &key, 100, &mut up, &Quiet).unwrap();
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
        let error = store.head(&Key::new("a").unwrap()).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
    }
}
