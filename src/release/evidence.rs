//! The files of a release that explain its images and prove where they come from.

use std::path::Path;
use std::sync::Arc;

use super::making::Making;
use super::provenance::{PROVENANCE, Provenance};
use super::record::{LARGEST, Part, images};
use super::staged::{Staged, Test};

use crate::appliance::check::Outcome;
use crate::build::PAGE;
use crate::difference::{self, BUILD, CONTENTS, Difference, Heading, Side};
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::inspect::Image;
use crate::inspect::walk::{self, Digests};
use crate::inventory::{self, CYCLONEDX, INVENTORY, SPDX, Subject};
use crate::progress::Progress;
use crate::smoke::{BootReport, Firmware};
use crate::units::Digest;
use crate::whole;

/// Everybody whom the umask lets may read what explains an image.
const MODE: u32 = 0o644;

/// What is new, in Markdown.
pub const NOTES: &str = "NOTES.md";
/// The same as a page.
pub const NOTES_PAGE: &str = "NOTES.html";

/// The name of a smoke test's report.
pub(super) fn report(firmware: Firmware) -> String {
    format!("smoke-{}.json", firmware.name())
}

/// The name of the picture of its console.
fn console(firmware: Firmware) -> String {
    format!("console-{}.png", firmware.name())
}

/// Writes them all into `folder`; gives their digests, sorted by name.
pub(super) fn write(
    staged: &Staged,
    folder: &Path,
    making: &Making<'_>,
    progress: &dyn Progress,
) -> Result<Vec<Part>> {
    let mut writing = Writing { folder, parts: Vec::new() };
    progress.go_on()?;
    writing.put(BUILD, &read(&staged.record)?)?;
    writing.put(PAGE, &page(staged)?)?;
    for test in &staged.tests {
        writing.test(test)?;
    }
    writing.components(staged, making, progress)?;
    writing.parts.sort();
    Ok(writing.parts)
}

/// Writes a file of a folder that has no name yet.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    whole::replace(path, MODE, bytes)
}

struct Writing<'a> {
    folder: &'a Path,
    parts: Vec<Part>,
}

impl Writing<'_> {
    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        put(&self.folder.join(name), bytes)?;
        let (size, sha256) = (bytes.len() as u64, Digest::of(bytes));
        self.parts.push(Part { name: name.to_owned(), size, sha256 });
        Ok(())
    }

    /// What the image holds, in our form and in those that the world reads, and how it was made.
    fn components(
        &mut self,
        staged: &Staged,
        making: &Making<'_>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let Some(first) = staged.built.artifacts.first() else { return Ok(()) };
        progress.step(&format!("listing the components of {}", first.file), None);
        // every image of a release holds the same disk, which was compared
        let image = Arc::new(Image::open(&staged.folder.join(&first.file))?);
        let inventory = inventory::of(&image, progress)?;
        let record = &staged.built.record;
        let subject = Subject {
            name: record.profile.customer.id.clone(),
            version: record.bundle.version().to_owned(),
            created: making.now,
            supplier: record.profile.branding.vendor.clone(),
            files: images(&staged.built.artifacts),
        };
        let contents = walk::contents(&image, Digests::Public, progress)?;
        self.put(CONTENTS, contents.text()?.as_bytes())?;
        self.put(INVENTORY, inventory.text()?.as_bytes())?;
        self.put(SPDX, inventory::spdx(&inventory, &subject)?.as_bytes())?;
        self.put(CYCLONEDX, inventory::cyclonedx(&inventory, &subject)?.as_bytes())?;
        let listed = |part: &&Part| [INVENTORY, SPDX, CYCLONEDX].contains(&part.name.as_str());
        let byproducts: Vec<Part> = self.parts.iter().filter(listed).cloned().collect();
        let made = Provenance {
            record,
            inventory: &inventory,
            files: &subject.files,
            byproducts: &byproducts,
            maker: making.maker.as_ref(),
            finished: making.now,
        };
        self.put(PROVENANCE, made.seal(making.key)?.as_bytes())?;
        let side = Side::of_lists(staged.built.clone(), contents, inventory);
        self.notes(making, &side)
    }

    /// What is new for the customer's administrator.
    fn notes(&mut self, making: &Making<'_>, side: &Side) -> Result<()> {
        let difference = match &making.previous {
            Some(earlier) => difference::between(&earlier.side, side),
            None => Difference::first(side),
        };
        let profile = making.profile;
        let heading = Heading {
            product: profile.product().to_owned(),
            customer: profile.customer.name.clone(),
            date: making.now.to_string().split('T').next().unwrap_or_default().to_owned(),
            contact: profile.customer.contact.clone(),
        };
        let notes = difference::notes(&difference, &heading)?;
        self.put(NOTES, notes.markdown.as_bytes())?;
        self.put(NOTES_PAGE, notes.html.as_bytes())
    }

    fn test(&mut self, test: &Test) -> Result<()> {
        let firmware = test.report.firmware;
        let text = serde_json::to_vec_pretty(&for_everybody(&test.report))
            .map_err(|e| Error::new(Kind::Input, "the report cannot be written").because(e))?;
        self.put(&report(firmware), &text)?;
        // the last boot's: the first one's may have been cut off
        let pictures = test.report.boots.iter().rev().filter_map(|boot| boot.screen.as_ref());
        match pictures.map(|name| test.folder.join(name)).next() {
            Some(picture) => self.put(&console(firmware), &read(&picture)?),
            None => Ok(()),
        }
    }
}

/// How to import the images; its picture has another name here.
fn page(staged: &Staged) -> Result<Vec<u8>> {
    let text = String::from_utf8_lossy(&read(&staged.folder.join(PAGE))?).into_owned();
    let mut text = text;
    for test in &staged.tests {
        let folder = test.folder.file_name().unwrap_or_default().to_string_lossy();
        for screen in test.report.boots.iter().filter_map(|boot| boot.screen.as_ref()) {
            text = text.replace(&format!("{folder}/{screen}"), &console(test.report.firmware));
        }
    }
    Ok(text.into_bytes())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    file::read(path, LARGEST, "cannot read a part of the release")
}

/// A smoke test's report as everybody may read it: without the console's words and what probes answered, which may
/// hold what the application says of its settings.
fn for_everybody(report: &BootReport) -> BootReport {
    let mut report = report.clone();
    report.image = report.image.file_name().map(Into::into).unwrap_or_default();
    for boot in &mut report.boots {
        boot.last_lines.clear();
        boot.probes.iter_mut().for_each(silence);
    }
    report
}

fn silence(outcome: &mut Outcome) {
    outcome.detail.clear();
}
