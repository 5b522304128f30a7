//! Hidden files that git ignores: an editor's leftovers, a developer's `.env`.
//!
//! A hidden file is content like any other (`files/.htaccess`). What git ignores differs between machines, and
//! may be a secret: among hidden files it stays out, and that is said. Others that git ignores stay in: vendors
//! fetch modules into folders that their repository ignores.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::folder::{name_of, sorted};
use super::left_out::is_git;
use crate::command;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;

/// Of `git check-ignore`: none of the paths is ignored.
const NONE: i32 = 1;

/// The paths in a folder that are hidden and that git ignores, each of them said.
pub(super) fn hidden(folder: &Path, progress: &dyn Progress) -> Result<BTreeSet<String>> {
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    let folder_of_git = |above: &Path| above.join(".git").symlink_metadata().is_ok();
    let absolute = std::fs::canonicalize(folder).at("cannot find", folder)?;
    if found.is_empty() || !absolute.ancestors().any(folder_of_git) {
        return Ok(BTreeSet::new());
    }
    let ignored = ask(folder, &found)?;
    // with the folder itself everything in it is ignored: it was fetched there
    if ignored.contains(".") {
        return Ok(BTreeSet::new());
    }
    for path in &ignored {
        progress.note(&format!(
            "{} is hidden and ignored by git: left out",
            folder.join(path).display()
        ));
    }
    Ok(ignored)
}

fn walk(folder: &Path, below: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in sorted(folder)? {
        let name = name_of(&entry)?;
        let path = format!("{below}{name}");
        if is_git(&path) {
            continue;
        }
        if name.starts_with('.') {
            found.push(path);
        } else if entry.symlink_metadata().at("cannot look at", &entry)?.is_dir() {
            walk(&entry, &format!("{path}/"), found)?;
        }
    }
    Ok(())
}

fn ask(folder: &Path, paths: &[String]) -> Result<BTreeSet<String>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["check-ignore", "-z", "--stdin"]);
    // a hook's variables name another repository
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(name);
    }
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = git.spawn().map_err(|e| command::cannot_start("git", "git", e))?;
    let words = [".\0".to_owned()].into_iter().chain(paths.iter().map(|path| format!("{path}\0")));
    let words: String = words.collect();
    let mut input = child.stdin.take();
    // git answers while it is asked: who only writes fills both pipes
    let writing = std::thread::Builder::new()
        .spawn(move || input.as_mut().map_or(Ok(()), |input| input.write_all(words.as_bytes())));
    let writing = writing.doing("cannot start a thread")?;
    let output = child.wait_with_output().doing("cannot wait for git")?;
    let _ = writing.join();
    if output.status.code() != Some(NONE) {
        command::check("git", &output).map_err(|e| {
            Error::new(Kind::Tool, "git does not say what it ignores").at(folder).because(e)
        })?;
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}
