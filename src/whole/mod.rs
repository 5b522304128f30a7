//! Files and folders that get their name when they are complete, or never.
//!
//! A file in the making has a hidden name, and is locked as long as its maker lives: the kernel
//! releases the lock however that process ends. Whoever makes the next file in the same folder
//! removes those that nobody holds. Links are never followed: others may be able to write to the
//! folder.
//!
//! Random names alone were rejected: somebody would have to find out later which of them are dead.
//! Files without a name (`O_TMPFILE`) do not exist everywhere, and cannot replace an existing file.

mod draft;
mod sweep;
mod turn;
mod work;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Context, Result};

pub(crate) use draft::Draft;
pub(crate) use sweep::{remove_if_dead, sweep, sweep_those};
pub(crate) use turn::Turn;
pub(crate) use work::Work;

/// The end of the hidden names of things in the making; they begin with a dot.
const SUFFIX: &str = ".slipway-new";

/// Replaces a file's bytes, all or none of them, whenever the process ends.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut draft = Draft::beside(path, mode)?;
    draft.file().write_all(bytes).at("cannot write", path)?;
    draft.replace(path)
}

/// The same for a free name. When the name is taken, it returns `false` and writes nothing.
pub(crate) fn create(path: &Path, mode: u32, bytes: &[u8]) -> Result<bool> {
    let mut draft = Draft::beside(path, mode)?;
    draft.file().write_all(bytes).at("cannot write", path)?;
    draft.create(path)
}

/// Whether a name belongs to something in the making.
pub(crate) fn is_hidden_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
}

/// The folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Flushes the names in a folder to the disk.
pub(crate) fn flush_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).at("cannot flush the folder", folder)
}

/// Whether the open file still has this name.
pub(crate) fn is_named(file: &File, path: &Path) -> Result<bool> {
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

    pub(super) fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Leaves what a killed process does: the name, and no lock.
    pub(super) fn leave(path: &Path) {
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
}
