//! What goes to the customer with the images: their digests, and a page that says what to do with them.
//!
//! Both speak of the newest build, as [`super::LATEST`] does. A name for each build was rejected: the page is what
//! somebody opens who was sent a folder, and `SHA256SUMS` is the name that people and programs look for.

mod page;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::built::{Built, LATEST, Latest, json};
use crate::bundle::Bundle;
use crate::error::{Context as _, Result};
use crate::profile::{Probe, Profile};
use crate::units::Digest;
use crate::whole::{self, Draft};

/// The digests of the artifacts and of the page, as `sha256sum` writes and checks them.
pub const SUMS: &str = "SHA256SUMS";
/// The page.
pub const PAGE: &str = "IMPORT.md";

/// All of this is for everybody whom the umask lets.
const MODE: u32 = 0o644;

/// What the page is made of.
pub(super) struct Handover<'a> {
    pub stem: &'a str,
    pub profile: &'a Profile,
    pub bundle: &'a Bundle,
    pub built: &'a Built,
}

/// Writes the record, the page, the digests and the pointer to the newest build. Each is whole, and none has its name
/// before all are written: a full disk leaves what was there.
pub(super) fn write(folder: &Path, handover: &Handover<'_>) -> Result<()> {
    // builds of other plans of this customer write the same names
    let turn = File::open(folder).at("cannot open the folder", folder)?;
    turn.lock().at("cannot lock the folder", folder)?;
    let record = format!("{}.json", handover.stem);
    let page = page::page(handover, picture(folder, handover.stem)?.as_deref());
    let mut texts = vec![(record.as_str(), json(handover.built)?), (PAGE, page.clone())];
    let sums = sums(handover.built, &page);
    texts.extend(sums.clone().map(|sums| (SUMS, sums)));
    texts.push((LATEST, json(&Latest { record: record.clone() })?));
    let mut drafts = Vec::new();
    for (name, text) in &texts {
        let path = folder.join(name);
        let mut draft = Draft::beside(&path, MODE)?;
        draft.file().write_all(text.as_bytes()).at("cannot write", &path)?;
        draft.file().sync_all().at("cannot flush", &path)?;
        drafts.push((draft, path));
    }
    if sums.is_none() {
        // those of an earlier build say nothing of this one
        remove(&folder.join(SUMS))?;
    }
    for (draft, path) in drafts {
        draft.name(&path)?;
    }
    whole::flush_folder(folder)
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.at("cannot remove", path),
    }
}

/// One line for each artifact and for the page; none where the build worked out no digests.
fn sums(built: &Built, page: &str) -> Option<String> {
    let line = |digest: Digest, name: &str| format!("{digest}  {name}\n");
    let artifacts = built.artifacts.iter();
    let lines: Option<String> =
        artifacts.map(|artifact| Some(line(artifact.sha256?, &artifact.file))).collect();
    lines.map(|lines| lines + &line(Digest::of(page), PAGE))
}

/// The picture of the console that a smoke test of this very image left.
fn picture(folder: &Path, stem: &str) -> Result<Option<String>> {
    const SCREEN: &str = "screen-1.png";
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).at("cannot list", folder)? {
        let name = entry.at("cannot list", folder)?.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(&format!("{stem}.smoke-")))
        else {
            continue;
        };
        if crate::file::is_file(&folder.join(name).join(SCREEN))? {
            found.push(format!("{name}/{SCREEN}"));
        }
    }
    Ok(found.into_iter().min())
}

/// Ports that machines listen on once they are READY, and what for.
fn ports(profile: &Profile, bundle: &Bundle) -> BTreeMap<u16, String> {
    let http = profile.probes.iter().filter_map(|probe| match probe {
        Probe::Http { port, .. } => Some(*port),
        Probe::Unit { .. } | Probe::Command { .. } => None,
    });
    let health = bundle.manifest.health.iter().map(|health| health.port);
    let application = http.chain(health).map(|port| (port, "the application".to_owned()));
    let own = [(22, "SSH"), (8008, "the machine's state, over HTTP")];
    application.chain(own.map(|(port, what)| (port, what.to_owned()))).collect()
}
