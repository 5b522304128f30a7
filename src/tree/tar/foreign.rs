//! Files in an archive that somebody else made and that is unpacked as it arrives: a module, an
//! app.
//!
//! Everything here is bounded before it is believed. A folder costs its reader as much as a file
//! does, so the folders that names imply count, too: 193 KB of names unpacked to 2.4 million
//! folders.

use std::collections::HashSet;
use std::io::Read;

use super::heads::{Head, Heads, Stream};
use crate::error::{Error, Kind, Result};

/// The greatest depth of a name, in folders: the deepest real ones, below node_modules, have some
/// sixty.
pub(crate) const DEEPEST: usize = 256;
/// The longest name in bytes, without the terminating zero (which PATH_MAX in
/// include/uapi/linux/limits.h counts, too).
pub(crate) const LONGEST: usize = 4095;
/// The longest part of a name in bytes (NAME_MAX in include/uapi/linux/limits.h).
pub(crate) const LONGEST_PART: usize = 255;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a device, a pipe, or a kind that this reader does not know.
    Other,
}

/// One member; its content is read from [`Members`].
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    /// Its name: not empty, relative, without a leading `./` or a trailing slash.
    pub name: String,
    /// What it is.
    pub sort: Sort,
    /// Bytes of its content.
    pub size: u64,
    /// Permission bits.
    pub mode: u16,
}

/// Reads a stream's members. Through [`Read`], it gives the last one's content.
pub(crate) struct Members<R>(Heads<Stream<R>>);

impl<R: Read> Members<R> {
    /// The reader stands at the archive's start.
    pub(crate) fn new(reader: R) -> Self {
        Self(Heads::new(Stream(reader)))
    }

    /// The next member; none at the archive's end mark. The archive's own folder (`./`) is passed
    /// over.
    ///
    /// # Errors
    /// Names that leave the folder, that no file system can hold, or that display as something
    /// else; sparse files; damaged headers and records; and an archive without an end mark.
    pub(crate) fn next_member(&mut self) -> Result<Option<Foreign>> {
        while let Some(head) = self.0.next_head()? {
            if let Some(member) = member(&head)? {
                return Ok(Some(member));
            }
        }
        Ok(None)
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

fn member(head: &Head) -> Result<Option<Foreign>> {
    let shown = String::from_utf8_lossy(&head.name);
    let fault = |why| Err(refused(&shown, why));
    let damaged = |e: Error| refused(&shown, "its header is damaged").because(e);
    let Ok(full) = std::str::from_utf8(&head.name) else { return fault("it is not UTF-8") };
    // `tar czf x.tar.gz ./folder` writes it before every name
    let mut name = full;
    while let Some(rest) = name.strip_prefix("./") {
        name = rest;
    }
    let sort = match head.header.kind() {
        // the oldest tars mark a folder by its name alone, and have only this kind
        0 if full.ends_with('/') => Sort::Folder,
        b'0' | 0 | b'7' => Sort::File,
        b'5' => Sort::Folder,
        _ => Sort::Other,
    };
    let name = if sort == Sort::File { name } else { name.trim_end_matches('/') };
    if sort == Sort::Folder && matches!(name, "" | ".") && !full.starts_with('/') {
        return Ok(None);
    }
    if let Some(why) = fault_of(name) {
        return fault(why);
    }
    // GNU's own sparse member is of another kind
    if head.records.starting_with(&[b"GNU.sparse."]).is_some() {
        return fault("it is a sparse file; write the archive without --sparse");
    }
    // two readers would see two archives
    if sort == Sort::File && head.header.size().map_err(damaged)? != head.size {
        return fault("its header has another size");
    }
    let mode = head.header.mode().map_err(damaged)?;
    Ok(Some(Foreign { name: name.to_owned(), sort, size: head.size, mode }))
}

/// Why no file of ours may have a name; none when it may.
pub(crate) fn fault_of(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.starts_with('/') {
        return Some("it is absolute");
    }
    if name.len() > LONGEST || name.split('/').any(|part| part.len() > LONGEST_PART) {
        return Some("it is longer than a file's name can be");
    }
    if name.chars().any(char::is_control) {
        return Some("it holds a control character");
    }
    if name.chars().any(misleads) {
        return Some("it holds a character that turns or hides text");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some("it holds an empty part, \".\" or \"..\"");
    }
    if name.split('/').count() > DEEPEST {
        return Some("it is nested too deeply");
    }
    None
}

/// Characters that make a name look like another one: marks that turn its direction (Unicode 16,
/// UAX #9, section 2), and those that cannot be seen (zero width, line and paragraph separators,
/// the byte order mark). The joiners (U+200C, U+200D) are part of the spelling in some languages.
fn misleads(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The error for a member that is not allowed.
pub(crate) fn refused(name: &str, why: &str) -> Error {
    let shown = name.escape_debug();
    Error::new(Kind::Damaged, format!("the file \"{shown}\" is refused: {why}"))
}

/// How much may be taken from an archive: bytes, and entries, including the folders that their
/// names imply.
#[derive(Debug)]
pub(crate) struct Budget {
    entries: usize,
    bytes: u64,
    folders: HashSet<String>,
}

impl Budget {
    /// At most this many entries and bytes.
    pub(crate) fn new(entries: usize, bytes: u64) -> Self {
        Self { entries, bytes, folders: HashSet::new() }
    }

    /// Takes one member from it; false when there is not enough.
    #[must_use]
    pub(crate) fn take(&mut self, member: &Foreign) -> bool {
        let mut new = usize::from(member.sort != Sort::Folder);
        let itself = (member.sort == Sort::Folder).then_some(member.name.as_str());
        let above = member.name.rmatch_indices('/').map(|(end, _)| &member.name[..end]);
        for folder in itself.into_iter().chain(above) {
            // the folders above a known one are known
            if !self.folders.insert(folder.to_owned()) {
                break;
            }
            new += 1;
        }
        // a folder that comes again is read again
        let new = new.max(1);
        match (self.entries.checked_sub(new), self.bytes.checked_sub(member.size)) {
            (Some(entries), Some(bytes)) => (self.entries, self.bytes) = (entries, bytes),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(names: &[&str]) -> usize {
        let mut budget = Budget::new(1000, 0);
        for name in names {
            let sort = if name.ends_with('/') { Sort::Folder } else { Sort::File };
            let name = name.trim_end_matches('/').to_owned();
            assert!(budget.take(&Foreign { name, sort, size: 0, mode: 0o644 }));
        }
        1000 - budget.entries
    }

    #[test]
    fn a_folder_costs_as_much_as_a_file_whether_it_has_a_member_or_not() {
        assert_eq!(taken(&["a"]), 1);
        assert_eq!(taken(&["m/a", "m/b"]), 3);
        assert_eq!(taken(&["m/", "m/a", "m/b"]), 3);
        assert_eq!(taken(&["m/x/y/z", "m/x/q/z"]), 6);
        assert_eq!(taken(&["m/", "m/", "m/"]), 3);
    }

    #[test]
    fn names_that_hide_turn_or_reach_too_far_are_refused() {
        let long = "x".repeat(256);
        let deep = "d/".repeat(DEEPEST) + "x";
        for bad in ["", "/x", "a/../x", "a//b", "a\n", "a\u{202e}b", "\u{200b}", &long, &deep] {
            assert!(fault_of(bad).is_some(), "{bad:?}");
        }
        for good in
            ["größe.txt", "a/.htaccess", "名前", &"d/".repeat(DEEPEST - 1)[..2 * DEEPEST - 3]]
        {
            assert_eq!(fault_of(good), None, "{good:?}");
        }
    }
}
