//! Examining a release's folder: everything that is wrong with it, not the first thing. Here are its files and images;
//! `documents` has what they say of each other, `alone` an image that lies elsewhere.

mod alone;
mod documents;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::believing::Believing;
use super::fault::{Fault, Rule};
use super::pointer::is_release_of;
use super::rebuilt::REBUILT;
use super::record::{LARGEST, RECORD, Release};
use crate::build::{Artifact, SUMS};
use crate::error::{Context as _, Error, Kind, Result};
use crate::file;
use crate::inspect::{self, Image, Source};
use crate::key::{Namespace, Signature};
use crate::manifest;
use crate::progress::Progress;
use crate::units::Digest;

pub use alone::{claimed, compare, examine_record};

/// Ends the name of a signature, behind that of the file that it is of.
pub const SIGNATURE: &str = ".sig";

/// What was found in a folder.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The record, where it can be read; it is proven only when there is no fault.
    pub release: Option<Release>,
    /// The digest of the record's bytes.
    pub sha256: Option<Digest>,
    /// What is wrong, sorted by file.
    pub faults: Vec<Fault>,
}

/// Reads a release's folder to its last byte.
///
/// # Errors
/// Only when the folder itself cannot be listed, or `progress` ends the work: what is wrong with the release is a fault.
pub fn examine(
    folder: &Path,
    believing: &Believing<'_>,
    progress: &dyn Progress,
) -> Result<Examined> {
    let mut examining = Examining { folder, faults: Vec::new() };
    let names = examining.names()?;
    let record = examining.text(RECORD);
    let sha256 = record.as_ref().map(Digest::of);
    let release = record.as_deref().and_then(|bytes| examining.record(bytes));
    if let Some(release) = &release {
        examining.signed(RECORD, Namespace::Release, &release.site, believing);
        examining.signed(SUMS, Namespace::Release, &release.site, believing);
        examining.consistent(release);
        examining.files(release, progress)?;
        examining.sums(release);
        examining.tests(release);
        examining.components(release, progress)?;
        examining.provenance(release, believing);
        if let (true, Some(sha256)) = (names.contains(REBUILT), sha256) {
            examining.rebuilt(release, sha256, believing);
        }
        examining.foreign(release, names);
    }
    let mut faults = examining.faults;
    faults.sort();
    faults.dedup();
    Ok(Examined { release, sha256, faults })
}

struct Examining<'a> {
    folder: &'a Path,
    faults: Vec<Fault>,
}

impl Examining<'_> {
    fn fault(&mut self, file: &str, rule: Rule, reason: impl Into<String>) {
        self.faults.push(Fault::of(file, rule, reason));
    }

    fn names(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(self.folder).at("cannot list", self.folder)? {
            let name = entry.at("cannot list", self.folder)?.file_name();
            names.insert(name.to_string_lossy().into_owned());
        }
        Ok(names)
    }

    /// A file's bytes; a fault where there are none.
    fn text(&mut self, name: &str) -> Option<Vec<u8>> {
        match file::read(&self.folder.join(name), LARGEST, "cannot be read") {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == Kind::NotFound => {
                self.fault(name, Rule::Missing, "it is not there");
                None
            }
            Err(e) => {
                self.fault(name, Rule::Unreadable, said(&e));
                None
            }
        }
    }

    fn record(&mut self, bytes: &[u8]) -> Option<Release> {
        let read = Release::parse(bytes);
        if let Err(e) = &read {
            self.fault(RECORD, Rule::Unreadable, said(e));
        }
        read.ok()
    }

    fn signed(&mut self, name: &str, namespace: Namespace, site: &str, by: &Believing<'_>) {
        let signature = format!("{name}{SIGNATURE}");
        let (Some(text), Some(bytes)) = (self.text(&signature), self.text(name)) else { return };
        let proven = Signature::parse(&String::from_utf8_lossy(&text)).and_then(|signature| {
            by.trust.verify(site, namespace, &Digest::of(&bytes), &signature, by.now)
        });
        if let Err(why) = proven {
            self.fault(&signature, Rule::Signature, format!("{why}; {}", why.remedy()));
        }
    }

    /// Whether the record's own parts agree.
    fn consistent(&mut self, release: &Release) {
        let contradiction = |reason: String| Fault::of(RECORD, Rule::Contradiction, reason);
        let Release { id, customer, plan, bundle, .. } = release;
        let named = manifest::stem(customer, bundle, *plan);
        if *id != named || !is_release_of(customer, id) {
            self.faults.push(contradiction(format!("it is called {id}, and is of {named}")));
        }
        if release.site != bundle.site {
            let reason =
                format!("it is signed for {}, and its bundle is of {}", release.site, bundle.site);
            self.faults.push(contradiction(reason));
        }
        if release.artifacts.is_empty() {
            self.faults.push(contradiction("it has no image".to_owned()));
        }
        let names = release.artifacts.iter().map(|a| &a.file);
        let names: Vec<&String> = names.chain(release.files.iter().map(|f| &f.name)).collect();
        for (i, name) in names.iter().enumerate() {
            if !is_plain(name) {
                self.faults
                    .push(contradiction(format!("it names {name:?}, which is no file's name")));
            }
            if names[..i].contains(name) {
                self.faults.push(contradiction(format!("it names {name} twice")));
            }
        }
    }

    fn files(&mut self, release: &Release, progress: &dyn Progress) -> Result<()> {
        for part in release.files.iter().filter(|part| is_plain(&part.name)) {
            let (size, sha256) = (part.size, Some(part.sha256));
            self.bytes(&part.name, size, sha256, progress)?;
        }
        for artifact in release.artifacts.iter().filter(|artifact| is_plain(&artifact.file)) {
            progress.step(&format!("reading {}", artifact.file), Some(artifact.size.bytes()));
            let whole =
                self.bytes(&artifact.file, artifact.size.bytes(), artifact.sha256, progress)?;
            if whole {
                self.image(artifact, release);
            }
        }
        Ok(())
    }

    /// Whether a file has just the bytes that it should have.
    fn bytes(
        &mut self,
        name: &str,
        size: u64,
        sha256: Option<Digest>,
        progress: &dyn Progress,
    ) -> Result<bool> {
        let path = self.folder.join(name);
        match std::fs::symlink_metadata(&path) {
            Ok(facts) if facts.is_file() => {}
            Ok(_) => {
                self.fault(name, Rule::Foreign, "it is not a regular file");
                return Ok(false);
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.fault(name, Rule::Missing, "it is not there");
                return Ok(false);
            }
            Err(e) => {
                self.fault(name, Rule::Unreadable, e.to_string());
                return Ok(false);
            }
        }
        let found =
            Source::open(&path).and_then(|source| Ok((source.length(), source.digest(progress)?)));
        let (length, digest) = match found {
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            Err(e) => {
                self.fault(name, Rule::Unreadable, said(&e));
                return Ok(false);
            }
            Ok(found) => found,
        };
        match sha256 {
            None => self.fault(name, Rule::Contradiction, "the record has no digest of it"),
            Some(_) if length != size => {
                let reason = format!("it has {length} bytes, and {size} were signed");
                self.fault(name, Rule::Changed, reason);
            }
            Some(signed) if signed != digest => {
                let reason = format!("its SHA-256 is {digest}, and {signed} was signed");
                self.fault(name, Rule::Changed, reason);
            }
            Some(_) => return Ok(true),
        }
        Ok(false)
    }

    /// Whether an image is what the record says, by what it says of itself.
    fn image(&mut self, artifact: &Artifact, release: &Release) {
        match judge(&self.folder.join(&artifact.file), artifact, release) {
            Ok(reasons) => {
                for reason in reasons {
                    self.fault(&artifact.file, Rule::Contradiction, reason);
                }
            }
            Err(e) => self.fault(&artifact.file, Rule::Unreadable, said(&e)),
        }
    }

    fn foreign(&mut self, release: &Release, mut names: BTreeSet<String>) {
        names.remove(REBUILT);
        for name in [RECORD, SUMS] {
            names.remove(name);
            names.remove(&format!("{name}{SIGNATURE}"));
        }
        for name in
            release.artifacts.iter().map(|a| &a.file).chain(release.files.iter().map(|f| &f.name))
        {
            names.remove(name);
        }
        for name in names {
            self.fault(&name, Rule::Foreign, "it does not belong to the release");
        }
    }
}

/// What an image says of itself that the record denies.
fn judge(path: &Path, artifact: &Artifact, release: &Release) -> Result<Vec<String>> {
    let image = Arc::new(Image::open(path)?);
    let mut reasons = inspect::damage::of_file(&image)?;
    let report = inspect::report(&image)?;
    if report.format != artifact.format {
        reasons.push(format!("it is {}, and should be {}", report.format, artifact.format));
    }
    let Some(record) = report.record else {
        reasons.push("it does not say what it was built from".to_owned());
        return Ok(reasons);
    };
    if record.plan != release.plan || record.profile.customer.id != release.customer {
        let of = manifest::stem(&record.profile.customer.id, &record.bundle, record.plan);
        reasons.push(format!("it says that it is {of}"));
    }
    if record.bundle != release.bundle || record.base != release.base {
        let (base, bundle) = (&record.base.name, &record.bundle.release);
        reasons.push(format!("it says that it was built from other inputs: {base}, {bundle}"));
    }
    Ok(reasons)
}

/// Whether a record may name it: a file of the folder itself, and none in the making.
pub(super) fn is_plain(name: &str) -> bool {
    !name.contains('/') && crate::blob::Key::new(name).is_ok()
}

fn said(error: &Error) -> String {
    error.in_one_line()
}
