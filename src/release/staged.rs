//! A build that may become a release: its images, and the smoke tests that were made of them.

use std::path::{Path, PathBuf};

use crate::build::{self, Artifact, Built};
use crate::error::{Context as _, Error, Kind, Result};
use crate::smoke::{BootReport, Firmware, Verdict};
use crate::units::Digest;

/// What ends the name of a folder with a smoke test's report, behind the image's name.
const SMOKE: &str = ".smoke-";

/// The newest build of a customer, as it lies in out/. Nothing of it is verified.
#[derive(Clone, Debug)]
pub struct Staged {
    /// The folder that its files lie in.
    pub(super) folder: PathBuf,
    /// The path of its record.
    pub(super) record: PathBuf,
    /// What was built.
    pub(super) built: Built,
    /// The tests of it, sorted by firmware.
    pub(super) tests: Vec<Test>,
}

/// A smoke test of one of its images.
#[derive(Clone, Debug)]
pub(super) struct Test {
    /// The report's folder.
    pub folder: PathBuf,
    /// What it says.
    pub report: BootReport,
    /// The digest of the image.
    pub image: Digest,
}

impl Staged {
    /// Finds a customer's newest build in `out`.
    ///
    /// A report counts only when it names the digest of one of these images: one of an earlier build under the same name
    /// proves nothing.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when nothing was built; [`Kind::Refused`] when the build worked out no digests.
    pub fn gather(out: &Path, customer: &str) -> Result<Self> {
        let (record, built) = build::latest(out, customer)?;
        if let Some(artifact) = built.artifacts.iter().find(|a| a.sha256.is_none()) {
            return Err(Error::new(Kind::Refused, "the image has no digest")
                .at(record.with_file_name(&artifact.file))
                .remedy(format!("build it without --no-digest: slipway build {customer}")));
        }
        let folder = crate::whole::folder_of(&record).to_owned();
        let tests = tests(&folder, &built)?;
        Ok(Self { folder, record, built, tests })
    }

    /// Its name, which will be the release's.
    pub fn id(&self) -> String {
        let record = &self.built.record;
        crate::manifest::stem(&record.profile.customer.id, &record.bundle, record.plan)
    }

    /// What was built.
    pub fn built(&self) -> &Built {
        &self.built
    }

    /// Whether one of its images became READY with this firmware.
    pub fn is_tested(&self, firmware: Firmware) -> bool {
        self.tests.iter().any(|test| test.report.firmware == firmware && test.is_ready())
    }
}

impl Test {
    /// Whether the machine did all that was asked of it.
    pub fn is_ready(&self) -> bool {
        self.report.verdict == Verdict::Ready
    }
}

fn tests(folder: &Path, built: &Built) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(folder).at("cannot list", folder)? {
        let name = entry.at("cannot list", folder)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let of_ours = |artifact: &Artifact| {
            let stem = Path::new(&artifact.file).with_extension("");
            name.strip_prefix(&*stem.to_string_lossy()).is_some_and(|rest| rest.starts_with(SMOKE))
        };
        if !built.artifacts.iter().any(of_ours) {
            continue;
        }
        let folder = folder.join(name);
        let report = match BootReport::read(&folder) {
            // a test that is running, or was killed
            Err(e) if e.kind() == Kind::NotFound => continue,
            report => report?,
        };
        let Some(image) = report.image_sha256 else { continue };
        if built.artifacts.iter().any(|artifact| artifact.sha256 == Some(image)) {
            tests.push(Test { folder, report, image });
        }
    }
    tests.sort_by_key(|test| (test.report.firmware.name(), test.folder.clone()));
    Ok(tests)
}
