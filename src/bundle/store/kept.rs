//! What is remembered of a release that was pulled by its version: its signature is kept beside its bytes.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bundle::form::release::{Name, Version};
use crate::error::{Error, Kind, Result};
use crate::signed::Names;
use crate::signed::kept::{self, Kept, Place};
use crate::units::Digest;

/// Size and digest, as a record said them and a signature proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Release {
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

/// The file about one release of one store.
#[derive(Clone, Debug)]
pub(super) struct Memory(Place);

impl Memory {
    pub(super) fn new(cache: &Path, store: &Names, site: &Name, version: Version) -> Self {
        let names = [site.as_str(), &version.to_string()];
        Self(Place::new(cache.join("releases"), store, &names))
    }

    /// What is remembered of the release.
    pub(super) fn read(&self) -> Result<Option<Release>> {
        for path in self.0.paths() {
            match kept::open(path)? {
                Kept::Nothing => {}
                Kept::Whole(release) => return Ok(Some(release)),
                Kept::Damaged(why, _) => {
                    let message = format!("what was pulled before is damaged: {why}");
                    return Err(Error::new(Kind::Damaged, message)
                        .at(path)
                        .remedy("pull it once without --offline"));
                }
            }
        }
        Ok(None)
    }

    /// Takes over a release whose bytes are in the cache.
    pub(super) fn keep(&self, release: Release) -> Result<()> {
        self.0.update(|| {
            let known = kept::open::<Release>(self.0.path())?;
            let is_known = matches!(known, Kept::Whole(known) if known == release);
            Ok((!is_known).then_some(release))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_changed_number_is_noticed_and_a_file_without_a_sum_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let names = Names::of("file:///x").unwrap();
        let version = "1.0.0+b1".parse().unwrap();
        let memory = Memory::new(folder.path(), &names, &"tiny".parse().unwrap(), version);
        let release = Release { size: 7, sha256: Digest::of("x") };
        memory.keep(release).unwrap();
        assert_eq!(memory.read().unwrap(), Some(release));
        let path = memory.0.path();
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replace("\"size\": 7", "\"size\": 9")).unwrap();
        assert_eq!(memory.read().unwrap_err().kind(), Kind::Damaged);
        // what is wrong is written anew
        memory.keep(release).unwrap();
        assert_eq!(memory.read().unwrap(), Some(release));
        let old = text.lines().filter(|line| !line.contains("\"sum\"")).collect::<String>();
        fs::write(path, old.replacen(",}", "}", 1)).unwrap();
        assert_eq!(memory.read().unwrap(), Some(release));
    }
}
