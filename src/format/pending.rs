//! A file that appears at its name only when it is complete.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Target, direct};
use crate::error::{Context, Error, Kind, Result};
use crate::file;

/// An artifact in the making, under a temporary name in the artifact's folder.
///
/// The temporary name is a function of the artifact's, and the file is locked while it is written. So a
/// killed build leaves at most one such file for each artifact, the kernel gives its lock back, and the
/// next build of that artifact takes the file over and empties it. Random names would need somebody to
/// find out later which of them are dead; files without a name (`O_TMPFILE`) do not exist everywhere and
/// cannot replace an artifact that is there.
#[derive(Debug)]
pub struct Pending {
    file: File,
    /// The same file, past the page cache.
    direct: Option<File>,
    temporary: PathBuf,
    artifact: PathBuf,
    committed: bool,
}

impl Pending {
    /// Starts an empty file for `artifact`.
    ///
    /// # Errors
    /// [`Kind::Refused`] while another process writes the same artifact.
    pub fn create(artifact: &Path) -> Result<Self> {
        let temporary = temporary_name(artifact)?;
        loop {
            let file = file::open_or_make(&temporary).at("cannot create", &temporary)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let message = "another build is writing this artifact";
                    return Err(Error::new(Kind::Refused, message)
                        .at(artifact)
                        .remedy("wait until it ends, or write to another folder"));
                }
                Err(TryLockError::Error(e)) => return Err(e).at("cannot lock", &temporary),
            }
            // between open and lock the other process may have renamed this very file to the artifact's
            // name: then what we hold is its artifact, which must not be emptied
            if is_named(&file, &temporary)? {
                file.set_len(0).at("cannot empty", &temporary)?;
                let (artifact, direct) = (artifact.to_owned(), direct::open(&temporary));
                return Ok(Self { file, direct, temporary, artifact, committed: false });
            }
        }
    }

    /// What formats write to.
    pub fn target(&self) -> Target<'_> {
        Target { file: &self.file, direct: self.direct.as_ref(), path: &self.temporary }
    }

    /// Its length so far, in bytes.
    pub fn length(&self) -> Result<u64> {
        let metadata = self.file.metadata().at("cannot read the length", &self.temporary)?;
        Ok(metadata.len())
    }

    /// Flushes it to the disk: before [`Pending::commit`], and apart from it, because of several artifacts
    /// none should have its name while another may still fail.
    pub fn flush(&self) -> Result<()> {
        self.target().flush()
    }

    /// Gives it its name, in place of what had the name before.
    pub fn commit(mut self) -> Result<()> {
        std::fs::rename(&self.temporary, &self.artifact).at("cannot rename to", &self.artifact)?;
        self.committed = true;
        let folder = folder_of(&self.artifact);
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.at("cannot flush the folder", folder)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.committed {
            // an error is being reported already, and the next build takes the file over anyway
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// The folder that holds `path`.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn temporary_name(artifact: &Path) -> Result<PathBuf> {
    let name = artifact
        .file_name()
        .ok_or_else(|| Error::new(Kind::Input, "an artifact needs a file name").at(artifact))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".partial");
    Ok(folder_of(artifact).join(hidden))
}

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
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_has_its_name_only_after_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        let pending = Pending::create(&path).unwrap();
        (&pending.file).write_all(b"x").unwrap();
        assert!(!path.exists());
        pending.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Pending::create(&folder.path().join("a.raw")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_build_left_is_taken_over_and_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        std::fs::write(folder.path().join(".a.raw.partial"), b"half of something longer").unwrap();
        let pending = Pending::create(&path).unwrap();
        (&pending.file).write_all(b"new").unwrap();
        pending.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_builds_of_one_artifact_at_a_time_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        let first = Pending::create(&path).unwrap();
        let second = Pending::create(&path).unwrap_err();
        assert_eq!(second.kind(), Kind::Refused);
        first.commit().unwrap();
        assert!(Pending::create(&path).is_ok());
    }
}
