//! How large the cache is, and keeping it below its limit.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::Codec;
use super::Cache;
use crate::error::{Context, Result};
use crate::units::ByteSize;
use crate::whole;

/// Bytes of a block, the unit in which file systems count the space that a file takes (stat(2),
/// st_blocks).
const STAT_BLOCK: u64 = 512;

/// What the cache holds for one codec.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stored {
    /// The codec's name.
    pub codec: &'static str,
    /// How many groups.
    pub entries: u64,
    /// The space that they take on the disk.
    pub bytes: ByteSize,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Trimmed {
    /// How many groups.
    pub entries: u64,
    /// The space that they took on the disk.
    pub bytes: ByteSize,
}

/// A file of the cache.
struct Found {
    used: SystemTime,
    path: PathBuf,
    bytes: u64,
}

impl Cache {
    /// Its content, by codec.
    pub fn stored(&self) -> Result<Vec<Stored>> {
        let stored = Codec::ALL.into_iter().map(|codec| {
            let mut found = Vec::new();
            collect(&self.folder().join(codec.name()), &mut found)?;
            let bytes = ByteSize(found.iter().map(|f| f.bytes).sum());
            Ok(Stored { codec: codec.name(), entries: found.len() as u64, bytes })
        });
        stored.collect()
    }

    /// Removes what killed builds left, and the least recently used groups until the rest is within
    /// `limit`. Builds that use the cache meanwhile lose nothing: they hold the files open that
    /// they copy.
    pub fn trim(&self, limit: u64) -> Result<Trimmed> {
        let mut found = Vec::new();
        for codec in Codec::ALL {
            collect(&self.folder().join(codec.name()), &mut found)?;
        }
        // the paths give entries with equal times a definite order
        found.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        let mut left: u64 = found.iter().map(|f| f.bytes).sum();
        let mut trimmed = Trimmed::default();
        for Found { path, bytes, .. } in found {
            let unfinished = path.file_name().is_some_and(whole::is_hidden_name);
            let removed = match unfinished {
                true => whole::remove_if_dead(&path),
                false => left > limit && gone(&path)?,
            };
            if removed {
                left -= bytes;
                trimmed.entries += 1;
                trimmed.bytes.0 += bytes;
            }
        }
        Ok(trimmed)
    }
}

/// The space that all files below a folder take on the disk, in bytes.
pub fn disk_usage(folder: &Path) -> Result<u64> {
    let mut found = Vec::new();
    collect(folder, &mut found)?;
    Ok(found.iter().map(|f| f.bytes).sum())
}

/// The paths of all entries below a folder.
pub fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, &mut found)?;
    let paths = found.into_iter().map(|found| found.path);
    Ok(paths.filter(|path| !path.file_name().is_some_and(whole::is_hidden_name)).collect())
}

/// All files below a folder; one that another build removes meanwhile does not count.
fn collect(folder: &Path, found: &mut Vec<Found>) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.at("cannot read the folder", folder)?,
    };
    for entry in entries {
        let path = entry.at("cannot read the folder", folder)?.path();
        let metadata = match std::fs::symlink_metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata.at("cannot look at", &path)?,
        };
        if metadata.is_dir() {
            collect(&path, found)?;
        } else {
            let used = metadata.modified().at("cannot read the time", &path)?;
            found.push(Found { used, path, bytes: metadata.blocks() * STAT_BLOCK });
        }
    }
    Ok(())
}

/// Removes a file, and says whether it existed.
fn gone(path: &Path) -> Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e).at("cannot remove", path),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn put(cache: &Cache, name: &str, age: u64) -> PathBuf {
        let folder = cache.folder().join(Codec::Grain.name()).join("00");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, vec![1; 8192]).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        path
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), 0);
        let [old, new] = [put(&cache, "1", 50), put(&cache, "0", 10)];
        let one = std::fs::metadata(&old).unwrap().blocks() * STAT_BLOCK;
        assert_eq!(cache.trim(2 * one).unwrap(), Trimmed::default());
        assert_eq!(cache.trim(one).unwrap(), Trimmed { entries: 1, bytes: ByteSize(one) });
        assert!(!old.exists() && new.exists());
        assert_eq!(cache.trim(0).unwrap().entries, 1);
        assert!(!new.exists());
    }

    #[test]
    fn what_a_killed_build_left_goes_and_what_is_being_made_stays() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), 0);
        let dead = put(&cache, ".a.slipway-new", 0);
        let entry = put(&cache, "0", 0);
        let alive = put(&cache, ".b.slipway-new", 5);
        let held = std::fs::File::open(&alive).unwrap();
        held.lock().unwrap();
        cache.trim(1 << 30).unwrap();
        assert!(!dead.exists() && alive.exists() && entry.exists());
    }

    #[test]
    fn it_shows_each_codec_and_a_folder_that_is_not_there_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("none"), 0);
        assert!(cache.stored().unwrap().iter().all(|s| s.entries == 0));
        put(&cache, "0", 0);
        let stored = cache.stored().unwrap();
        let grains = stored.iter().find(|s| s.codec == Codec::Grain.name()).unwrap();
        assert_eq!(grains.entries, 1);
        assert!(grains.bytes.0 >= 8192);
    }
}
