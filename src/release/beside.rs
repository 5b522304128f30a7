//! The leak check of what a release has beside the disk: the images' own descriptions, and the release's texts.
//!
//! All images hold the same disk, byte for byte, so one is read for all; but an OVF, or a document, is in none of them.

use std::path::Path;
use std::sync::Arc;

use super::fault::{Fault, Rule};
use crate::difference::CONTENTS;
use crate::error::{Context as _, Result};
use crate::file;
use crate::inspect::{Container, Image, Member, PackageText};
use crate::inventory::{CYCLONEDX, INVENTORY, SPDX};
use crate::leak::{Beside, Finding};
use crate::units::{KIB, MIB};

/// Lists of what is in the image, name by name: that was read there.
const LISTS: [&str; 4] = [CONTENTS, INVENTORY, CYCLONEDX, SPDX];
/// The largest text, in bytes.
const LARGEST: u64 = 64 * MIB;
/// Where formats keep what they say of a disk: descriptors and metadata at a file's beginning, footers at its end.
const BEGINNING: u64 = 4 * MIB;
const END: u64 = 64 * KIB;

/// The texts of a release's folder; `images` are its images' names.
pub(super) fn texts(beside: &Beside<'_>, folder: &Path, images: &[&str]) -> Result<Vec<Fault>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).at("cannot read the folder", folder)? {
        let entry = entry.at("cannot read the folder", folder)?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut faults = Vec::new();
    for name in names {
        let text = [".json", ".md", ".html", "SUMS"].iter().any(|end| name.ends_with(end));
        if text && !LISTS.contains(&name.as_str()) && !images.contains(&name.as_str()) {
            let path = folder.join(&name);
            let bytes = file::read(&path, LARGEST, "cannot read a text of the release")?;
            faults.extend(told(&name, beside.search(&name, &bytes)));
        }
    }
    Ok(faults)
}

/// What an image's file says beside its disk.
pub(super) fn image(beside: &Beside<'_>, image: &Arc<Image>) -> Result<Vec<Fault>> {
    let name = image.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = image.source();
    let mut places = vec![(name.clone(), 0, BEGINNING)];
    places.push((name.clone(), source.length().saturating_sub(END), END));
    if let Container::Ova(package, _) = image.container() {
        let members = PackageText::read(package)?.members.into_iter();
        let within = |m: Member| (format!("{name}!{}", m.name), m.offset, m.size.min(BEGINNING));
        places = members.map(within).collect();
    }
    let mut faults = Vec::new();
    for (place, start, length) in places {
        faults.extend(told(&name, beside.search(&place, &source.up_to(length, start)?)));
    }
    faults.dedup();
    Ok(faults)
}

/// Faults of a file, one for each finding.
pub(super) fn told(name: &str, findings: Vec<Finding>) -> Vec<Fault> {
    let said = |f: &Finding| format!("{}: {}; {}", f.place(), f.what, f.fix);
    findings.iter().map(|finding| Fault::of(name, Rule::Leak, said(finding))).collect()
}
