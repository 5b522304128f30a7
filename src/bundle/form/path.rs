//! Which names a bundle's files may have.

use super::manifest::FileRecord;
use crate::error::{Error, Kind, Result};
use crate::tree::tar;

/// The only two modes of files: the rest (set-id, sticky, group-writable) has no place in a bundle.
pub(crate) const MODES: [u16; 2] = [0o644, 0o755];
/// What a ustar header's name and prefix hold together, less the slash between them.
const LONGEST: usize = 255;

/// Refuses what could name anything but a file below the release's folder, or would not show as it is.
pub(crate) fn check(path: &str) -> Result<()> {
    match fault(path) {
        None => Ok(()),
        Some(why) => Err(refused(path, why)),
    }
}

fn fault(path: &str) -> Option<&'static str> {
    if path.len() > LONGEST {
        return Some("it is longer than 255 bytes");
    }
    tar::fault_of(path)
}

/// Checks names, modes and order of a whole list: each path once, and no file below another file.
pub(crate) fn check_list(files: &[FileRecord]) -> Result<()> {
    for file in files {
        check(&file.path)?;
        if file.path == super::manifest::MANIFEST {
            return Err(refused(&file.path, "the manifest does not list itself"));
        }
        if !MODES.contains(&file.mode) {
            return Err(refused(&file.path, "its mode is neither 0644 nor 0755"));
        }
    }
    for pair in files.windows(2) {
        if pair[0].path.as_bytes() >= pair[1].path.as_bytes() {
            return Err(refused(&pair[1].path, "it is listed twice or out of order"));
        }
    }
    let all: std::collections::BTreeSet<&str> = files.iter().map(|f| f.path.as_str()).collect();
    for file in files {
        let mut folders = file.path.match_indices('/').map(|(i, _)| &file.path[..i]);
        if folders.any(|folder| all.contains(folder)) {
            return Err(refused(&file.path, "it lies below a file"));
        }
    }
    Ok(())
}

/// The error for a name that may not be.
pub(crate) fn refused(path: &str, why: &str) -> Error {
    let shown = path.escape_debug();
    Error::new(Kind::Damaged, format!("the bundle's file \"{shown}\" is refused: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Digest;

    fn file(path: &str, mode: u16) -> FileRecord {
        FileRecord { path: path.to_owned(), sha256: Digest::of(b""), size: 0, mode }
    }

    #[test]
    fn names_that_leave_the_folder_or_hide_are_refused() {
        let long = "a".repeat(256);
        for bad in
            ["", "/etc/passwd", "../x", "a/../x", "a//b", "./a", "a/", "a\n", "a\x1b[2J", &long]
        {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(check("modules/profile/files/größe.txt").is_ok());
    }

    #[test]
    fn a_list_with_a_name_twice_or_a_file_below_a_file_is_refused() {
        assert!(check_list(&[file("a", 0o644), file("a", 0o644)]).is_err());
        assert!(check_list(&[file("a", 0o644), file("a-b", 0o644), file("a/b", 0o644)]).is_err());
        assert!(check_list(&[file("b", 0o644), file("a", 0o644)]).is_err());
        assert!(check_list(&[file("a", 0o4755)]).is_err());
        assert!(check_list(&[file("a-b", 0o644), file("a/b", 0o755)]).is_ok());
    }
}
