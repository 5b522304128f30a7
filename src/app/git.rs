//! What git says of a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Kind, Result};
use crate::units::Timestamp;

/// The state of a folder's sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The commit, with `-dirty` when files below the folder differ from it.
    pub commit: String,
    /// When it was made.
    pub committed: Timestamp,
}

/// Asks git; none where the folder is in no repository or nothing was committed, or there is no git.
pub fn source(folder: &Path) -> Result<Option<Source>> {
    let Some(head) = ask(folder, &["log", "-1", "--format=%H %ct"]) else { return Ok(None) };
    let wrong = || Error::new(Kind::Tool, format!("git says {head:?} of the last commit"));
    let (commit, seconds) = head.trim().split_once(' ').ok_or_else(wrong)?;
    let committed = Timestamp::from_seconds(seconds.parse().map_err(|_| wrong())?);
    // without optional locks: the index is not refreshed, so the working tree stays as it is to the byte
    let dirty = ask(folder, &["status", "--porcelain", "--", "."]).is_none_or(|s| !s.is_empty());
    let commit = format!("{commit}{}", if dirty { "-dirty" } else { "" });
    Ok(Some(Source { commit, committed }))
}

/// The files below a folder that git knows or would take, relative to it; none where there is no git.
/// What is ignored (installed packages, build output, secrets for development) differs between machines.
pub(super) fn files(folder: &Path) -> Option<Vec<PathBuf>> {
    let listed =
        ask(folder, &["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."])?;
    let names = listed.split('\0').filter(|name| !name.is_empty());
    Some(names.map(PathBuf::from).collect())
}

fn ask(folder: &Path, args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    let git = git.arg("-C").arg(folder).args(args).env("GIT_OPTIONAL_LOCKS", "0");
    let output = git.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}
