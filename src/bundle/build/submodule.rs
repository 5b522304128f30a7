//! Submodules: files of a module that its repository only refers to. `git archive` leaves them out, and a clone
//! has an empty folder in their place: both without a word.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::left_out::stays_out;
use super::puppetfile::check_url;
use crate::error::{Context, Error, Kind, Result};

/// The mode that git gives a submodule in a tree.
const MODE: &str = "160000";

/// A submodule, its address complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Submodule {
    /// Where it lies in the module.
    pub path: String,
    /// Its repository.
    pub url: String,
    /// Its commit.
    pub commit: String,
}

/// Paths and commits of what `git ls-tree -r -z` has of submodules, less those that no machine converges from.
pub(super) fn listed(tree: &str) -> Vec<(String, String)> {
    let entry = |line: &str| {
        let (meta, path) = line.split_once('\t')?;
        let mut words = meta.split(' ');
        let commit = (words.next() == Some(MODE)).then(|| words.nth(1))??;
        (!stays_out(path)).then(|| (path.to_owned(), commit.to_owned()))
    };
    tree.split('\0').filter_map(entry).collect()
}

/// Gives each its address from .gitmodules, as `git config -z --list` prints it; one that is relative begins at
/// the repository's own.
pub(super) fn placed(
    found: Vec<(String, String)>,
    config: &str,
    home: &str,
) -> Result<Vec<Submodule>> {
    let mut urls = BTreeMap::new();
    let mut names = BTreeMap::new();
    for (key, value) in config.split('\0').filter_map(|entry| entry.split_once('\n')) {
        let Some((name, key)) = key.strip_prefix("submodule.").and_then(|k| k.rsplit_once('.'))
        else {
            continue;
        };
        match key {
            "path" => drop(names.insert(value, name)),
            "url" => drop(urls.insert(name, value)),
            _ => {}
        }
    }
    let complete = |(path, commit): (String, String)| {
        let url = names.get(path.as_str()).and_then(|name| urls.get(name)).ok_or_else(|| {
            Error::new(Kind::Input, format!("the submodule {path} is not in .gitmodules"))
        })?;
        let url = joined(home, url);
        check_url(&url).map_err(|(fact, remedy)| {
            Error::new(Kind::Input, format!("the submodule {path}: {fact}")).remedy(remedy)
        })?;
        Ok(Submodule { path, url, commit })
    };
    found.into_iter().map(complete).collect()
}

/// An address beside another one, as git-submodule(1) has it of `./` and `../`.
fn joined(home: &str, url: &str) -> String {
    let mut base = home.trim_end_matches('/');
    let mut rest = url;
    loop {
        if let Some(below) = rest.strip_prefix("./") {
            rest = below;
        } else if let Some(below) = rest.strip_prefix("../") {
            base = base.rsplit_once(['/', ':']).map_or(base, |(above, _)| above);
            rest = below;
        } else {
            break;
        }
    }
    if rest == url {
        return url.to_owned();
    }
    // of git@host:group/x only the colon is left to go up to
    let scp = !base.contains('/') && home[base.len()..].starts_with(':');
    format!("{base}{}{rest}", if scp { ":" } else { "/" })
}

/// Refuses a folder of ours in which a submodule was not fetched.
pub(super) fn check_fetched(folder: &Path) -> Result<()> {
    let folder = fs::canonicalize(folder).at("cannot find", folder)?;
    for top in folder.ancestors() {
        let list = top.join(".gitmodules");
        let text = match fs::read_to_string(&list) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            read => read.at("cannot read", &list)?,
        };
        let paths = text.lines().filter_map(|line| {
            let (key, path) = line.split_once('=')?;
            (key.trim() == "path").then(|| top.join(path.trim().trim_matches('"')))
        });
        for path in paths.filter(|path| path.starts_with(&folder)) {
            let inner = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy();
            let empty = match fs::read_dir(&path) {
                // the list may name one that the commit has no more
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
                entries => entries.at("cannot list", &path)?.next().is_none(),
            };
            if empty && !stays_out(&inner) {
                return Err(Error::new(Kind::Input, "the submodule's folder is empty")
                    .at(path)
                    .remedy("run `git submodule update --init`, in CI too"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_address_begins_at_the_repositorys_own() {
        for (home, url, whole) in [
            ("https://h/a/b.git", "../c.git", "https://h/a/c.git"),
            ("https://h/a/b.git", "./c.git", "https://h/a/b.git/c.git"),
            ("git@h:a/b.git", "../c.git", "git@h:a/c.git"),
            ("git@h:b.git", "../c.git", "git@h:c.git"),
            ("/srv/a", "../../x/y", "/x/y"),
            ("https://h/a", "https://o/x", "https://o/x"),
        ] {
            assert_eq!(joined(home, url), whole, "{home} {url}");
        }
    }

    #[test]
    fn submodules_among_tests_are_not_missed() {
        let tree = "160000 commit 11\tfiles/a\x00160000 commit 22\tspec/b\x00100644 blob 33\tx\x00";
        assert_eq!(listed(tree), [("files/a".to_owned(), "11".to_owned())]);
    }
}
