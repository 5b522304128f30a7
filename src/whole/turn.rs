//! Files that one process makes at a time.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;

use super::{SUFFIX, flush_folder, folder_of, is_named, sweep};
use crate::error::{Context, Error, Kind, Result};
use crate::lock;
use crate::progress::Progress;

/// A sweep holds a dead file's lock for an instant. That alone must not make it look like another's
/// work.
const SWEEPING: (u32, Duration) = (50, Duration::from_millis(2));

/// A file in the making that only one process makes at a time: its hidden name follows from its
/// final name. What a killed process left of it is taken over and emptied.
#[derive(Debug)]
pub(crate) struct Turn {
    file: File,
    hidden: PathBuf,
    path: PathBuf,
    named: bool,
}

impl Turn {
    /// Takes the turn; none while another process holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>> {
        let hidden = hidden_name(path)?;
        sweep(folder_of(path));
        for _ in 0..SWEEPING.0 {
            let file = open_hidden(&hidden)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(SWEEPING.1);
                    continue;
                }
                Err(TryLockError::Error(e)) => return Err(e).at("cannot lock", &hidden),
            }
            // between open and lock the other process may have given this very file its final name:
            // then we hold that process's work, which must not be emptied
            if is_named(&file, &hidden)? {
                return Self::held(file, hidden, path).map(Some);
            }
        }
        Ok(None)
    }

    /// Takes the turn. If another process holds it, calls `busy` first and waits until that process
    /// is done.
    pub(crate) fn wait(path: &Path, progress: &dyn Progress, busy: impl FnOnce()) -> Result<Self> {
        if let Some(turn) = Self::take(path)? {
            return Ok(turn);
        }
        busy();
        let hidden = hidden_name(path)?;
        loop {
            let file = open_hidden(&hidden)?;
            lock::wait_for(&file, &hidden, progress)?;
            if is_named(&file, &hidden)? {
                return Self::held(file, hidden, path);
            }
        }
    }

    fn held(file: File, hidden: PathBuf, path: &Path) -> Result<Self> {
        file.set_len(0).at("cannot empty", &hidden)?;
        Ok(Self { file, hidden, path: path.to_owned(), named: false })
    }

    /// Its hidden path.
    pub(crate) fn hidden(&self) -> &Path {
        &self.hidden
    }

    /// What its bytes are written to.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its final name, replacing what had it before. The caller flushes it first: of
    /// several files, none should get its name while another may still fail.
    pub(crate) fn commit(mut self) -> Result<()> {
        std::fs::rename(&self.hidden, &self.path).at("cannot rename to", &self.path)?;
        self.named = true;
        flush_folder(folder_of(&self.path))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.named {
            // an error is already being reported, and the next process sweeps
            let _ = std::fs::remove_file(&self.hidden);
        }
    }
}

/// A file that others cannot have prepared for us: no link, no pipe, and without a second name.
fn open_hidden(hidden: &Path) -> Result<File> {
    let foreign = || {
        Error::new(Kind::Refused, "something else has the name that is needed for writing")
            .at(hidden)
            .remedy("find out who put it there, and remove it")
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
    // without any name it was removed just now, which the caller finds out
    if meta.is_file() && meta.nlink() <= 1 { Ok(file) } else { Err(foreign()) }
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::tests::{leave, names};
    use super::*;
    use crate::progress::Quiet;

    #[test]
    fn a_turn_is_one_processs_at_a_time_and_is_taken_over_from_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        leave(&folder.path().join(".a.raw.slipway-new"));
        let first = Turn::take(&path).unwrap().unwrap();
        assert!(Turn::take(&path).unwrap().is_none());
        first.file().write_all(b"new").unwrap();
        first.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        drop(Turn::take(&path).unwrap().unwrap());
        assert_eq!(names(folder.path()), ["a.raw"]);
    }

    #[test]
    fn who_waits_for_a_turn_is_told_and_has_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let first = Turn::take(&path).unwrap().unwrap();
        std::thread::scope(|scope| {
            let (told, hear) = std::sync::mpsc::channel();
            let second = scope.spawn(|| Turn::wait(&path, &Quiet, move || told.send(()).unwrap()));
            hear.recv().unwrap();
            first.commit().unwrap();
            second.join().unwrap().unwrap();
        });
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_link_in_a_turns_place_is_named_and_nothing_is_written_through_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        let hidden = folder.path().join(".a.slipway-new");
        std::fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, &hidden).unwrap();
        let error = Turn::take(&path).unwrap_err();
        assert_eq!((error.kind(), error.path()), (Kind::Refused, Some(hidden.as_path())));
        std::fs::remove_file(&hidden).unwrap();
        // a file that looks like a dead one of ours loses only its name
        std::fs::hard_link(&target, &hidden).unwrap();
        Turn::take(&path).unwrap().unwrap().file().write_all(b"new").unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&hidden).status().unwrap().success());
        Turn::take(&path).unwrap().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        // and a file that somebody holds is not written to, whatever it is
        std::fs::hard_link(&target, &hidden).unwrap();
        let held = File::open(&target).unwrap();
        held.lock().unwrap();
        assert_eq!(Turn::take(&path).unwrap_err().kind(), Kind::Refused);
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    }
}
