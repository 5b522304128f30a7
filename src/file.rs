//! Files in folders that others can write to as well. A name there that can be guessed may be a
//! link, a device or a pipe.
//!
//! `File::open` waits for ever for a pipe's other end and reads a device without end.
//! `File::create` follows a link and empties its target.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::{Context, Error, Kind, Result};

/// Whatever is there is opened as it is: without waiting, and without making a terminal ours.
const WARY: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// The metadata of the file with this name, links followed; none if there is no such file.
///
/// `Path::exists` and its like are not used in this house: they say no whatever goes wrong, so a
/// file in a folder that may not be entered, or on a failing disk, would count as absent.
pub(crate) fn look(path: &Path) -> Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        found => found.map(Some).at("cannot look at", path),
    }
}

/// Whether the name is a folder's, links followed.
pub(crate) fn is_folder(path: &Path) -> Result<bool> {
    Ok(look(path)?.is_some_and(|found| found.is_dir()))
}

/// Whether the name is a regular file's, links followed.
pub(crate) fn is_file(path: &Path) -> Result<bool> {
    Ok(look(path)?.is_some_and(|found| found.is_file()))
}

/// Opens a regular file for reading. A link to one is followed: the digest proves what is read.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // checked first, because merely opening some devices has effects
    regular(&std::fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(flags(WARY)).open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// [`Kind::Refused`] when it is larger.
pub(crate) fn read(path: &Path, limit: u64, doing: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // one byte more, to see that there is more
    let read = open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    read.at(doing, path)?;
    match bytes.len() as u64 > limit {
        true => Err(Error::new(Kind::Refused, format!("it is larger than {limit} bytes")).at(path)),
        false => Ok(bytes),
    }
}

/// Opens a regular file for reading and writing, and creates it if there is none. Its contents are
/// kept, and no link is followed.
pub(crate) fn open_or_make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.custom_flags(flags(WARY | OFlags::NOFOLLOW)).open(path).map_err(told)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens an empty file for writing: a new one, or the regular file of that name, emptied.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    let file = open_or_make(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// Opens the regular file of that name for reading; no link is followed.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(flags(WARY | OFlags::NOFOLLOW));
    let file = options.open(path).map_err(told)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn regular(found: &Metadata) -> io::Result<()> {
    match found.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("it is no regular file")),
    }
}

/// The kernel says "Too many levels of symbolic links" even for one link, where none may be
/// followed.
fn told(error: io::Error) -> io::Error {
    let code = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    match code {
        Some(rustix::io::Errno::LOOP) => io::Error::other("it is a link, which is not followed"),
        // a pipe without a reader, a socket
        Some(rustix::io::Errno::NXIO) => io::Error::other("it is no regular file"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FileType, Mode};
    use std::os::unix::fs::symlink;

    fn pipe(path: &Path) {
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0).unwrap();
    }

    #[test]
    fn devices_pipes_and_folders_are_no_files_and_nobody_waits_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let [fifo, zero] = ["fifo", "zero"].map(|name| folder.path().join(name));
        pipe(&fifo);
        symlink("/dev/zero", &zero).unwrap();
        for path in [&fifo, &zero, folder.path()] {
            assert!(open(path).is_err() && make(path).is_err(), "{path:?}");
            assert!(open_own(path).is_err() && read(path, 10, "cannot read").is_err(), "{path:?}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_something_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let [circle, file] = ["circle", "file"].map(|name| folder.path().join(name));
        symlink(&circle, &circle).unwrap();
        std::fs::write(&file, "").unwrap();
        assert_eq!(look(&circle).unwrap_err().path(), Some(circle.as_path()));
        assert!(is_file(&circle).is_err() && is_folder(&circle.join("x")).is_err());
        assert!(look(&folder.path().join("x".repeat(300))).is_err());
        for nothing in [folder.path().join("none"), folder.path().join("none/x"), file.join("x")] {
            assert!(look(&nothing).unwrap().is_none(), "{nothing:?}");
        }
        assert!(is_file(&file).unwrap() && !is_folder(&file).unwrap());
        assert!(is_folder(folder.path()).unwrap() && !is_file(folder.path()).unwrap());
    }

    #[test]
    fn a_link_is_never_written_through_and_a_file_is_emptied_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        std::fs::write(&file, "theirs").unwrap();
        symlink(&file, &link).unwrap();
        let error = make(&link).unwrap_err().to_string();
        assert!(error.contains("a link"), "{error}");
        assert!(open_or_make(&link).is_err() && open_own(&link).is_err());
        open_or_make(&file).unwrap();
        assert_eq!(read(&link, 6, "cannot read").unwrap(), b"theirs");
        assert_eq!(read(&file, 5, "cannot read").unwrap_err().kind(), Kind::Refused);
        make(&file).unwrap();
        assert!(std::fs::read(&file).unwrap().is_empty());
        symlink(folder.path().join("absent"), folder.path().join("dangling")).unwrap();
        assert!(open_or_make(&folder.path().join("dangling")).is_err());
        assert!(!folder.path().join("absent").exists());
    }
}
