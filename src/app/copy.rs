//! The copy of an app's sources that npm works on: the working tree is only read.

use std::fs;
use std::path::{Path, PathBuf};

use super::git;
use crate::error::{Context, Error, Kind, Result};

/// Copies an app's sources: the files that git has, or else everything except hidden folders and
/// what npm installed.
pub(super) fn sources(from: &Path, to: &Path) -> Result<()> {
    let files = match git::files(from)? {
        Some(files) => files,
        None => {
            let mut files = Vec::new();
            walk(from, Path::new(""), &mut files)?;
            files
        }
    };
    for file in files.iter().filter(|file| !file.starts_with("node_modules")) {
        copy(&from.join(file), &to.join(file))?;
    }
    Ok(())
}

fn walk(root: &Path, below: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let folder = root.join(below);
    for entry in fs::read_dir(&folder).at("cannot list", &folder)? {
        let entry = entry.at("cannot list", &folder)?;
        let (name, kind) = (entry.file_name(), entry.file_type());
        let hidden = name.to_string_lossy().starts_with('.');
        let path = below.join(&name);
        if !kind.at("cannot look at", entry.path())?.is_dir() {
            files.push(path);
        } else if !hidden && name != "node_modules" {
            walk(root, &path, files)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let kind = match fs::symlink_metadata(from) {
        Ok(meta) => meta.file_type(),
        // git may list a file that was removed
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e).at("cannot look at", from),
    };
    if !kind.is_file() {
        let what = if kind.is_dir() { "a repository of its own" } else { "no regular file" };
        return Err(Error::new(Kind::Input, format!("this is {what}, which npm does not pack"))
            .at(from)
            .remedy("an app holds only files: put the file itself in place of the link"));
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).at("cannot create the folder", folder)?;
    fs::copy(from, to).at("cannot copy", from)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_git_is_copied_without_what_npm_installed() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for file in ["lib/a.js", "node_modules/x/index.js", ".git/x", ".npmrc", "package.json"] {
            let path = from.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut found = Vec::new();
        walk(from.path(), Path::new(""), &mut found).unwrap();
        found.sort();
        assert_eq!(found, [".npmrc", "lib/a.js", "package.json"].map(PathBuf::from));
        // a folder with a `.git` that git cannot read is not a folder without git
        assert!(sources(from.path(), to.path()).is_err());
        fs::remove_dir_all(from.path().join(".git")).unwrap();
        sources(from.path(), to.path()).unwrap();
        assert!(to.path().join("lib/a.js").exists() && !to.path().join("node_modules").exists());
    }

    #[test]
    fn a_folder_that_a_repository_around_it_ignores_is_copied_as_one_without_git() {
        let (around, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let from = around.path().join("target/app");
        fs::create_dir_all(from.join("lib")).unwrap();
        fs::write(from.join("lib/a.js"), "").unwrap();
        let init = ["init", "--quiet", around.path().to_str().unwrap()];
        assert!(std::process::Command::new("git").args(init).status().unwrap().success());
        fs::write(around.path().join(".gitignore"), "target/\n").unwrap();
        sources(&from, to.path()).unwrap();
        assert!(to.path().join("lib/a.js").exists());
        assert_eq!(git::source(&from, git::Scope::Folder).unwrap(), None);
        // in a folder that is not ignored, what git ignores stays behind
        fs::write(around.path().join(".gitignore"), "*.js\n").unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(from.join("README"), "").unwrap();
        sources(&from, other.path()).unwrap();
        assert!(other.path().join("README").exists() && !other.path().join("lib").exists());
    }
}
