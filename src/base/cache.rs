//! The cache of roots: made once, found again by their inputs, shared by all builds on a machine.
//!
//! ```text
//! base/refs/<label>-<key>.json  the root last made from this definition or layer
//! base/roots/<digest>/          the roots (see `entry`)
//! base/locks/<label>-<key>      held while that root is being made
//! base/logs/                    the output of programs that failed
//! base/names/<label>-<key>      the names of packages in a definition's archives, as last fetched
//! base/tmp/                     work in progress; the next run removes what nobody holds
//! ```

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Record};
use super::{Definition, LayerSpec, Root, entry, recipe};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::lock;
use crate::progress::Progress;
use crate::tree::{Tree, apply};
use crate::units::Digest;
use crate::whole::{self, Work};

/// Its folder inside the folder of all caches.
pub(super) const FOLDER: &str = "base";
/// The folder of the lists of packages' names.
pub(super) const NAMES: &str = "names";

/// The cache of bases and their package layers.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// The root that a name in the cache stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ref {
    pub label: String,
    pub key: Digest,
    pub root: Digest,
    /// The digest of the other fields: if the root's name were damaged, nothing else would show
    /// that it is the wrong root.
    sum: Digest,
}

impl Ref {
    fn new(label: &str, key: Digest, root: Digest) -> Self {
        let sum = Digest::of(format!("{label} {key} {root}"));
        Self { label: label.to_owned(), key, root, sum }
    }

    /// Parses one; none when it is not as it was written.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(text).ok()?;
        (read == Self::new(&read.label, read.key, read.root)).then_some(read)
    }
}

/// A wanted root: a label for people, and the digest of all inputs.
struct Wanted<'a> {
    label: String,
    key: Digest,
    parent: Option<&'a Root>,
    definition: &'a Definition,
}

impl Wanted<'_> {
    fn file_name(&self) -> String {
        format!("{}-{}", self.label, self.key.short())
    }
}

/// An opened entry that was not put on its parent yet.
struct Opened {
    digest: Digest,
    entry: Entry,
}

impl Opened {
    /// The root of a base.
    fn alone(self, definition: &Definition) -> Root {
        let Entry { record, layer, pack, hold } = self.entry;
        Root {
            digest: self.digest,
            tree: Tree::from(layer),
            packs: vec![pack],
            packages: record.packages,
            time: record.time,
            definition: definition.clone(),
            holds: vec![Arc::new(hold)],
        }
    }

    /// The root of a layer on its parent.
    fn on(self, parent: Root) -> Root {
        let Entry { record, layer, pack, hold } = self.entry;
        let Root { tree, mut packs, definition, mut holds, .. } = parent;
        packs.push(pack);
        holds.push(Arc::new(hold));
        let Record { time, packages, .. } = record;
        let tree = apply(tree, layer);
        Root { digest: self.digest, tree, packs, packages, time, definition, holds }
    }
}

/// Which root of the cache is as good as one that is made now.
#[derive(Clone, Copy, Debug)]
pub(super) enum Taken {
    /// The one that is there.
    Any,
    /// One that was made since then.
    MadeSince(SystemTime),
    /// None.
    Never,
}

impl Cache {
    /// Opens the cache in `folder`, and creates it if it is missing.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref().join(FOLDER);
        for part in ["refs", "roots", "locks", "tmp", NAMES] {
            let part = folder.join(part);
            std::fs::create_dir_all(&part).at("cannot make the cache", &part)?;
        }
        Ok(Self { folder })
    }

    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The base, from the cache or made now.
    pub fn ensure(&self, definition: &Definition, progress: &dyn Progress) -> Result<Root> {
        self.base(definition, &[], Taken::Any, progress)
    }

    /// The base. Before it is made, its archives are also searched for `ahead`: the packages that
    /// layers will need.
    pub fn ensure_for(
        &self,
        definition: &Definition,
        ahead: &[String],
        progress: &dyn Progress,
    ) -> Result<Root> {
        self.base(definition, ahead, Taken::Any, progress)
    }

    /// The base, made now from the archives' present content; it replaces the cached one.
    pub fn rebuild(&self, definition: &Definition, progress: &dyn Progress) -> Result<Root> {
        self.base(definition, &[], Taken::Never, progress)
    }

    /// The base if it is in the cache.
    pub fn find(&self, definition: &Definition, progress: &dyn Progress) -> Result<Option<Root>> {
        let found = self.lookup(&wanted_base(definition)?, progress)?;
        Ok(found.map(|found| found.alone(definition)))
    }

    /// The layer on `parent` if it is in the cache.
    pub fn find_layer(
        &self,
        parent: Root,
        spec: &LayerSpec,
        progress: &dyn Progress,
    ) -> Result<Option<Root>> {
        if spec.is_empty() {
            return Ok(Some(parent));
        }
        let found = self.lookup(&wanted_layer(&parent, spec)?, progress)?;
        Ok(found.map(|found| found.on(parent)))
    }

    /// `parent` with a layer's packages, files and script applied, from the cache or made now.
    ///
    /// An empty layer gives its parent.
    pub fn ensure_layer(
        &self,
        parent: Root,
        spec: &LayerSpec,
        progress: &dyn Progress,
    ) -> Result<Root> {
        self.ensure_layer_for(parent, spec, &spec.packages, progress)
    }

    /// The same. Before it is made, the archives are searched for `ahead`: its packages and those
    /// of later layers.
    pub fn ensure_layer_for(
        &self,
        parent: Root,
        spec: &LayerSpec,
        ahead: &[String],
        progress: &dyn Progress,
    ) -> Result<Root> {
        if spec.is_empty() {
            return Ok(parent);
        }
        spec.check()?;
        let wanted = wanted_layer(&parent, spec)?;
        let logs = self.part("logs");
        let build = |work: &Path| {
            self.require_for_layer(&parent, ahead, progress)?;
            recipe::layer(&parent, spec, work, &logs, progress)
        };
        let made = self.make(&wanted, Taken::Any, progress, build)?;
        Ok(made.on(parent))
    }

    pub(super) fn base(
        &self,
        definition: &Definition,
        ahead: &[String],
        taken: Taken,
        progress: &dyn Progress,
    ) -> Result<Root> {
        let wanted = wanted_base(definition)?;
        let build = |work: &Path| {
            self.require_for_base(definition, ahead, progress)?;
            recipe::base(definition, work, &self.part("logs"), progress)
        };
        Ok(self.make(&wanted, taken, progress, build)?.alone(definition))
    }

    fn make(
        &self,
        wanted: &Wanted<'_>,
        taken: Taken,
        progress: &dyn Progress,
        build: impl FnOnce(&Path) -> Result<recipe::Made>,
    ) -> Result<Opened> {
        if let Some(found) = self.take(wanted, taken, progress)? {
            return Ok(found);
        }
        let _lock = self.lock(&wanted.file_name(), progress)?;
        // somebody else may have made it while we waited
        if let Some(found) = self.take(wanted, taken, progress)? {
            return Ok(found);
        }
        progress.go_on()?;
        let work = Work::new_in(&self.part("tmp"))?;
        let entry = work.path().join("entry");
        std::fs::create_dir(&entry).at("cannot make", &entry)?;
        let made = build(&entry)?;
        let mut record = Record::new(&wanted.definition.name, wanted.key, made.time);
        record.layer = wanted.parent.map(|_| wanted.label.clone());
        record.parent = wanted.parent.map(|parent| parent.digest);
        record.pack = (made.pack.digest(), made.pack.length());
        record.entries = made.entries;
        record.packages = made.packages;
        let sums = made.pack.sums().cloned().unwrap_or_default();
        record.sums = Digest::of(sums.bytes());
        let root = entry::write(&entry, &record, &made.layer, &sums)?;
        self.publish(&entry, root)?;
        self.set_ref(wanted, root)?;
        self.open_entry(root, wanted)
    }

    /// Moves a finished entry to its name. An intact one that is there already (the build was
    /// reproduced) stays: others may have it open.
    fn publish(&self, from: &Path, root: Digest) -> Result<()> {
        let to = self.part("roots").join(root.to_string());
        if file::look(&to)?.is_some() {
            if entry::verify(&to, root).is_ok() {
                return Ok(());
            }
            std::fs::remove_dir_all(&to).at("cannot remove the damaged entry", &to)?;
        }
        std::fs::rename(from, &to).at("cannot move the finished entry to", &to)?;
        whole::flush_folder(&self.part("roots"))
    }

    /// The cached entry, if it is one that is taken.
    fn take(
        &self,
        wanted: &Wanted<'_>,
        taken: Taken,
        progress: &dyn Progress,
    ) -> Result<Option<Opened>> {
        let is_taken = match taken {
            Taken::Any => true,
            Taken::Never => false,
            Taken::MadeSince(time) => made(&self.ref_of(wanted))?.is_some_and(|made| made >= time),
        };
        if is_taken { self.lookup(wanted, progress) } else { Ok(None) }
    }

    fn ref_of(&self, wanted: &Wanted<'_>) -> PathBuf {
        self.part("refs").join(wanted.file_name() + ".json")
    }

    /// When the base was last made here, also if it became the same as before; none if it is not in the cache.
    pub fn made(&self, definition: &Definition) -> Result<Option<SystemTime>> {
        made(&self.ref_of(&wanted_base(definition)?))
    }

    fn set_ref(&self, wanted: &Wanted<'_>, root: Digest) -> Result<()> {
        let path = self.ref_of(wanted);
        let value = Ref::new(&wanted.label, wanted.key, root);
        let text = serde_json::to_vec(&value)
            .map_err(|e| Error::new(Kind::Io, "cannot write").at(&path).because(e))?;
        // the cache may be shared
        whole::replace(&path, 0o644, &text)
    }

    /// The cached entry. None when it is missing or damaged, and has to be made.
    fn lookup(&self, wanted: &Wanted<'_>, progress: &dyn Progress) -> Result<Option<Opened>> {
        let path = self.ref_of(wanted);
        let text = match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.at("cannot read which root is the newest", &path)?,
        };
        let found = Ref::parse(&text);
        let Some(found) = found.filter(|found| found.key == wanted.key) else {
            progress.note(&format!("{} is damaged: it is made again", path.display()));
            return Ok(None);
        };
        match self.open_entry(found.root, wanted) {
            Ok(opened) => Ok(Some(opened)),
            Err(e) if matches!(e.kind(), Kind::Damaged | Kind::NotFound) => {
                progress.note(&format!("the cached {} is made again: {e}", wanted.label));
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn open_entry(&self, digest: Digest, wanted: &Wanted<'_>) -> Result<Opened> {
        let folder = self.part("roots").join(digest.to_string());
        let below = wanted.parent.map_or(&[][..], |parent| &parent.packs);
        let entry = entry::open(&folder, digest, below)?;
        Ok(Opened { digest, entry })
    }

    fn lock(&self, name: &str, progress: &dyn Progress) -> Result<File> {
        let path = self.part("locks").join(name);
        let file = lock::open(&path)?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                progress.note(&format!("waiting for another build that is making {name}"));
            }
            Err(TryLockError::Error(e)) => return Err(e).at("cannot lock", &path),
        }
        lock::wait_for(&file, &path, progress)?;
        Ok(file)
    }
}

/// A name in the cache is written whenever its root is made.
fn made(path: &Path) -> Result<Option<SystemTime>> {
    match file::look(path)? {
        None => Ok(None),
        Some(meta) => Ok(Some(meta.modified().at("cannot read when it was made", path)?)),
    }
}

fn wanted_base(definition: &Definition) -> Result<Wanted<'_>> {
    let key = key(&(recipe::VERSION, recipe::texts(), definition))?;
    Ok(Wanted { label: definition.name.clone(), key, parent: None, definition })
}

fn wanted_layer<'a>(parent: &'a Root, spec: &LayerSpec) -> Result<Wanted<'a>> {
    let key = key(&(recipe::VERSION, recipe::texts(), parent.digest, spec))?;
    let label = format!("{}+{}", parent.definition.name, spec.name);
    Ok(Wanted { label, key, parent: Some(parent), definition: &parent.definition })
}

fn key(value: &impl Serialize) -> Result<Digest> {
    let text = serde_json::to_vec(value)
        .map_err(|e| Error::new(Kind::Input, "cannot name the cache entry").because(e))?;
    Ok(Digest::of(text))
}
