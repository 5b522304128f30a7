//! Files in the making, any number of them at a time.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use super::{SUFFIX, flush_folder, folder_of, is_named, sweep};
use crate::error::{Context, Result};

/// A file in the making, under a temporary name. It is removed with this value unless it gets its
/// final name.
#[derive(Debug)]
pub(crate) struct Draft(NamedTempFile);

impl Draft {
    /// Creates an empty one in the folder of `path`. The umask applies to `mode`.
    pub(crate) fn beside(path: &Path, mode: u32) -> Result<Self> {
        Self::in_folder(folder_of(path), mode)
    }

    /// The same in another folder on the same disk. For things that each have their own folder:
    /// whoever makes the next one would not sweep there.
    pub(crate) fn in_folder(folder: &Path, mode: u32) -> Result<Self> {
        sweep(folder);
        loop {
            let mut options = tempfile::Builder::new();
            options.prefix(".").suffix(SUFFIX).permissions(PermissionsExt::from_mode(mode));
            let file = options.tempfile_in(folder).at("cannot create a file in", folder)?;
            // where there are no locks, nobody sweeps either
            let _ = file.as_file().lock();
            if is_named(file.as_file(), file.path())? {
                return Ok(Self(file));
            }
        }
    }

    /// Its temporary path.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// What its bytes are written to.
    pub(crate) fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    /// Flushes it and gives it the name, replacing what had it before.
    pub(crate) fn replace(self, path: &Path) -> Result<()> {
        self.0.as_file().sync_all().at("cannot flush", path)?;
        self.name(path)?;
        flush_folder(folder_of(path))
    }

    /// Flushes it and gives it the name, unless the name is taken: then it returns `false`.
    pub(crate) fn create(self, path: &Path) -> Result<bool> {
        self.0.as_file().sync_all().at("cannot flush", path)?;
        match self.0.persist_noclobber(path) {
            Ok(_) => flush_folder(folder_of(path)).map(|()| true),
            Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e.error).at("cannot name", path),
        }
    }

    /// Gives it the name without flushing it: for files that have checksums and can be made again.
    pub(crate) fn name(self, path: &Path) -> Result<()> {
        self.0.persist(path).map_err(|e| e.error).at("cannot rename to", path)?;
        Ok(())
    }
}
