//! Files and folders that have their name when they are whole, or not at all.
//!
//! What is in the making has a hidden name, and is locked as long as its maker lives: the kernel gives the lock back
//! however that ends. Whoever makes the next one in the same folder removes what nobody holds. Names are never
//! followed when they are links: the folder may be one that others write to.
//!
//! Random names alone were rejected: somebody has to find out later which of them are dead. Files without a name
//! (`O_TMPFILE`) do not exist everywhere, and cannot replace what is there.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use tempfile::{NamedTempFile, TempDir};

use crate::error::{Context, Error, Kind, Result};

/// What hidden names of things in the making end with; they begin with a dot.
const SUFFIX: &str = ".slipway-new";
/// Who sweeps holds a dead file's lock for an instant, which is no reason to call it another's work.
const SWEEPING: (u32, Duration) = (50, Duration::from_millis(2));

/// A file in the making, under a name of its own; it goes with this value unless it gets its name.
#[derive(Debug)]
pub(crate) struct Draft(NamedTempFile);

impl Draft {
    /// Makes an empty one in the folder of `path`. `mode` is what the umask takes away from.
    pub(crate) fn beside(path: &Path, mode: u32) -> Result<Self> {
        Self::in_folder(folder_of(path), mode)
    }

    /// The same in a folder of the same disk as its name will be in: where each thing has a folder of its own, what
    /// was killed there is swept by nobody who makes the next one.
    pub(crate) fn in_folder(folder: &Path, mode: u32) -> Result<Self> {
        sweep(folder);
        loop {
            let mut options = tempfile::Builder::new();
            options.prefix(".").suffix(SUFFIX).permissions(PermissionsExt::from_mode(mode));
            let file = options.tempfile_in(folder).at("cannot create a file in", folder)?;
            // where there are no locks nobody sweeps either
            let _ = file.as_file().lock();
            if is_named(file.as_file(), file.path())? {
                return Ok(Self(file));
            }
        }
    }

    /// Where it lies meanwhile.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// What its bytes are written to.
    pub(crate) fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    /// Flushes it and gives it the name, in place of what had it before.
    pub(crate) fn replace(self, path: &Path) -> Result<()> {
        self.0.as_file().sync_all().at("cannot flush", path)?;
        self.name(path)?;
        flush_folder(folder_of(path))
    }

    /// Flushes it and gives it the name, unless something has it: then it gives `false`.
    pub(crate) fn create(self, path: &Path) -> Result<bool> {
        self.0.as_file().sync_all().at("cannot flush", path)?;
        match self.0.persist_noclobber(path) {
            Ok(_) => flush_folder(folder_of(path)).map(|()| true),
            Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e.error).at("cannot name", path),
        }
    }

    /// Gives it the name without flushing it: for what has checksums and can be made again.
    pub(crate) fn name(self, path: &Path) -> Result<()> {
        self.0.persist(path).map_err(|e| e.error).at("cannot rename to", path)?;
        Ok(())
    }
}

/// Gives a file new bytes, whole or not at all, whenever the process ends.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut draft = Draft::beside(path, mode)?;
    draft.file().write_all(bytes).at("cannot write", path)?;
    draft.replace(path)
}

/// The same for a name that is free; `false`, and nothing written, when something has it.
pub(crate) fn create(path: &Path, mode: u32, bytes: &[u8]) -> Result<bool> {
    let mut draft = Draft::beside(path, mode)?;
    draft.file().write_all(bytes).at("cannot write", path)?;
    draft.create(path)
}

/// A file in the making that one process makes at a time: its hidden name follows from the name that it will have.
/// What a killed process left of it is taken over and emptied.
#[derive(Debug)]
pub(crate) struct Claim {
    file: File,
    hidden: PathBuf,
    path: PathBuf,
    named: bool,
}

impl Claim {
    /// Takes the claim; none while another process holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>> {
        let hidden = hidden_name(path)?;
        sweep(folder_of(path));
        for _ in 0..SWEEPING.0 {
            let file = open_claim(&hidden)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(SWEEPING.1);
                    continue;
                }
                Err(TryLockError::Error(e)) => return Err(e).at("cannot lock", &hidden),
            }
            // between open and lock the other process may have given this very file its name: then what we hold is
            // its work, which must not be emptied
            if is_named(&file, &hidden)? {
                return Self::held(file, hidden, path).map(Some);
            }
        }
        Ok(None)
    }

    /// Takes the claim, after `busy` has said that another process holds it and that process has ended with it.
    pub(crate) fn wait(path: &Path, busy: impl FnOnce()) -> Result<Self> {
        if let Some(claim) = Self::take(path)? {
            return Ok(claim);
        }
        busy();
        let hidden = hidden_name(path)?;
        loop {
            let file = open_claim(&hidden)?;
            file.lock().at("cannot lock", &hidden)?;
            if is_named(&file, &hidden)? {
                return Self::held(file, hidden, path);
            }
        }
    }

    fn held(file: File, hidden: PathBuf, path: &Path) -> Result<Self> {
        file.set_len(0).at("cannot empty", &hidden)?;
        Ok(Self { file, hidden, path: path.to_owned(), named: false })
    }

    /// Where it lies meanwhile.
    pub(crate) fn hidden(&self) -> &Path {
        &self.hidden
    }

    /// What its bytes are written to.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name, in place of what had it before. Flushing it first is the caller's: of several files none
    /// should have its name while another may still fail.
    pub(crate) fn commit(mut self) -> Result<()> {
        std::fs::rename(&self.hidden, &self.path).at("cannot rename to", &self.path)?;
        self.named = true;
        flush_folder(folder_of(&self.path))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.named {
            // an error is being reported already, and whoever comes next sweeps
            let _ = std::fs::remove_file(&self.hidden);
        }
    }
}

/// A file that others cannot have prepared for us: no link, no pipe, with no other name.
fn open_claim(hidden: &Path) -> Result<File> {
    let foreign = || {
        Error::new(Kind::Refused, "something else has the name that is needed for writing")
            .at(hidden)
            .remedy("look who put it there, and remove it")
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    let file = match options.open(hidden) {
        Err(_) if std::fs::symlink_metadata(hidden).is_ok_and(|m| !m.is_file()) => {
            return Err(foreign());
        }
        opened => opened.at("cannot create", hidden)?,
    };
    let meta = file.metadata().at("cannot look at", hidden)?;
    // without a name at all it was removed just now, which the caller finds out
    if meta.is_file() && meta.nlink() <= 1 { Ok(file) } else { Err(foreign()) }
}

/// A folder to work in; it goes with this value unless it gets a name.
#[derive(Debug)]
pub(crate) struct Work {
    folder: TempDir,
    _lock: File,
}

impl Work {
    /// Makes one in `home`, and `home` where it is missing.
    pub(crate) fn new_in(home: &Path) -> Result<Self> {
        std::fs::create_dir_all(home).at("cannot create the folder", home)?;
        sweep(home);
        loop {
            let made = tempfile::Builder::new().prefix(".").suffix(SUFFIX).tempdir_in(home);
            let folder = made.at("cannot create a folder in", home)?;
            let Ok(lock) = File::open(folder.path()) else { continue };
            let _ = lock.lock();
            if is_named(&lock, folder.path())? {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Gives it its name, which must be free. What is in it is flushed by who wrote it.
    pub(crate) fn keep(self, path: &Path) -> Result<()> {
        std::fs::rename(self.folder.path(), path).at("cannot rename to", path)?;
        // its old name is gone, and nothing is left to remove
        let _ = self.folder.keep();
        flush_folder(folder_of(path))
    }
}

/// Removes what dead processes of this user left in the making. Best effort: what stays harms nobody but takes room.
pub(crate) fn sweep(folder: &Path) {
    sweep_those(folder, is_hidden_name);
}

/// The same of what has other names.
pub(crate) fn sweep_those(folder: &Path, named: impl Fn(&OsStr) -> bool) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if named(&entry.file_name()) {
            remove_if_dead(&entry.path());
        }
    }
}

/// Whether a name is that of something in the making.
pub(crate) fn is_hidden_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
}

/// Removes what is in the making when its maker is dead, and says whether it did.
pub(crate) fn remove_if_dead(path: &Path) -> bool {
    removed(path).unwrap_or(false)
}

fn removed(path: &Path) -> std::io::Result<bool> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    let ours = meta.uid() == rustix::process::geteuid().as_raw();
    // who holds the lock of what has the name may remove it: nobody else gives the name away meanwhile
    if !ours || file.try_lock().is_err() || !is_named(&file, path).unwrap_or(false) {
        return Ok(false);
    }
    if meta.is_dir() {
        std::fs::remove_dir_all(path)?
    } else {
        std::fs::remove_file(path)?
    }
    Ok(true)
}

/// The folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes the names in a folder last.
pub(crate) fn flush_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).at("cannot flush the folder", folder)
}

fn hidden_name(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::new(Kind::Input, "this is no file's name").at(path))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(SUFFIX);
    Ok(folder_of(path).join(hidden))
}

/// Whether the open file still has this name.
fn is_named(file: &File, path: &Path) -> Result<bool> {
    let ours = file.metadata().at("cannot look at", path)?;
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e).at("cannot look at", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What a killed process leaves: the name, and no lock.
    fn leave(path: &Path) {
        std::fs::write(path, b"half of something longer").unwrap();
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_free_name_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(create(&path, 0o600, b"one").unwrap());
        assert!(!create(&path, 0o600, b"two").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        replace(&path, 0o640, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "mine").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, 0o644, b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
        assert_eq!(std::fs::read(&link).unwrap(), b"new");
    }

    #[test]
    fn what_dead_processes_left_goes_and_what_another_makes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        leave(&home.join(".dead.slipway-new"));
        std::fs::create_dir_all(home.join(".dead-folder.slipway-new/below")).unwrap();
        leave(&home.join(".mine"));
        leave(&home.join("mine.slipway-new"));
        // nobody waits for a pipe's other end, and a link's target is not ours
        let strange = [".pipe.slipway-new", ".link.slipway-new"].map(|name| home.join(name));
        assert!(std::process::Command::new("mkfifo").arg(&strange[0]).status().unwrap().success());
        let aside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(aside.path(), &strange[1]).unwrap();
        let draft = Draft::beside(&home.join("a"), 0o600).unwrap();
        let work = Work::new_in(home).unwrap();
        let claim = Claim::take(&home.join("b")).unwrap().unwrap();
        replace(&home.join("c"), 0o600, b"c").unwrap();
        let alive = [draft.path(), work.path(), claim.hidden()].map(Path::exists);
        assert_eq!(alive, [true; 3]);
        assert_eq!(names(home).len(), 7, "{:?}", names(home));
        assert!(aside.path().exists());
        std::fs::remove_file(&strange[1]).unwrap();
        drop((draft, work, claim));
        assert_eq!(names(home), [".mine", "c", "mine.slipway-new"]);
    }

    #[test]
    fn a_claim_is_one_processs_at_a_time_and_is_taken_over_from_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        leave(&folder.path().join(".a.raw.slipway-new"));
        let first = Claim::take(&path).unwrap().unwrap();
        assert!(Claim::take(&path).unwrap().is_none());
        first.file().write_all(b"new").unwrap();
        first.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        drop(Claim::take(&path).unwrap().unwrap());
        assert_eq!(names(folder.path()), ["a.raw"]);
    }

    #[test]
    fn who_waits_for_a_claim_is_told_and_has_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let first = Claim::take(&path).unwrap().unwrap();
        std::thread::scope(|scope| {
            let (told, hear) = std::sync::mpsc::channel();
            let second = scope.spawn(|| Claim::wait(&path, move || told.send(()).unwrap()));
            hear.recv().unwrap();
            first.commit().unwrap();
            second.join().unwrap().unwrap();
        });
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_link_in_a_claims_place_is_named_and_nothing_is_written_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        let hidden = folder.path().join(".a.slipway-new");
        std::fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, &hidden).unwrap();
        let error = Claim::take(&path).unwrap_err();
        assert_eq!((error.kind(), error.path()), (Kind::Refused, Some(hidden.as_path())));
        std::fs::remove_file(&hidden).unwrap();
        // what looks like a dead file of ours goes by its name alone
        std::fs::hard_link(&target, &hidden).unwrap();
        Claim::take(&path).unwrap().unwrap().file().write_all(b"new").unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&hidden).status().unwrap().success());
        Claim::take(&path).unwrap().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        // and what somebody holds is not written to, whatever it is
        std::fs::hard_link(&target, &hidden).unwrap();
        let held = File::open(&target).unwrap();
        held.lock().unwrap();
        assert_eq!(Claim::take(&path).unwrap_err().kind(), Kind::Refused);
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    }

    #[test]
    fn a_folder_that_gets_its_name_stays() {
        let folder = tempfile::tempdir().unwrap();
        let work = Work::new_in(folder.path()).unwrap();
        std::fs::write(work.path().join("x"), "x").unwrap();
        work.keep(&folder.path().join("done")).unwrap();
        assert_eq!(std::fs::read(folder.path().join("done/x")).unwrap(), b"x");
        assert_eq!(names(folder.path()), ["done"]);
    }
}
