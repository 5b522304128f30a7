//! What differs between two images, name by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::side::Side;
use crate::inspect::walk::{Entry, EntryKind};

/// What became of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another one now.
    Changed,
}

/// One name that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path. What lies in the folder of the bundle's release is compared whatever that folder's name is.
    pub path: String,
    /// What became of it.
    pub fate: Fate,
    /// What differs, or what it is, each as words for people.
    pub what: Vec<String>,
}

/// Every name that differs, by path.
pub(super) fn changes(before: &Side, after: &Side) -> Vec<FileChange> {
    let (mut old, new) = (by_path(before), by_path(after));
    let mut all = Vec::new();
    for (path, entry) in new {
        let (fate, what) = match old.remove(&path) {
            None => (Fate::Added, vec![description(entry)]),
            Some(was) => (Fate::Changed, differences(was, entry)),
        };
        if !what.is_empty() {
            all.push(FileChange { path: path.into_owned(), fate, what });
        }
    }
    all.extend(old.into_iter().map(|(path, entry)| FileChange {
        path: path.into_owned(),
        fate: Fate::Removed,
        what: vec![description(entry)],
    }));
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// Every release of a bundle has a folder of its own name; a comparison calls all of them this.
const ANY_RELEASE: &str = "RELEASE";

fn by_path(side: &Side) -> BTreeMap<Cow<'_, str>, &Entry> {
    let release = side.release();
    let any = release
        .as_ref()
        .and_then(|path| path.rsplit_once('/'))
        .map(|(above, _)| format!("{above}/{ANY_RELEASE}"));
    let named = |entry: &'_ Entry| -> Option<String> {
        let (release, any) = (release.as_ref()?, any.as_ref()?);
        let rest = entry.path.strip_prefix(release.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{any}{rest}"))
    };
    let entries = side.contents.entries.iter();
    entries
        .map(|entry| (named(entry).map_or(Cow::Borrowed(entry.path.as_str()), Cow::Owned), entry))
        .collect()
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Folder => "folder",
        EntryKind::Symlink => "link",
        EntryKind::HardLink => "further name",
        EntryKind::CharDevice | EntryKind::BlockDevice => "device",
        EntryKind::Fifo => "pipe",
        EntryKind::Socket => "socket",
        EntryKind::Other => "something else",
    }
}

fn description(entry: &Entry) -> String {
    let mut text = format!("{} {:04o} {}:{}", kind(entry.kind), entry.mode, entry.uid, entry.gid);
    if let Some(size) = entry.size {
        text.push_str(&format!(", {size} bytes"));
    }
    if let Some(target) = &entry.target {
        text.push_str(&format!(", to {target}"));
    }
    text
}

fn differences(was: &Entry, is: &Entry) -> Vec<String> {
    let mut what = Vec::new();
    let mut told = |name: &str, before: String, after: String| {
        if before != after {
            what.push(format!("{name} {before} -> {after}"));
        }
    };
    told("kind", kind(was.kind).to_owned(), kind(is.kind).to_owned());
    told("mode", format!("{:04o}", was.mode), format!("{:04o}", is.mode));
    told("owner", format!("{}:{}", was.uid, was.gid), format!("{}:{}", is.uid, is.gid));
    let number = |size: Option<u64>| size.map(|size| size.to_string()).unwrap_or_default();
    told("size", number(was.size), number(is.size));
    told("target", was.target.clone().unwrap_or_default(), is.target.clone().unwrap_or_default());
    let device = |entry: &Entry| entry.device.map(|(a, b)| format!("{a}:{b}")).unwrap_or_default();
    told("device", device(was), device(is));
    // without both digests nobody knows
    if let (Some(before), Some(after)) = (was.sha256, is.sha256)
        && before != after
    {
        what.push("content".to_owned());
    }
    what
}
