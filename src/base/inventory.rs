//! What the cache holds, and which of it may be removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;

use super::cache::Ref;
use super::{Cache, entry};
use crate::error::{Context, Kind, Result};
use crate::file;
use crate::units::{ByteSize, Digest, Timestamp};
use crate::whole;

/// One root in the cache.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The definition's name; for a layer, followed by a plus and the layer's name.
    pub name: String,
    /// The root.
    pub digest: Digest,
    /// The root below a layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    /// The archives' date.
    pub time: Timestamp,
    /// Bytes that it takes up on the disk, without its parent.
    pub bytes: ByteSize,
    /// Names in the whole tree.
    pub entries: u64,
    /// Installed packages, layers below included.
    pub packages: usize,
    /// Whether it is the root last made from its definition or layer.
    pub newest: bool,
    /// When it was made here.
    #[serde(skip)]
    pub made: Option<SystemTime>,
    /// What is wrong with it; such an entry is made again when it is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// What `prune` did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pruned {
    /// The roots that were removed.
    pub removed: Vec<Listed>,
    /// The roots that nobody needs, but that somebody has open.
    pub in_use: Vec<Listed>,
}

impl Cache {
    /// Everything in the cache, sorted by name and time. With `verify`, every byte is read.
    pub fn list(&self, verify: bool) -> Result<Vec<Listed>> {
        let newest: BTreeSet<Digest> = self.newest()?.into_iter().map(|r| r.root).collect();
        let roots = self.part("roots");
        let mut all = Vec::new();
        for folder in std::fs::read_dir(&roots).at("cannot list", &roots)? {
            let folder = folder.at("cannot list", &roots)?.path();
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Ok(digest) = name.parse() else { continue };
            all.push(listed(&folder, digest, newest.contains(&digest), verify)?);
        }
        all.sort_by(|a, b| (&a.name, a.time, a.digest).cmp(&(&b.name, b.time, b.digest)));
        Ok(all)
    }

    /// Removes what killed builds left, and the roots that are neither the newest of their
    /// definition or layer, nor below such a root, nor open.
    pub fn prune(&self) -> Result<Pruned> {
        whole::sweep(&self.part("tmp"));
        let all = self.list(false)?;
        let kept = kept(&all);
        let mut pruned = Pruned::default();
        for root in all {
            if kept.contains(&root.digest) {
                continue;
            }
            let folder = self.part("roots").join(root.digest.to_string());
            if remove(&folder)? {
                pruned.removed.push(root);
            } else {
                pruned.in_use.push(root);
            }
        }
        self.drop_stale_refs()?;
        Ok(pruned)
    }

    fn refs(&self) -> Result<Vec<(std::path::PathBuf, SystemTime, Ref)>> {
        let folder = self.part("refs");
        let mut refs = Vec::new();
        for found in std::fs::read_dir(&folder).at("cannot list", &folder)? {
            let path = found.at("cannot list", &folder)?.path();
            if path.file_name().is_some_and(whole::is_hidden_name) {
                continue;
            }
            // an unreadable file may be the one that keeps a root, so it does not count as absent
            let text = std::fs::read(&path).at("cannot read what is the newest", &path)?;
            let Some(found) = Ref::parse(&text) else { continue };
            let made = std::fs::metadata(&path).and_then(|m| m.modified());
            refs.push((path.clone(), made.at("cannot read the time", &path)?, found));
        }
        Ok(refs)
    }

    /// The last root of each base, and all layers: only their parents tell which layers are still
    /// wanted.
    fn newest(&self) -> Result<Vec<Ref>> {
        let mut layers = Vec::new();
        let mut bases: BTreeMap<String, (SystemTime, Ref)> = BTreeMap::new();
        for (_, made, found) in self.refs()? {
            if found.label.contains('+') {
                layers.push(found);
                continue;
            }
            match bases.get(&found.label) {
                Some((other, _)) if *other >= made => {}
                _ => drop(bases.insert(found.label.clone(), (made, found))),
            }
        }
        Ok(bases.into_values().map(|(_, found)| found).chain(layers).collect())
    }

    fn drop_stale_refs(&self) -> Result<()> {
        for (path, _, found) in self.refs()? {
            if file::look(&self.part("roots").join(found.root.to_string()))?.is_none() {
                std::fs::remove_file(&path).at("cannot remove", &path)?;
            }
        }
        Ok(())
    }
}

/// The newest bases, and the newest layers on roots that are kept.
fn kept(all: &[Listed]) -> BTreeSet<Digest> {
    let mut kept = BTreeSet::new();
    loop {
        let before = kept.len();
        for root in all.iter().filter(|root| root.newest && root.damage.is_none()) {
            if root.parent.is_none_or(|parent| kept.contains(&parent)) {
                kept.insert(root.digest);
            }
        }
        if kept.len() == before {
            return kept;
        }
    }
}

/// # Errors
/// An entry that cannot be read may be intact: only one that was read and is wrong counts as
/// damaged, and may be removed.
fn listed(folder: &Path, digest: Digest, newest: bool, verify: bool) -> Result<Listed> {
    let check = if verify { entry::verify } else { entry::check };
    let checked = match check(folder, digest) {
        Err(e) if matches!(e.kind(), Kind::Damaged | Kind::NotFound) => Err(e.to_string()),
        Err(e) => return Err(e),
        Ok(_) => Ok(()),
    };
    let record = entry::record(folder).ok();
    let name = record.as_ref().map(|r| r.layer.clone().unwrap_or_else(|| r.base.clone()));
    Ok(Listed {
        name: name.unwrap_or_else(|| "(damaged)".into()),
        digest,
        parent: record.as_ref().and_then(|r| r.parent),
        time: record.as_ref().map(|r| r.time).unwrap_or_default(),
        bytes: ByteSize(size(folder)),
        entries: record.as_ref().map_or(0, |r| r.entries),
        packages: record.as_ref().map_or(0, |r| r.packages.len()),
        newest,
        made: std::fs::metadata(folder).and_then(|m| m.modified()).ok(),
        damage: checked.err(),
    })
}

fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Removes an entry unless somebody holds it.
fn remove(folder: &Path) -> Result<bool> {
    let path = entry::record_path(folder);
    let _lock = match File::open(&path) {
        Ok(lock) if lock.try_lock().is_err() => return Ok(false),
        Ok(lock) => Some(lock),
        // nobody can hold an entry without a record
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(e).at("cannot open", &path),
    };
    std::fs::remove_dir_all(folder).at("cannot remove", folder)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(number: u8, parent: Option<u8>, newest: bool) -> Listed {
        let digest = |n: u8| Digest::of([n]);
        Listed {
            name: String::new(),
            digest: digest(number),
            parent: parent.map(digest),
            time: Timestamp::default(),
            bytes: ByteSize(0),
            entries: 0,
            packages: 0,
            newest,
            made: None,
            damage: None,
        }
    }

    #[test]
    fn a_layer_goes_with_the_base_below_it() {
        let all = [
            root(1, None, false),
            root(2, None, true),
            root(3, Some(1), true),
            root(4, Some(2), true),
            root(5, Some(4), true),
            root(6, Some(3), true),
        ];
        let expected = [2, 4, 5].map(|n: u8| Digest::of([n]));
        assert_eq!(kept(&all), expected.into());
    }
}
