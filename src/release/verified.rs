//! A release that may be published: whole on the disk, every byte read back, and signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::believing::Believing;
use super::beside;
use super::evidence::{self, put};
use super::examine::{Examined, SIGNATURE, examine};
use super::fault::{Fault, Rule};
use super::making::Making;
use super::record::{Boot, FORMAT, RECORD, Release, Tested};
use super::same::same_disk;
use super::staged::Staged;
use super::sums;
use crate::build::SUMS;
use crate::error::{Context as _, Result};
use crate::file;
use crate::inspect::Image;
use crate::key::Namespace;
use crate::leak::{self, Beside};
use crate::lint::{self, Severity};
use crate::lock;
use crate::platform::{Platform, imports};
use crate::profile::Profile;
use crate::progress::Progress;
use crate::units::Digest;
use crate::whole::{self, Work};

/// The folder of a customer's releases, beside the images.
pub const FOLDER: &str = "releases";
/// Held while one of them is made.
const LOCK: &str = ".lock";

/// A release that was read to its last byte, and in which nothing is wrong. Only this can be published.
#[derive(Clone, Debug)]
pub struct Verified {
    folder: PathBuf,
    release: Release,
    sha256: Digest,
}

impl Verified {
    /// Opens a release's folder.
    ///
    /// # Errors
    /// As for [`examine`]; inside, all that is wrong.
    pub fn open(
        folder: &Path,
        believing: &Believing<'_>,
        progress: &dyn Progress,
    ) -> Result<Result<Self, Vec<Fault>>> {
        let Examined { release, sha256, faults } = examine(folder, believing, progress)?;
        Ok(match (release, sha256) {
            (Some(release), Some(sha256)) if faults.is_empty() => {
                Ok(Self { folder: folder.to_owned(), release, sha256 })
            }
            _ => Err(faults),
        })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The record.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// The digest of the record's bytes.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }
}

impl Staged {
    /// Verifies the build, and writes and signs the release's folder, `releases/<id>` beside the images. Its images are
    /// further names of the build's files where the filesystem allows that.
    ///
    /// A release that is there already, of the same plan and tested in the same way, is taken as it is.
    ///
    /// # Errors
    /// When something cannot be read or written; inside, all that keeps the build from being a release.
    pub fn verify(
        self,
        making: &Making<'_>,
        progress: &dyn Progress,
    ) -> Result<Result<Verified, Vec<Fault>>> {
        let home = self.folder.join(FOLDER);
        let folder = home.join(self.id());
        let tested = match self.tested(making) {
            Ok(tested) => tested,
            Err(faults) => return Ok(Err(faults)),
        };
        std::fs::create_dir_all(&home).at("cannot create the folder", &home)?;
        let _turn = lock::wait(&home.join(LOCK))?;
        if file::is_folder(&folder)?
            && let Ok(there) = Verified::open(&folder, &making.believing, progress)?
            && there.release.smoke == tested
        {
            return Ok(Ok(there));
        }
        let (faults, beside) = self.judge(making, progress)?;
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let work = Work::new_in(&home)?;
        self.fill(work.path(), tested, making, progress)?;
        if let Some(beside) = beside {
            let names: Vec<&str> = self.built.artifacts.iter().map(|a| a.file.as_str()).collect();
            let faults = beside::texts(&beside, work.path(), &names)?;
            if !faults.is_empty() {
                return Ok(Err(faults));
            }
        }
        let opened = Verified::open(work.path(), &making.believing, progress)?;
        let Verified { release, sha256, .. } = match opened {
            Ok(verified) => verified,
            Err(faults) => return Ok(Err(faults)),
        };
        work.replace(&folder)?;
        Ok(Ok(Verified { folder, release, sha256 }))
    }

    /// How it was tested, or why that does not suffice.
    fn tested(&self, making: &Making<'_>) -> Result<Tested, Vec<Fault>> {
        let failed = self.tests.iter().filter(|test| !test.is_ready());
        let faults: Vec<Fault> = failed
            .map(|test| {
                let image = test.report.image.file_name().unwrap_or_default().to_string_lossy();
                let firmware = test.report.firmware.name();
                let reason = format!("its smoke test ({firmware}) failed: {}", test.report.summary);
                Fault::of(&image, Rule::Smoke, reason)
            })
            .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let boots = self.tests.iter().map(|test| Boot {
            firmware: test.report.firmware,
            image_sha256: test.image,
            report: evidence::report(test.report.firmware),
        });
        match (boots.collect::<Vec<_>>(), making.without_smoke) {
            (boots, _) if !boots.is_empty() => Ok(Tested::Booted(boots)),
            (_, Some(reason)) if !reason.trim().is_empty() => {
                Ok(Tested::Without(reason.to_owned()))
            }
            _ => Err(vec![Fault::new(
                Rule::Smoke,
                "none of these images was smoke-tested: run `slipway smoke CUSTOMER`, or pass --without-smoke REASON",
            )]),
        }
    }

    /// What of the images keeps them from being released.
    fn judge<'n>(
        &self,
        making: &Making<'n>,
        progress: &dyn Progress,
    ) -> Result<(Vec<Fault>, Option<Beside<'n>>)> {
        let mut faults = Vec::new();
        let mut images = Vec::new();
        for artifact in &self.built.artifacts {
            let path = self.folder.join(&artifact.file);
            progress.step(&format!("reading {}", artifact.file), Some(artifact.size.bytes()));
            let image = Arc::new(Image::open(&path)?);
            let digest = image.source().digest(progress)?;
            if artifact.sha256 != Some(digest) {
                let reason = format!("its SHA-256 is {digest} now, which is not what was built");
                faults.push(Fault::of(&artifact.file, Rule::Changed, reason));
            }
            images.push(image);
        }
        faults.extend(self.refused(making.profile)?);
        let (leaks, beside) = self.leaks(&images, making, progress)?;
        faults.extend(leaks);
        for (artifact, image) in self.built.artifacts.iter().zip(&images).skip(1) {
            progress.step(&format!("comparing the disk in {}", artifact.file), Some(image.size()));
            if let Some(at) = same_disk(&images[0], image, progress)? {
                let first = &self.built.artifacts[0].file;
                let reason = format!("its disk differs from that in {first} at byte {at}");
                faults.push(Fault::of(&artifact.file, Rule::Contradiction, reason));
            }
        }
        Ok((faults, beside))
    }

    /// What must not be in the images. One is looked at, for every image of a release holds the same disk; of each,
    /// what it says beside that. Then what searches the release's texts.
    fn leaks<'n>(
        &self,
        images: &[Arc<Image>],
        making: &Making<'n>,
        progress: &dyn Progress,
    ) -> Result<(Vec<Fault>, Option<Beside<'n>>)> {
        let Some(first) = images.first() else { return Ok((Vec::new(), None)) };
        let against = making.against;
        let name = first.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        progress.step(&format!("looking for leaks in {name}"), None);
        for path in &against.unread {
            progress
                .note(&format!("{}: has errors, so nothing in it is looked for", path.display()));
        }
        let (findings, mut beside) =
            leak::check_with_texts(first, &against.needles, &against.allowed, progress)?;
        let mut faults = beside::told(&name, findings);
        if let Some(maker) = &making.maker {
            maker.builder.iter().chain(&maker.run).for_each(|said| beside.may_say(said));
        }
        for image in images {
            faults.extend(beside::image(&beside, image)?);
        }
        Ok((faults, Some(beside)))
    }

    /// What the platforms of the images refuse. Where a profile names formats alone, one platform that takes each is enough.
    fn refused(&self, profile: &Profile) -> Result<Vec<Fault>> {
        let mut faults = Vec::new();
        for artifact in &self.built.artifacts {
            let named = profile.platforms.iter().copied();
            let named: Vec<Platform> = named.filter(|p| p.format() == artifact.format).collect();
            let any = named.is_empty();
            let mut asked = named;
            if any {
                asked = imports(artifact.format).map(|import| import.platform).collect();
                asked.dedup();
            }
            let judged = lint::lint_for(&self.folder.join(&artifact.file), &asked)?;
            let errors: Vec<Fault> = asked
                .iter()
                .zip(&judged)
                .flat_map(|(platform, findings)| findings.iter().map(move |f| (platform, f)))
                .filter(|(_, finding)| finding.severity == Severity::Error)
                .map(|(platform, finding)| {
                    let reason = format!("{}: {}", platform.title(), finding.reason);
                    Fault::of(&artifact.file, Rule::Lint, reason)
                })
                .collect();
            let accepted = judged
                .iter()
                .any(|findings| findings.iter().all(|finding| finding.severity != Severity::Error));
            if !(any && accepted) {
                faults.extend(errors);
            }
        }
        Ok(faults)
    }

    fn fill(
        &self,
        folder: &Path,
        tested: Tested,
        making: &Making<'_>,
        progress: &dyn Progress,
    ) -> Result<()> {
        for artifact in &self.built.artifacts {
            link(&self.folder.join(&artifact.file), &folder.join(&artifact.file))?;
        }
        let files = evidence::write(self, folder, making, progress)?;
        let record = &self.built.record;
        let release = Release {
            format: FORMAT,
            id: self.id(),
            customer: record.profile.customer.id.clone(),
            name: record.profile.customer.name.clone(),
            site: record.bundle.site.clone(),
            created: making.now,
            builder: record.builder.clone(),
            plan: record.plan,
            base: record.base.clone(),
            bundle: record.bundle.clone(),
            artifacts: self.built.artifacts.clone(),
            files,
            smoke: tested,
            maker: making.maker.clone(),
            previous: making.previous.as_ref().map(|earlier| earlier.previous.clone()),
        };
        let text = release.text()?;
        let sums = sums::text(&release, Digest::of(&text));
        for (name, text) in [(RECORD, text), (SUMS, sums)] {
            let signature = making.key.sign(Namespace::Release, &Digest::of(&text))?;
            put(&folder.join(name), text.as_bytes())?;
            put(&folder.join(format!("{name}{SIGNATURE}")), signature.to_string().as_bytes())?;
        }
        whole::flush_folder(folder)
    }
}

/// Gives a file another name; where that cannot be, as between two filesystems, copies it.
fn link(from: &Path, to: &Path) -> Result<()> {
    if std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    std::fs::copy(from, to).at("cannot copy", from)?;
    let copy = std::fs::File::open(to).at("cannot open", to)?;
    copy.sync_all().at("cannot flush", to)
}
