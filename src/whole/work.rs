//! Folders to work in.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::TempDir;

use super::{SUFFIX, flush_folder, folder_of, is_named, sweep};
use crate::error::{Context, Result};

/// A folder to work in. It is removed with this value unless it gets a name.
#[derive(Debug)]
pub(crate) struct Work {
    folder: TempDir,
    _lock: File,
}

impl Work {
    /// Creates one in `home`, and `home` itself if it is missing.
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

    /// Gives it its name, which must be free. Whoever wrote the files in it flushes them.
    pub(crate) fn keep(self, path: &Path) -> Result<()> {
        std::fs::rename(self.folder.path(), path).at("cannot rename to", path)?;
        // its old name no longer exists, and nothing is left to remove
        let _ = self.folder.keep();
        flush_folder(folder_of(path))
    }
    /// The same for a name that may be taken: what had it is removed. At every moment one of them has it, whole.
    pub(crate) fn replace(self, path: &Path) -> Result<()> {
        let exchange = RenameFlags::EXCHANGE;
        match renameat_with(CWD, self.folder.path(), CWD, path, exchange) {
            // the earlier one has our hidden name now, and goes with it
            Ok(()) => flush_folder(folder_of(path)),
            Err(Errno::NOENT) => self.keep(path),
            Err(e) => Err(io::Error::from(e)).at("cannot rename to", path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::names;
    use super::*;

    #[test]
    fn a_folder_that_gets_its_name_stays() {
        let folder = tempfile::tempdir().unwrap();
        let work = Work::new_in(folder.path()).unwrap();
        std::fs::write(work.path().join("x"), "x").unwrap();
        work.keep(&folder.path().join("done")).unwrap();
        assert_eq!(std::fs::read(folder.path().join("done/x")).unwrap(), b"x");
        assert_eq!(names(folder.path()), ["done"]);
    }

    #[test]
    fn a_folder_takes_the_place_of_another_one_and_nothing_of_that_is_left() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["old", "new"] {
            let work = Work::new_in(folder.path()).unwrap();
            std::fs::write(work.path().join(text), text).unwrap();
            work.replace(&folder.path().join("done")).unwrap();
        }
        assert_eq!(names(folder.path()), ["done"]);
        assert_eq!(names(&folder.path().join("done")), ["new"]);
    }
}
