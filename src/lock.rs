//! Locks between processes: an empty file that the kernel unlocks when its holder ends, however
//! that happens.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::error::{Context, Result};
use crate::file;
use crate::progress::Progress;

/// Creates the file if there is none, and waits until nobody else holds the lock. It is held until
/// the result is dropped.
///
/// # Errors
///
/// Fails when the file cannot be created or locked, and when its name is a link or anything else
/// but a regular file.
pub(crate) fn wait(path: &Path) -> Result<File> {
    let file = open(path)?;
    file.lock().at("cannot lock", path)?;
    Ok(file)
}

/// How often to try a lock that another process holds: often enough for people, and seldom enough
/// to cost nothing.
const AGAIN: Duration = Duration::from_millis(50);

/// Waits until nobody else holds the lock of the open file at `path`, or until `progress` ends the
/// wait. A wait in the kernel was rejected: only a signal that ends the process would end it.
pub(crate) fn wait_for(file: &File, path: &Path, progress: &dyn Progress) -> Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => progress.go_on()?,
            Err(TryLockError::Error(e)) => return Err(e).at("cannot lock", path),
        }
        std::thread::sleep(AGAIN);
    }
}

/// Opens the lock's file, and creates it if there is none. Its contents are not touched.
pub(crate) fn open(path: &Path) -> Result<File> {
    let opened = match file::open_or_make(path) {
        // another user's file, in a shared cache: whoever can read it can lock it
        Err(e) if may_not_write(&e) => file::open_own(path).map_err(|_| e),
        opened => opened,
    };
    opened.at("cannot open the lock", path)
}

/// Whether writing was denied, by the file's mode or by a read-only file system.
pub(crate) fn may_not_write(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_one_holders_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = wait(&path).unwrap();
        assert!(File::open(&path).unwrap().try_lock().is_err());
        drop(held);
        wait(&path).unwrap();
    }

    #[test]
    fn a_lock_that_is_a_link_is_refused_and_what_it_points_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [theirs, path] = ["theirs", ".lock"].map(|name| folder.path().join(name));
        std::fs::write(&theirs, "text").unwrap();
        std::os::unix::fs::symlink(&theirs, &path).unwrap();
        assert!(wait(&path).is_err());
        assert_eq!(std::fs::read(&theirs).unwrap(), b"text");
        std::fs::remove_file(&path).unwrap();
        std::fs::hard_link(&theirs, &path).unwrap();
        drop(wait(&path).unwrap());
        assert_eq!(std::fs::read(&theirs).unwrap(), b"text");
    }
}
