//! What a release's documents say of it, and of each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::believing::Believing;
use super::super::fault::Rule;
use super::super::provenance::{self, PROVENANCE};
use super::super::rebuilt::{self, REBUILT};
use super::super::record::{RECORD, Release, Tested, images};
use super::super::sums;
use super::{Examining, is_plain, said};
use crate::build::SUMS;
use crate::error::{Kind, Result};
use crate::inspect::Image;
use crate::inventory::{self, CYCLONEDX, INVENTORY, Inventory, SPDX};
use crate::progress::Progress;
use crate::smoke::{BootReport, Verdict};
use crate::units::Digest;

impl Examining<'_> {
    pub(super) fn sums(&mut self, release: &Release) {
        let (Some(bytes), Some(record)) = (self.text(SUMS), self.text(RECORD)) else { return };
        let wanted: BTreeMap<String, Digest> = sums::of(release, Digest::of(record)).collect();
        let found = match sums::parse(&String::from_utf8_lossy(&bytes)) {
            Ok(found) => found,
            Err(reason) => return self.fault(SUMS, Rule::Unreadable, reason),
        };
        for (name, digest) in &wanted {
            match found.get(name) {
                None => self.fault(SUMS, Rule::Contradiction, format!("it lacks {name}")),
                Some(other) if other != digest => {
                    let reason = format!("of {name} it says {other}, and {digest} was signed");
                    self.fault(SUMS, Rule::Contradiction, reason);
                }
                Some(_) => {}
            }
        }
        for name in found.keys().filter(|name| !wanted.contains_key(*name)) {
            self.fault(SUMS, Rule::Contradiction, format!("it names {name}, which is not signed"));
        }
    }

    pub(super) fn tests(&mut self, release: &Release) {
        match &release.smoke {
            Tested::Without(reason) if reason.trim().is_empty() => {
                self.fault(
                    RECORD,
                    Rule::Smoke,
                    "it was not tested, and there is no reason for that",
                );
            }
            Tested::Without(_) => {}
            Tested::Booted(boots) if boots.is_empty() => {
                self.fault(RECORD, Rule::Smoke, "it names no test");
            }
            Tested::Booted(boots) => {
                for boot in boots {
                    let Some(bytes) = self.text(&boot.report) else { continue };
                    let faults = match BootReport::parse(&bytes) {
                        Ok(report) => contradictions(&report, boot.image_sha256, release),
                        Err(e) => vec![said(&e)],
                    };
                    for reason in faults {
                        self.fault(&boot.report, Rule::Smoke, reason);
                    }
                }
            }
        }
    }

    /// Whether the documents about the components say the same as each other, and are of these images.
    pub(super) fn components(&mut self, release: &Release, progress: &dyn Progress) -> Result<()> {
        if !release.files.iter().any(|part| part.name == INVENTORY) {
            self.fault(RECORD, Rule::Missing, "it does not say what the images hold");
            return Ok(());
        }
        let texts = [INVENTORY, SPDX, CYCLONEDX].map(|name| self.text(name));
        let [Some(inventory), Some(spdx), Some(cyclonedx)] = texts else { return Ok(()) };
        let inventory = match Inventory::parse(&inventory) {
            Ok(inventory) => inventory,
            Err(e) => {
                self.fault(INVENTORY, Rule::Unreadable, said(&e));
                return Ok(());
            }
        };
        let files = images(&release.artifacts);
        for reason in inventory::matches(&inventory, &files, &spdx, &cyclonedx) {
            self.fault(INVENTORY, Rule::Contradiction, reason);
        }
        self.held(&inventory, release, progress)
    }

    /// Whether the image holds what the inventory names, and nothing else.
    fn held(
        &mut self,
        inventory: &Inventory,
        release: &Release,
        progress: &dyn Progress,
    ) -> Result<()> {
        // another version may name components in another way
        if release.builder != env!("CARGO_PKG_VERSION") {
            return Ok(());
        }
        let Some(first) = release.artifacts.first().filter(|first| is_plain(&first.file)) else {
            return Ok(());
        };
        let path = self.folder.join(&first.file);
        // what else has its name is told already, and might have no end
        if !std::fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_file()) {
            return Ok(());
        }
        let read = Image::open(&path);
        let held = match read.and_then(|image| inventory::of(&Arc::new(image), progress)) {
            Ok(held) => held,
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            // whoever reads the image itself tells that
            Err(_) => return Ok(()),
        };
        let lacks = |one: &Inventory, purl: &str| one.components.iter().all(|c| c.purl != purl);
        for component in held.components.iter().filter(|c| lacks(inventory, &c.purl)) {
            let reason = format!("it lacks {}, which is in the image", component.purl);
            self.fault(INVENTORY, Rule::Contradiction, reason);
        }
        for component in inventory.components.iter().filter(|c| lacks(&held, &c.purl)) {
            let reason = format!("it names {}, which is not in the image", component.purl);
            self.fault(INVENTORY, Rule::Contradiction, reason);
        }
        Ok(())
    }

    /// Whether somebody who is trusted says of these images how they were made, and what the record says, too.
    pub(super) fn provenance(&mut self, release: &Release, by: &Believing<'_>) {
        if !release.files.iter().any(|part| part.name == PROVENANCE) {
            return self.fault(RECORD, Rule::Missing, "it does not say how the images were made");
        }
        let Some(envelope) = self.text(PROVENANCE) else { return };
        for reason in provenance::check(&envelope, by.trust, by.now, release) {
            self.fault(PROVENANCE, Rule::Contradiction, reason);
        }
    }

    /// Whether somebody who is trusted says of this very release that it was built again.
    pub(super) fn rebuilt(&mut self, release: &Release, record: Digest, by: &Believing<'_>) {
        let Some(envelope) = self.text(REBUILT) else { return };
        let checked = rebuilt::check(&envelope, by.trust, by.now, release, record);
        for reason in checked.err().into_iter().flatten() {
            self.fault(REBUILT, Rule::Contradiction, reason);
        }
    }
}

fn contradictions(report: &BootReport, image: Digest, release: &Release) -> Vec<String> {
    let mut reasons = Vec::new();
    if report.verdict != Verdict::Ready {
        reasons.push(report.summary.clone());
    }
    if report.image_sha256 != Some(image) {
        reasons.push("it is of another image than the record says".to_owned());
    }
    if !release.artifacts.iter().any(|artifact| artifact.sha256 == Some(image)) {
        reasons.push("it is of an image that is not in this release".to_owned());
    }
    if report.release != release.bundle.release {
        reasons.push(format!("the machine converged to {}", report.release));
    }
    reasons
}
