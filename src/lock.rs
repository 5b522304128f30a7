//! Locks between processes: an empty file that the kernel unlocks when its holder ends, however that happens.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::{Context, Result};
use crate::file;

/// Makes the file where there is none, and waits until nobody else holds it. It is held until the result is dropped.
///
/// # Errors
///
/// Fails when the file cannot be made or locked, and when a link or anything but a file has its name.
pub(crate) fn wait(path: &Path) -> Result<File> {
    let file = open(path)?;
    file.lock().at("cannot lock", path)?;
    Ok(file)
}

/// Opens the lock's file, and makes it where there is none; nothing in it is touched.
pub(crate) fn open(path: &Path) -> Result<File> {
    let opened = match file::open_or_make(path) {
        // somebody else's, in a cache that is shared: whoever can read it can lock it
        Err(e) if may_not_write(&e) => file::open_own(path).map_err(|_| e),
        opened => opened,
    };
    opened.at("cannot open the lock", path)
}

/// Whether writing was declined, by the file's mode or by a file system that is read only.
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
