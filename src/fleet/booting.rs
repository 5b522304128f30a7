//! The smoke test as a step of a night.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::here::{Here, planned, told};
use super::job::{Booted, Did, Evidence, Job};
use super::policy::Smoke;
use crate::build::Built;
use crate::error::{Context as _, Error, Kind, Result};
use crate::file;
use crate::inspect::Image;
use crate::progress::Progress;
use crate::smoke::{
    self, Accelerator, Again, BootReport, Firmware, Limits, Order, Target, Verdict,
};

impl Here<'_> {
    /// Boots a copy of the customer's first image, unless that was done before with these very bytes.
    pub(super) fn smoke(
        &self,
        job: &Job,
        firmware: Firmware,
        progress: &dyn Progress,
    ) -> Result<Did> {
        let (folder, built) = self.must(planned(job)?)?;
        let artifact = built
            .artifacts
            .first()
            .ok_or_else(|| Error::new(Kind::Damaged, "the record names no image").at(&folder))?;
        let path = folder.join(&artifact.file);
        let report = path.with_extension(format!("smoke-{}", firmware.name()));
        let policy = &self.tools.policy.smoke;
        match BootReport::read(&report) {
            Ok(found) if proves(&found, &built, policy) => {
                let evidence = self.evidence(&found, &report);
                return Ok(Did { reused: true, evidence, ..Did::default() });
            }
            Err(e) if !matches!(e.kind(), Kind::NotFound | Kind::Damaged | Kind::Refused) => {
                return Err(e);
            }
            _ => {}
        }
        self.set_aside(job, &report)?;
        let order = self.machine(&path, firmware, report)?;
        let found = smoke::run(&order, progress)?;
        let fault = (found.verdict != Verdict::Ready)
            .then(|| told(found.summary.clone(), found.advice.clone(), Vec::new()));
        Ok(Did { evidence: self.evidence(&found, &order.report), fault, ..Did::default() })
    }

    /// What the first attempt left, before the second one writes over it.
    fn set_aside(&self, job: &Job, report: &Path) -> Result<()> {
        let name = format!("first-{}-{}", job.customer, job.step);
        let aside = self.evidence.join(name);
        if job.attempt < 2 || !file::is_folder(report)? || file::is_folder(&aside)? {
            return Ok(());
        }
        std::fs::rename(report, &aside).at("cannot set aside", report)
    }

    fn machine(&self, image: &Path, firmware: Firmware, report: PathBuf) -> Result<Order> {
        let target = Target::of(Arc::new(Image::open(image)?), None)?;
        let policy = &self.tools.policy.smoke;
        Ok(Order {
            image: target.image,
            firmware,
            memory: target.hardware.memory,
            vcpus: target.hardware.vcpus,
            network: target.network,
            disk: None,
            cdrom: None,
            seed: None,
            release: target.release,
            probes: target.probes,
            limits: Limits::default(),
            timeout: policy.timeout_seconds.map(Duration::from_secs),
            accelerator: self.tools.accelerator,
            avx: false,
            again: policy.reboot.then_some(Again::PowerButton),
            nonce: (self.tools.nonce)()?,
            scratch: self.tools.scratch.clone(),
            report,
            keep_disk: None,
            stop: Arc::clone(&self.tools.stop),
        })
    }

    fn evidence(&self, report: &BootReport, folder: &Path) -> Evidence {
        let out = &self.tools.project.out;
        let last = report.boots.last();
        let booted = Booted {
            summary: report.summary.clone(),
            seconds: report
                .boots
                .first()
                .filter(|_| report.verdict == Verdict::Ready)
                .map(|b| b.seconds),
            accelerator: match report.accelerator {
                Accelerator::Kvm => "kvm",
                Accelerator::Tcg => "tcg",
            }
            .to_owned(),
            folder: folder.strip_prefix(out).unwrap_or(folder).to_string_lossy().into_owned(),
            picture: last.and_then(|boot| boot.screen.clone()),
        };
        Evidence { boot: Some(booted), ..Evidence::default() }
    }
}

/// Whether a smoke test is of these very bytes, and of all that the policy asks for.
pub(super) fn proves(report: &BootReport, built: &Built, policy: &Smoke) -> bool {
    let of_these =
        built.artifacts.iter().any(|a| a.sha256.is_some() && a.sha256 == report.image_sha256);
    let boots = if policy.reboot { 2 } else { 1 };
    of_these && report.verdict == Verdict::Ready && report.boots.len() >= boots
}
