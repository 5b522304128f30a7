//! What is removed when a night is over: images that nobody needs any more, and reports of old nights.
//!
//! Never removed are a customer's newest image, the last one that became READY, and what a channel names.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::ground::{Ground, Past};
use super::policy::Keep;
use crate::build::{self, Built};
use crate::error::{Context as _, Kind, Result};
use crate::file;
use crate::release;
use crate::smoke::{BootReport, Verdict};
use crate::units::Timestamp;

/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;
/// What ends the name of a smoke test's folder, behind the image's name.
const SMOKE: &str = ".smoke-";

/// One build in a customer's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old {
    /// Its record.
    pub record: PathBuf,
    /// The artifacts' name without an ending.
    pub stem: String,
    /// When its record was written; two builds may be of one second.
    pub written: Timestamp,
    /// Length of its images, in bytes.
    pub bytes: u64,
    /// Whether it must stay, whatever the policy says.
    pub needed: bool,
}

/// Which builds go, of one list for each customer, newest first. Pure.
pub fn choose(customers: Vec<Vec<Old>>, keep: &Keep, now: Timestamp) -> Vec<Old> {
    let (mut gone, mut stay) = (Vec::new(), Vec::new());
    for builds in customers {
        for (at, old) in builds.into_iter().enumerate() {
            let aged = keep
                .days
                .is_some_and(|days| now.seconds - old.written.seconds > i64::from(days) * DAY);
            match !old.needed && (at >= keep.images || aged) {
                true => gone.push(old),
                false => stay.push(old),
            }
        }
    }
    let Some(limit) = keep.bytes else { return gone };
    let mut total: u64 = stay.iter().map(|old| old.bytes).sum();
    stay.sort_by_key(|old| old.written);
    for old in stay.into_iter().filter(|old| !old.needed) {
        if total <= limit.bytes() {
            break;
        }
        total -= old.bytes;
        gone.push(old);
    }
    gone
}

/// The builds in a customer's folder, newest first; `named` are those that channels name.
pub fn builds(out: &Path, customer: &str, named: &BTreeSet<String>) -> Result<Vec<Old>> {
    let folder = out.join(customer);
    let newest = match build::latest(out, customer) {
        Ok((record, _)) => record,
        // nothing was built; or nobody knows what is the newest, and then nothing goes
        Err(e) if matches!(e.kind(), Kind::NotFound | Kind::Damaged) => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).at("cannot list", &folder)? {
        let path = entry.at("cannot list", &folder)?.path();
        let Some((built, written)) = record(&path)? else { continue };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = built.artifacts.iter().map(|artifact| artifact.size.bytes()).sum();
        let needed = path == newest || named.contains(&stem);
        found.push((Old { record: path, stem, written, bytes, needed }, built));
    }
    found.sort_by_key(|(old, _)| (Reverse(old.written), old.stem.clone()));
    // the newest one stands for itself, even if it is not READY
    if let Some((good, _)) = found.iter_mut().find(|(old, built)| is_ready(&folder, old, built)) {
        good.needed = true;
    }
    Ok(found.into_iter().map(|(old, _)| old).collect())
}

/// What a build's record says, and when it was written; none for any other file.
fn record(path: &Path) -> Result<Option<(Built, Timestamp)>> {
    if path.extension().is_none_or(|end| end != "json") {
        return Ok(None);
    }
    let Some(facts) = file::look(path)?.filter(std::fs::Metadata::is_file) else { return Ok(None) };
    let bytes = std::fs::read(path).at("cannot read", path)?;
    let written = facts.modified().at("cannot look at", path)?;
    let since = written.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // what is no record is somebody else's file
    let built = serde_json::from_slice::<Built>(&bytes).ok();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Ok(built.map(|built| (built, Timestamp { seconds, nanos: since.subsec_nanos() })))
}

fn is_ready(folder: &Path, old: &Old, built: &Built) -> bool {
    let reports = tests(folder, &old.stem).unwrap_or_default();
    reports.iter().filter_map(|path| BootReport::read(path).ok()).any(|report| {
        let of_these =
            built.artifacts.iter().any(|a| a.sha256.is_some() && a.sha256 == report.image_sha256);
        report.verdict == Verdict::Ready && of_these
    })
}

/// The folders of an image's smoke tests.
fn tests(folder: &Path, stem: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).at("cannot list", folder)? {
        let path = entry.at("cannot list", folder)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&format!("{stem}{SMOKE}")) && file::is_folder(&path)? {
            found.push(path);
        }
    }
    Ok(found)
}

/// Removes a build: the record last, so that who is killed meanwhile goes on the next time.
pub fn remove(old: &Old) -> Result<()> {
    let folder = crate::whole::folder_of(&old.record);
    // builds of this customer change what is the newest one under this lock
    let turn = File::open(folder).at("cannot open the folder", folder)?;
    turn.lock().at("cannot lock the folder", folder)?;
    if let Some((built, _)) = record(&old.record)? {
        for artifact in built.artifacts.iter().filter(|a| !a.file.contains('/')) {
            gone(std::fs::remove_file(folder.join(&artifact.file)), &folder.join(&artifact.file))?;
        }
    }
    for test in tests(folder, &old.stem)? {
        gone(std::fs::remove_dir_all(&test), &test)?;
    }
    let release = folder.join(release::FOLDER).join(&old.stem);
    gone(std::fs::remove_dir_all(&release), &release)?;
    gone(std::fs::remove_file(&old.record), &old.record)
}

/// Removes the reports of the oldest nights, but for the newest ones.
pub fn nights(ground: &Ground, past: &Past, keep: usize) -> Result<usize> {
    let old = past.nights.len().saturating_sub(keep);
    for night in &past.nights[..old] {
        let folder = ground.night(&night.name);
        gone(std::fs::remove_dir_all(&folder), &folder)?;
    }
    Ok(old)
}

fn gone(removed: std::io::Result<()>, path: &Path) -> Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.at("cannot remove", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ByteSize;

    fn old(name: &str, days: i64, bytes: u64, needed: bool) -> Old {
        let written = Timestamp::from_seconds(1_000 * DAY - days * DAY);
        Old { record: PathBuf::from(name), stem: name.to_owned(), written, bytes, needed }
    }

    fn names(customers: Vec<Vec<Old>>, keep: &Keep) -> Vec<String> {
        let gone = choose(customers, keep, Timestamp::from_seconds(1_000 * DAY));
        gone.into_iter().map(|old| old.stem).collect()
    }

    #[test]
    fn what_is_needed_stays_however_many_and_old_and_large_it_is() {
        let list = || {
            vec![
                old("a4", 0, 10, true),
                old("a3", 1, 10, false),
                old("a2", 50, 10, true),
                old("a1", 60, 10, false),
            ]
        };
        let keep = |images, days, bytes| Keep { nights: 1, images, days, bytes };
        assert_eq!(names(vec![list()], &keep(9, None, None)), Vec::<String>::new());
        assert_eq!(names(vec![list()], &keep(1, None, None)), ["a3", "a1"]);
        assert_eq!(names(vec![list()], &keep(9, Some(30), None)), ["a1"]);
        assert_eq!(names(vec![list()], &keep(9, None, Some(ByteSize(30)))), ["a1"]);
        assert_eq!(names(vec![list()], &keep(9, None, Some(ByteSize(1)))), ["a1", "a3"]);
    }

    #[test]
    fn bytes_are_counted_over_all_customers_and_the_oldest_go_first() {
        let customers = vec![
            vec![old("a2", 0, 10, true), old("a1", 5, 10, false)],
            vec![old("b2", 0, 10, true), old("b1", 9, 10, false)],
        ];
        let keep = Keep { nights: 1, images: 9, days: None, bytes: Some(ByteSize(30)) };
        assert_eq!(names(customers, &keep), ["b1"]);
    }
}
