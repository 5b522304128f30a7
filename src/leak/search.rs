//! Reads an image once, and judges every file.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use flate2::write::MultiGzDecoder;

use super::distribution::Distribution;
use super::needle::Needles;
use super::scan::{Hit, Scanner, Stream};
use super::{Finding, LeakRule, fix, place};
use crate::error::Result;
use crate::inspect::Image;
use crate::inspect::walk::{Entry, Visitor, Walk};
use crate::progress::Progress;
use crate::units::{GIB, KIB};

/// Bytes of a file that its name's rule looks at.
const START: usize = 64 * KIB as usize;
/// How a gzip file begins (RFC 1952, 2.3.1).
const GZIP: [u8; 3] = [0x1F, 0x8B, 8];
/// Bytes that all compressed files together are unpacked to.
const UNPACKED: u64 = 8 * GIB;

/// Everything that was found, not sorted.
pub(super) fn search(
    image: &Arc<Image>,
    needles: &Needles,
    progress: &dyn Progress,
) -> Result<Vec<Finding>> {
    let walk = Walk::open(image, progress)?;
    let mut search = Search {
        distribution: Distribution::read(&walk)?,
        scanner: Scanner::new(needles)?,
        walk: &walk,
        progress,
        findings: Vec::new(),
        common: BTreeSet::new(),
        left: UNPACKED,
        now: Now::default(),
    };
    walk.visit(&mut search, progress)?;
    let Search { findings, common, .. } = search;
    let known = |needle: Option<usize>| needle.is_some_and(|needle| common.contains(&needle));
    Ok(findings
        .into_iter()
        .filter(|(needle, _)| !known(*needle))
        .map(|(_, finding)| finding)
        .collect())
}

struct Search<'a> {
    walk: &'a Walk,
    distribution: Distribution,
    scanner: Scanner<'a>,
    progress: &'a dyn Progress,
    /// With the needle, where one was found.
    findings: Vec<(Option<usize>, Finding)>,
    /// Needles that a file of the distribution has: everybody knows these words.
    common: BTreeSet<usize>,
    /// Bytes that may still be unpacked.
    left: u64,
    now: Now,
}

/// The file that is being read.
#[derive(Default)]
struct Now {
    path: String,
    start: Vec<u8>,
    stream: Stream,
    unpacker: Option<MultiGzDecoder<Vec<u8>>>,
    unpacked: Stream,
}

impl Visitor for Search<'_> {
    fn begin(&mut self, _: usize, entry: &Entry) -> bool {
        self.now = Now { path: entry.path.clone(), ..Now::default() };
        entry.size != Some(0)
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<()> {
        let now = &mut self.now;
        if now.start.is_empty() && bytes.starts_with(&GZIP) && !self.distribution.lists(&now.path) {
            now.unpacker = Some(MultiGzDecoder::new(Vec::new()));
        }
        let room = START.saturating_sub(now.start.len()).min(bytes.len());
        now.start.extend_from_slice(&bytes[..room]);
        self.scanner.push(&mut now.stream, bytes);
        self.unpack(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let mut now = std::mem::take(&mut self.now);
        self.scanner.finish(&mut now.stream);
        if let Some(unpacker) = &mut now.unpacker {
            // one that is cut off has given what it has
            let _ = unpacker.try_finish();
            let rest = std::mem::take(unpacker.get_mut());
            self.scanner.push(&mut now.unpacked, &rest);
        }
        self.scanner.finish(&mut now.unpacked);
        self.judge_name(&now);
        if now.stream.hits.is_empty() && now.unpacked.hits.is_empty() {
            return Ok(());
        }
        if self.distribution.lists(&now.path) && self.is_the_distributions(&now)? {
            return Ok(());
        }
        self.add(&now.path, false, now.stream.hits);
        self.add(&now.path, true, now.unpacked.hits);
        Ok(())
    }
}

impl Search<'_> {
    /// What a compressed file holds. A file that only looks like one ends where it makes no sense.
    fn unpack(&mut self, bytes: &[u8]) {
        /// Bytes at a time: a few may unpack to a thousand times as many.
        const STEP: usize = 16 * KIB as usize;
        let now = &mut self.now;
        let Some(unpacker) = &mut now.unpacker else { return };
        for part in bytes.chunks(STEP) {
            let went_on = unpacker.write_all(part).is_ok();
            let out = std::mem::take(unpacker.get_mut());
            self.left = self.left.saturating_sub(out.len() as u64);
            self.scanner.push(&mut now.unpacked, &out);
            if self.left == 0 {
                self.progress.note(&format!("{} unpacks to more than is searched", now.path));
            }
            if !went_on || self.left == 0 {
                now.unpacker = None;
                return;
            }
        }
    }

    fn judge_name(&mut self, now: &Now) {
        let Some((rule, needs, what)) = place::of(&now.path) else { return };
        if needs.are_met(&now.start) {
            let finding = finding(rule, &now.path, false, None, what);
            self.findings.push((None, finding));
        }
    }

    /// Whether nobody changed a file that a package brought; its needles are common knowledge then. The file is read
    /// again only where that tells something new.
    fn is_the_distributions(&mut self, now: &Now) -> Result<bool> {
        let hits = || now.stream.hits.iter().chain(&now.unpacked.hits);
        if hits().all(|hit| hit.needle.is_some_and(|needle| self.common.contains(&needle))) {
            return Ok(true);
        }
        let owned = self.distribution.owns(self.walk, &now.path)?;
        if owned {
            self.common.extend(hits().filter_map(|hit| hit.needle));
        }
        Ok(owned)
    }

    fn add(&mut self, path: &str, unpacked: bool, hits: Vec<Hit>) {
        for Hit { rule, what, offset, needle } in hits {
            self.findings.push((needle, finding(rule, path, unpacked, Some(offset), what)));
        }
    }
}

fn finding(
    rule: LeakRule,
    file: &str,
    unpacked: bool,
    offset: Option<u64>,
    what: String,
) -> Finding {
    Finding { rule, file: file.to_owned(), unpacked, offset, what, fix: fix(rule).to_owned() }
}
