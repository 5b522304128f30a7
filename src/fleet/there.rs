//! What a customer's folder holds already.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::here::Here;
use super::job::{Job, Kept, Planned};
use crate::build::{self, Artifact, Built};
use crate::desk::Ticket;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::inspect::Source;
use crate::progress::Progress;

impl Here<'_> {
    /// The images of this very plan, if all of them are there and have the bytes that were written.
    pub(super) fn there(
        &self,
        job: &Job,
        planned: &Planned,
        ticket: &Ticket,
        progress: &dyn Progress,
    ) -> Result<Option<Vec<Kept>>> {
        let Some((folder, built)) = self.built(planned)? else { return Ok(None) };
        let made = |format| built.artifacts.iter().any(|artifact| artifact.format == format);
        if !ticket.order.profile.formats.iter().all(|format| made(*format)) {
            return Ok(None);
        }
        let before = self.earlier.get(&job.digest).map(|outcome| &outcome.evidence.artifacts);
        let mut kept = Vec::new();
        for artifact in &built.artifacts {
            let (path, file) = (folder.join(&artifact.file), artifact.file.clone());
            let (Some((size, stamp)), Some(sha256)) = (look(&path)?, artifact.sha256) else {
                return Ok(None);
            };
            let now = Kept { file, size, sha256, stamp };
            if !before.is_some_and(|before| before.contains(&now)) {
                progress.step(&format!("reading {}", artifact.file), Some(size));
                if Source::open(&path)?.digest(progress)? != sha256 {
                    progress.note(&format!(
                        "{} has changed since it was built: building it again",
                        now.file
                    ));
                    return Ok(None);
                }
            }
            kept.push(now);
        }
        Ok(Some(kept))
    }

    /// What a build wrote just now.
    pub(super) fn written(&self, record: &Path, built: &Built) -> Result<Vec<Kept>> {
        let folder = crate::whole::folder_of(record);
        let kept = |artifact: &Artifact| {
            let sha256 = artifact
                .sha256
                .ok_or_else(|| Error::new(Kind::Damaged, "the record has no digest").at(record))?;
            let path = folder.join(&artifact.file);
            let (size, stamp) = look(&path)?
                .ok_or_else(|| Error::new(Kind::Damaged, "the image is gone").at(&path))?;
            Ok(Kept { file: artifact.file.clone(), size, sha256, stamp })
        };
        built.artifacts.iter().map(kept).collect()
    }

    /// The newest build, if it is of this plan.
    pub(super) fn built(&self, planned: &Planned) -> Result<Option<(PathBuf, Built)>> {
        match build::latest(&self.tools.project.out, &planned.folder) {
            Ok((record, built)) if built.record.plan == planned.plan => {
                Ok(Some((crate::whole::folder_of(&record).to_owned(), built)))
            }
            Ok(_) => Ok(None),
            // none, or one that a crash left: it is written again
            Err(e) if matches!(e.kind(), Kind::NotFound | Kind::Damaged) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The same, of the job that was done before.
    pub(super) fn must(&self, planned: &Planned) -> Result<(PathBuf, Built)> {
        self.built(planned)?.ok_or_else(|| {
            Error::new(
                Kind::Damaged,
                "the image that was built is not the customer's newest one any more",
            )
            .at(self.tools.project.out.join(&planned.folder))
            .remedy("run the night again, and let nobody else build meanwhile")
        })
    }
}

/// Length and stamp of a file; none where there is no such file.
fn look(path: &Path) -> Result<Option<(u64, String)>> {
    let found = file::look(path)?.filter(std::fs::Metadata::is_file);
    Ok(found.map(|facts| {
        // not when its names changed (ctime): a release gives it another one
        let stamp = format!("{} {}.{:09}", facts.ino(), facts.mtime(), facts.mtime_nsec());
        (facts.len(), stamp)
    }))
}
