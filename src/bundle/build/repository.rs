//! Modules in git repositories: fetched by git into a cache, and pinned to a commit.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::puppetfile::Rev;
use super::submodule::{self, Submodule};
use super::untar::{self, Around};
use crate::command;
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::lock;
use crate::progress::Progress;
use crate::units::Digest;

/// git's variables that say where a repository's parts are (`git rev-parse --local-env-vars`). Those for access
/// (GIT_SSH_COMMAND, GIT_ASKPASS, GIT_CONFIG_COUNT) stay: they are how credentials are given.
const ELSEWHERE: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_SHALLOW_FILE",
];

/// How deep submodules lie in submodules.
const DEEPEST: usize = 8;
/// git's attributes change what `git archive` writes: files are left out (`export-ignore`), get the commit's id
/// (`export-subst`), other line ends, or what a program makes of them. A bundle has what the commit has.
const AS_COMMITTED: &str =
    "* -export-ignore -export-subst -text -eol -ident -filter -working-tree-encoding\n";

/// Unpacks a revision of a repository into an empty folder, its submodules too; gives the commit.
pub(super) fn fetch(
    url: &str,
    rev: &Rev,
    cache: &Path,
    to: &Path,
    progress: &dyn Progress,
) -> Result<String> {
    fetch_below(url, rev, cache, to, progress, DEEPEST)
}

fn fetch_below(
    url: &str,
    rev: &Rev,
    cache: &Path,
    to: &Path,
    progress: &dyn Progress,
    depth: usize,
) -> Result<String> {
    let (commit, inner) = {
        // one repository at a time: a submodule may be another revision of the same one
        let repository = Repository::open(url, cache)?;
        let commit = repository.resolve(rev, progress)?;
        repository.export(&commit, to)?;
        let inner = repository.submodules(&commit)?;
        (commit, inner)
    };
    for Submodule { path, url, commit } in inner {
        let rev = Rev::Commit(commit);
        let folder = to.join(&path);
        let done = match depth.checked_sub(1) {
            None => Err(Error::new(Kind::Refused, "submodules lie in submodules without an end")),
            Some(depth) => fs::create_dir_all(&folder)
                .at("cannot create the folder", &folder)
                .and_then(|()| fetch_below(&url, &rev, cache, &folder, progress, depth)),
        };
        done.map_err(|e| {
            Error::new(e.kind(), format!("cannot get the submodule {path} from {url}")).because(e)
        })?;
    }
    Ok(commit)
}

/// A repository in the cache; no other process changes it meanwhile.
#[derive(Debug)]
struct Repository {
    folder: PathBuf,
    url: String,
    _lock: File,
}

impl Repository {
    /// Opens the copy of `url` in the cache, and makes it where there is none.
    fn open(url: &str, cache: &Path) -> Result<Self> {
        check_address(url)?;
        let home = cache.join("git");
        fs::create_dir_all(&home).at("cannot create the cache", &home)?;
        let folder = home.join(Digest::of(url).short());
        let lock = lock::wait(&folder.with_extension("lock"))?;
        let repository = Self { folder, url: url.to_owned(), _lock: lock };
        repository.begin_anew_if_killed()?;
        repository.change(&["init", "--quiet", "--bare"])?;
        let info = repository.folder.join("info");
        fs::create_dir_all(&info).at("cannot create the folder", &info)?;
        let attributes = info.join("attributes");
        fs::write(&attributes, AS_COMMITTED).at("cannot write", &attributes)?;
        Ok(repository)
    }

    /// A git that was killed leaves locks of its own, which no later one removes: all would fail for ever.
    fn begin_anew_if_killed(&self) -> Result<()> {
        if file::look(&self.mark())?.is_none() {
            return Ok(());
        }
        match fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done.at("cannot remove what a killed git left", &self.folder),
        }
    }

    /// What lies beside the repository while git changes it.
    fn mark(&self) -> PathBuf {
        self.folder.with_extension("changing")
    }

    /// Runs git where it changes the repository.
    fn change(&self, args: &[&str]) -> Result<Vec<u8>> {
        let mark = self.mark();
        file::make(&mark).at("cannot write in the cache", &mark)?;
        let output = self.start(args)?;
        // one that ends by itself, well or not, removes its locks
        if output.status.code().is_some() {
            fs::remove_file(&mark).at("cannot remove", &mark)?;
        }
        command::check("git", &output)?;
        Ok(output.stdout)
    }

    /// The commit that a revision is. The network is asked unless the revision is a commit that is here.
    fn resolve(&self, rev: &Rev, progress: &dyn Progress) -> Result<String> {
        if let Rev::Commit(id) = rev
            && let Some(commit) = self.commit(id)?
        {
            return Ok(commit);
        }
        progress.step(&format!("fetching {}", self.url), None);
        let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        let fetch = ["fetch", "--quiet", "--prune", "--no-tags", "--force", "--", &self.url];
        self.change(&[&fetch[..], &all].concat()).map_err(|e| {
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
        for name in &names {
            if let Some(commit) = self.commit(name)? {
                return Ok(commit);
            }
        }
        let (Rev::Commit(name) | Rev::Tag(name) | Rev::Ref(name)) = rev;
        Err(Error::new(Kind::NotFound, format!("{} has no revision {name:?}", self.url)))
    }

    /// The commit that a name means here; none where it means none.
    fn commit(&self, name: &str) -> Result<Option<String>> {
        let revision = format!("{name}^{{commit}}");
        let ask = ["rev-parse", "--verify", "--quiet", "--end-of-options", &revision];
        let output = self.start(&ask)?;
        // what git says of an unknown name, quietly; any other failure is one
        if output.status.code() == Some(1) {
            return Ok(None);
        }
        command::check("git", &output)?;
        // before 2.43 git repeats the option
        Ok(String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned))
    }

    /// Unpacks a commit into an empty folder.
    fn export(&self, commit: &str, to: &Path) -> Result<()> {
        let tar = self.git(&["archive", "--format=tar", commit])?;
        untar::unpack(Cursor::new(tar), Around::Nothing, to)
    }

    /// The submodules of a commit that belong to the module.
    fn submodules(&self, commit: &str) -> Result<Vec<Submodule>> {
        let tree = self.git(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        let found = submodule::listed(&String::from_utf8_lossy(&tree));
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let blob = format!("{commit}:.gitmodules");
        let said = self.git(&["config", "-z", "--blob", &blob, "--list"]).map_err(|e| {
            let message = format!("the submodule {} has no address", found[0].0);
            Error::new(Kind::Input, message).because(e)
        })?;
        submodule::placed(found, &String::from_utf8_lossy(&said), &self.url)
    }

    fn git(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output = self.start(args)?;
        command::check("git", &output)?;
        Ok(output.stdout)
    }

    fn start(&self, args: &[&str]) -> Result<Output> {
        self.command(args).output().map_err(|e| command::cannot_start("git", "git", e))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.arg(concat("--git-dir=", &self.folder)).args(args);
        // nobody is there to answer, and git's helpers for other transports run programs
        git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        // a hook's variables name another repository
        for name in ELSEWHERE {
            git.env_remove(name);
        }
        git
    }
}

/// Refuses what may be a secret: the address is shown, and recorded in the bundle that customers get. The name
/// that a server knows its ssh users by (`ssh://git@host`) is none.
pub(super) fn check_address(url: &str) -> Result<()> {
    let refused = |what: &str| {
        let message = format!("the repository's address holds {what}, which may be a secret");
        Err(Error::new(Kind::Refused, message).remedy(
            "leave it out, and give git what it asks for: a credential helper (`git help credentials`), \
             ~/.netrc, or ssh with a deploy key",
        ))
    };
    let Some((scheme, rest)) = url.split_once("://") else { return Ok(()) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => refused("a password"),
        Some(_) if !matches!(scheme, "ssh" | "git+ssh") => refused("a user"),
        _ if rest.contains(['?', '#']) => refused("a query"),
        _ => Ok(()),
    }
}

fn concat(option: &str, path: &Path) -> std::ffi::OsString {
    let mut word = std::ffi::OsString::from(option);
    word.push(AsRef::<OsStr>::as_ref(path));
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_refused_in_an_address_and_not_repeated() {
        for url in [
            "https://TOKEN@git.example.org/x.git",
            "https://x-access-token:TOKEN@git.example.org/x.git",
            "http://:TOKEN@git.example.org/x",
            "ssh://git:TOKEN@git.example.org/x",
            "https://git.example.org/x?private_token=TOKEN",
        ] {
            let error = check_address(url).unwrap_err();
            assert!(!error.to_string().contains("TOKEN"), "{error}");
            assert!(error.find_remedy().is_some_and(|r| r.contains("credential helper")));
        }
        for url in [
            "https://git.example.org/x.git",
            "https://git.example.org/~me/a@b.git",
            "ssh://git@git.example.org:22/x",
            "git@git.example.org:acme/x.git",
            "/srv/git/x@y",
        ] {
            check_address(url).unwrap();
        }
    }
}
