//! A file that appears at its name only when it is complete.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Target, direct};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::whole::Turn;

/// An artifact in the making, under a hidden name in the artifact's folder.
#[derive(Debug)]
pub struct Pending {
    turn: Turn,
    /// The same file, past the page cache.
    direct: Option<File>,
    artifact: PathBuf,
}

impl Pending {
    /// Starts an empty file for `artifact`.
    ///
    /// # Errors
    /// [`Kind::Refused`] while another process writes the same artifact, and when its name is a
    /// folder's.
    pub fn create(artifact: &Path) -> Result<Self> {
        // the rename at the end would also fail, but after other artifacts have their names
        if file::is_folder(artifact)? {
            return Err(Error::new(Kind::Refused, "a folder has the artifact's name").at(artifact));
        }
        let turn = Turn::take(artifact)?.ok_or_else(|| {
            Error::new(Kind::Refused, "another build is writing this artifact")
                .at(artifact)
                .remedy("wait until it ends, or write to another folder")
        })?;
        let direct = direct::open(turn.hidden());
        Ok(Self { turn, direct, artifact: artifact.to_owned() })
    }

    /// The target that formats write to.
    pub fn target(&self) -> Target<'_> {
        let (file, path) = (self.turn.file(), self.turn.hidden());
        Target { file, direct: self.direct.as_ref(), path }
    }

    /// Its length so far, in bytes.
    pub fn length(&self) -> Result<u64> {
        let metadata = self.turn.file().metadata().at("cannot read the length", &self.artifact)?;
        Ok(metadata.len())
    }

    /// Flushes it to the disk. This is separate from [`Pending::commit`], and comes first, because
    /// of several artifacts none should get its name while another may still fail.
    pub fn flush(&self) -> Result<()> {
        self.target().flush()
    }

    /// Gives it its name, replacing what had the name before.
    pub fn commit(self) -> Result<()> {
        self.turn.commit()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_has_its_name_only_after_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        let pending = Pending::create(&path).unwrap();
        pending.turn.file().write_all(b"x").unwrap();
        assert!(!path.exists());
        pending.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Pending::create(&folder.path().join("a.raw")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_build_left_is_taken_over_and_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        std::fs::write(folder.path().join(".a.raw.slipway-new"), b"half of something longer")
            .unwrap();
        let pending = Pending::create(&path).unwrap();
        pending.turn.file().write_all(b"new").unwrap();
        pending.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_builds_of_one_artifact_at_a_time_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        let first = Pending::create(&path).unwrap();
        let second = Pending::create(&path).unwrap_err();
        assert_eq!(second.kind(), Kind::Refused);
        first.commit().unwrap();
        assert!(Pending::create(&path).is_ok());
    }

    #[test]
    fn a_folder_of_the_artifacts_name_is_told_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.raw");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(Pending::create(&path).unwrap_err().kind(), Kind::Refused);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
