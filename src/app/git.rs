//! What git says about a folder.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::command::{self, Sees};
use crate::error::{Context, Error, Kind, Result};
use crate::units::Timestamp;

/// Where git's settings are: the only ones of git's variables that do not point to a repository. A
/// hook runs with GIT_DIR set to its own repository; we always ask for the folder's.
const SETTINGS: [&str; 3] = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];

/// The state of a folder's sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit, with `-dirty` when files differ from it.
    pub commit: String,
    /// When it was made.
    pub committed: Timestamp,
}

/// Which files count for a commit to be called dirty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The files below the folder.
    Folder,
    /// All files in its repository.
    Repository,
}

/// Asks git; none when the folder is in no repository, or when nothing was committed.
///
/// # Errors
/// When there is a repository, but git refuses to read it or is not installed.
pub fn source(folder: &Path, scope: Scope) -> Result<Option<Origin>> {
    if !is_in_repository(folder)? {
        return Ok(None);
    }
    let head = run(folder, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
    // git's exit code for "no", without any message
    if head.status.code() == Some(1) && head.stderr.is_empty() {
        return Ok(None);
    }
    check(folder, head)?;
    let head = ask(folder, &["log", "-1", "--format=%H %ct"])?;
    let wrong = || Error::new(Kind::Tool, format!("git says {head:?} of the last commit"));
    let (commit, seconds) = head.trim().split_once(' ').ok_or_else(wrong)?;
    let committed = Timestamp::from_seconds(seconds.parse().map_err(|_| wrong())?);
    let below: &[&str] = match scope {
        Scope::Folder => &["--", "."],
        Scope::Repository => &[],
    };
    let changed = ask(folder, &[&["status", "--porcelain"], below].concat())?;
    let commit = format!("{commit}{}", if changed.is_empty() { "" } else { "-dirty" });
    Ok(Some(Origin { commit, committed }))
}

/// The files below a folder that git tracks or would add, relative to the folder; none when it is
/// in no repository. Ignored files (installed packages, build output, secrets for development)
/// differ between machines, so when git refuses, there is no other list to use.
pub(super) fn files(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    if !is_in_repository(folder)? {
        return Ok(None);
    }
    let listed =
        ask(folder, &["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."])?;
    let names = listed.split('\0').filter(|name| !name.is_empty());
    Ok(Some(names.map(PathBuf::from).collect()))
}

/// Whether the folder belongs to a repository. One that lies in a repository's ignored folder (a project that was begun in
/// build output, or beside other people's sources) does not: git has no file of it, and all of its files are its own.
fn is_in_repository(folder: &Path) -> Result<bool> {
    if !is_below_repository(folder)? {
        return Ok(false);
    }
    let ignored = run(folder, &["check-ignore", "--quiet", "--", "."])?;
    match ignored.status.code() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => check(folder, ignored).map(|_| true),
    }
}

/// Whether there is a `.git` in the folder or above. We look ourselves, because git has the same
/// exit code for "there is none" and "I refuse".
fn is_below_repository(folder: &Path) -> Result<bool> {
    let folder = std::fs::canonicalize(folder).at("cannot find the folder", folder)?;
    for above in folder.ancestors() {
        let place = above.join(".git");
        match std::fs::symlink_metadata(&place) {
            Ok(_) => return Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e).at("cannot look at", &place),
        }
    }
    Ok(false)
}

fn ask(folder: &Path, args: &[&str]) -> Result<String> {
    let stdout = check(folder, run(folder, args)?)?;
    String::from_utf8(stdout)
        .map_err(|_| Error::new(Kind::Input, "git knows a file whose name is not UTF-8").at(folder))
}

fn run(folder: &Path, args: &[&str]) -> Result<Output> {
    let mut git = command::seeing("git", Sees::Also(&SETTINGS));
    // without optional locks: the index is not refreshed, so the working tree stays exactly as it
    // is
    let git = git.arg("-C").arg(folder).args(args).env("GIT_OPTIONAL_LOCKS", "0");
    git.env("LC_ALL", "C.UTF-8").output().map_err(|e| command::cannot_start("git", "git", e))
}

fn check(folder: &Path, output: Output) -> Result<Vec<u8>> {
    command::check("git", &output).map_err(|e| {
        let remedy = match String::from_utf8_lossy(&output.stderr).contains("safe.directory") {
            true => "the folder is somebody else's: change its owner, or name it in safe.directory as git says",
            false => "make `git status` work in the folder: git says which files are yours to pack",
        };
        Error::new(e.kind(), "git does not say what is in the folder").at(folder).remedy(remedy).because(e)
    })?;
    Ok(output.stdout)
}
