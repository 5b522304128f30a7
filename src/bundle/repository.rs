//! Modules in git repositories: fetched by git into a cache, and pinned to a commit.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::puppetfile::Rev;
use super::untar;
use crate::command;
use crate::error::{Context, Error, Kind, Result};
use crate::lock;
use crate::progress::Progress;
use crate::units::Digest;

/// A repository in the cache; no other process changes it meanwhile.
#[derive(Debug)]
pub(super) struct Repository {
    folder: PathBuf,
    url: String,
    _lock: File,
}

impl Repository {
    /// Opens the copy of `url` in the cache, and makes it where there is none.
    pub(super) fn open(url: &str, cache: &Path) -> Result<Self> {
        let home = cache.join("git");
        fs::create_dir_all(&home).at("cannot create the cache", &home)?;
        let folder = home.join(Digest::of(url).short());
        let lock = lock::wait(&folder.with_extension("lock"))?;
        let repository = Self { folder, url: url.to_owned(), _lock: lock };
        // again and again: it makes whole what a killed one left
        repository.git(&["init", "--quiet", "--bare"])?;
        Ok(repository)
    }

    /// The commit that a revision is. The network is asked unless the revision is a commit that is here.
    pub(super) fn resolve(&self, rev: &Rev, progress: &dyn Progress) -> Result<String> {
        if let Rev::Commit(id) = rev
            && let Some(commit) = self.commit(id)
        {
            return Ok(commit);
        }
        progress.step(&format!("fetching {}", self.url), None);
        let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        let fetch = ["fetch", "--quiet", "--prune", "--no-tags", "--force", "--", &self.url];
        self.git(&[&fetch[..], &all].concat()).map_err(|e| {
            Error::new(Kind::Network, format!("cannot fetch {}", self.url))
                .remedy("try `git ls-remote` with the same URL: access is git's own affair")
                .because(e)
        })?;
        let names = match rev {
            Rev::Commit(id) => vec![id.clone()],
            Rev::Tag(tag) => vec![format!("refs/tags/{tag}")],
            Rev::Ref(name) => {
                vec![format!("refs/tags/{name}"), format!("refs/heads/{name}"), name.clone()]
            }
        };
        names.iter().find_map(|name| self.commit(name)).ok_or_else(|| {
            let (Rev::Commit(name) | Rev::Tag(name) | Rev::Ref(name)) = rev;
            Error::new(Kind::NotFound, format!("{} has no revision {name:?}", self.url))
        })
    }

    fn commit(&self, name: &str) -> Option<String> {
        let revision = format!("{name}^{{commit}}");
        let ask = ["rev-parse", "--verify", "--quiet", "--end-of-options", &revision];
        let said = self.git(&ask).ok()?;
        // before 2.43 git repeats the option
        let said = String::from_utf8(said).ok()?;
        said.lines().last().map(str::to_owned)
    }

    /// Unpacks a commit into an empty folder.
    pub(super) fn export(&self, commit: &str, to: &Path) -> Result<()> {
        let tar = self.git(&["archive", "--format=tar", commit])?;
        untar::unpack(Cursor::new(tar), false, to)
    }

    fn git(&self, args: &[&str]) -> Result<Vec<u8>> {
        let mut git = Command::new("git");
        git.arg(concat("--git-dir=", &self.folder)).args(args);
        // nobody is there to answer, and git's helpers for other transports run programs
        git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        command::output(&mut git, "git")
    }
}

fn concat(option: &str, path: &Path) -> std::ffi::OsString {
    let mut word = std::ffi::OsString::from(option);
    word.push(AsRef::<OsStr>::as_ref(path));
    word
}
