//! The folder that a test works in: removed at the end, and by the next test after a `kill -9`.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::{Context, Result};

const PREFIX: &str = "slipway-smoke-";

/// A locked folder; dropping it removes it.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    /// Held as long as the folder is in use: who gets the lock knows that its owner is gone.
    _lock: File,
}

impl Scratch {
    /// Makes a folder in `parent`, and removes those there whose owners were killed.
    pub fn new(parent: &Path) -> Result<Self> {
        sweep(parent);
        loop {
            let folder = tempfile::Builder::new()
                .prefix(PREFIX)
                .tempdir_in(parent)
                .at("cannot make a folder in", parent)?;
            let lock = open_folder(folder.path()).at("cannot open", folder.path())?;
            lock.lock().at("cannot lock", folder.path())?;
            // somebody's sweep may have taken it between its making and our lock
            if folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Opens a folder whose name others may have taken, in a place where anybody may make files: neither a link nor a FIFO, which
/// would keep who opens it waiting for ever.
fn open_folder(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    File::options().read(true).custom_flags(flags.bits() as i32).open(path)
}

/// Best effort: what cannot be removed here is reported by nobody, as it harms nobody.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(folder: &Path) {
    let Ok(lock) = open_folder(folder) else { return };
    let ours = lock.metadata().is_ok_and(|m| m.uid() == rustix::process::getuid().as_raw());
    if ours && lock.try_lock().is_ok() {
        let _ = std::fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_folder_is_removed_and_a_used_one_is_kept() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join("slipway-smoke-dead");
        std::fs::create_dir(&abandoned).unwrap();
        let strange =
            ["fifo", "link", "file"].map(|name| parent.path().join(format!("{PREFIX}{name}")));
        let mode = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &strange[0], rustix::fs::FileType::Fifo, mode, 0)
            .unwrap();
        std::os::unix::fs::symlink(&abandoned, &strange[1]).unwrap();
        std::fs::write(&strange[2], "").unwrap();
        let first = Scratch::new(parent.path()).unwrap();
        let second = Scratch::new(parent.path()).unwrap();
        assert!(!abandoned.exists());
        assert!(first.path().exists() && second.path().exists());
        assert!(strange.iter().all(|path| path.symlink_metadata().is_ok()));
        drop((first, second));
        strange.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
