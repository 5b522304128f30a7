//! Reads an image once, and judges every file; those that are archives are then read again, for their members.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use super::distribution::Distribution;
use super::inside::{self, Found, Inside, Limits};
use super::needle::Needles;
use super::scan::{Hit, Scanner, Stream};
use super::{Finding, LeakRule, fix, place};
use crate::error::Result;
use crate::inspect::Image;
use crate::inspect::walk::{ESP, Entry, Visitor, Walk};
use crate::progress::Progress;
use crate::units::{GIB, KIB, MIB};

/// Bytes of a file that its name's rule looks at.
const START: usize = 64 * KIB as usize;
/// Bytes that all archives together are unpacked to.
const UNPACKED: u64 = 16 * GIB;
/// The largest archive on the EFI partition, which is kept in memory.
const ON_ESP: usize = 64 * MIB as usize;

/// Everything that was found, not sorted; and the needles that the distribution has, too.
pub(super) fn search(
    image: &Arc<Image>,
    needles: &Needles,
    progress: &dyn Progress,
) -> Result<(Vec<Finding>, BTreeSet<usize>)> {
    let walk = Walk::open(image, progress)?;
    let scanner = Scanner::new(needles)?;
    let inside = Inside { scanner: &scanner, progress, limits: Limits::default(), left: UNPACKED };
    let mut search = Search {
        distribution: Distribution::read(&walk)?,
        scanner: &scanner,
        walk: &walk,
        findings: Vec::new(),
        common: BTreeSet::new(),
        archives: Vec::new(),
        inside,
        now: Now::default(),
    };
    walk.visit(&mut search, progress)?;
    search.look_inside()?;
    let Search { findings, common, .. } = search;
    let known = |needle: Option<usize>| needle.is_some_and(|needle| common.contains(&needle));
    let findings = findings.into_iter().filter(|(needle, _)| !known(*needle));
    Ok((findings.map(|(_, finding)| finding).collect(), common))
}

struct Search<'a> {
    walk: &'a Walk,
    distribution: Distribution,
    scanner: &'a Scanner<'a>,
    /// With the needle, where one was found.
    findings: Vec<(Option<usize>, Finding)>,
    /// Needles that a file of the distribution has: everybody knows these words.
    common: BTreeSet<usize>,
    /// Files of the root that may have members, in the order of the disk.
    archives: Vec<Archive>,
    inside: Inside<'a>,
    now: Now,
}

/// A file that may have members.
struct Archive {
    index: usize,
    path: String,
    /// What its own bytes hold.
    hits: Vec<Hit>,
}

/// The file that is being read.
#[derive(Default)]
struct Now {
    index: usize,
    path: String,
    start: Vec<u8>,
    tail: Vec<u8>,
    stream: Stream,
    /// All of it, up to a limit, where it is on the EFI partition.
    whole: Vec<u8>,
}

impl Visitor for Search<'_> {
    fn begin(&mut self, index: usize, entry: &Entry) -> bool {
        self.now = Now { index, path: entry.path.clone(), ..Now::default() };
        entry.size != Some(0)
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<()> {
        let now = &mut self.now;
        let room = START.saturating_sub(now.start.len()).min(bytes.len());
        now.start.extend_from_slice(&bytes[..room]);
        now.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(inside::TAIL)..]);
        let old = now.tail.len().saturating_sub(inside::TAIL);
        now.tail.drain(..old);
        if now.path.starts_with(ESP) {
            let room = (ON_ESP + 1).saturating_sub(now.whole.len()).min(bytes.len());
            now.whole.extend_from_slice(&bytes[..room]);
        }
        self.scanner.push(&mut now.stream, bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let mut now = std::mem::take(&mut self.now);
        self.scanner.finish(&mut now.stream);
        self.judge_name(&now);
        let hits = std::mem::take(&mut now.stream.hits);
        let head = &now.start[..now.start.len().min(inside::HEAD)];
        let packed = inside::packed(head, &now.tail);
        if packed && !now.path.starts_with(ESP) {
            self.archives.push(Archive { index: now.index, path: now.path, hits });
            return Ok(());
        }
        if packed && now.whole.len() > ON_ESP {
            let what = "it is a large archive on the EFI partition, so it was not searched";
            let finding = finding(LeakRule::NotSearched, &now.path, what.to_owned());
            self.findings.push((None, finding));
        } else if packed {
            let found = self.inside.search(&mut Cursor::new(now.whole))?;
            self.add_found(&now.path, found);
        }
        if hits.is_empty()
            || self.distribution.lists(&now.path) && self.is_the_distributions(&now.path, &hits)?
        {
            return Ok(());
        }
        self.add(&now.path, hits);
        Ok(())
    }
}

impl Search<'_> {
    /// Archives that nobody's package brought, or that somebody changed.
    fn look_inside(&mut self) -> Result<()> {
        for archive in std::mem::take(&mut self.archives) {
            let Archive { index, path, hits } = archive;
            self.inside.progress.go_on()?;
            if self.distribution.lists(&path) && self.distribution.owns(self.walk, &path)? {
                self.common.extend(hits.iter().filter_map(|hit| hit.needle));
                continue;
            }
            let Some(mut reader) = self.walk.open_file(index)? else { continue };
            let found = self.inside.search(&mut reader)?;
            reader.failure()?;
            // what a member has is told of the member
            let told = |hit: &Hit| found.iter().any(|f| f.rule == hit.rule && f.what == hit.what);
            let hits = hits.into_iter().filter(|hit| !told(hit)).collect();
            self.add(&path, hits);
            self.add_found(&path, found);
        }
        Ok(())
    }

    fn judge_name(&mut self, now: &Now) {
        let Some((rule, needs, what)) = place::of(&now.path) else { return };
        if needs.are_met(&now.start) {
            self.findings.push((None, finding(rule, &now.path, what)));
        }
    }

    /// Whether nobody changed a file that a package brought; its needles are common knowledge then. The file is read
    /// again only where that tells something new.
    fn is_the_distributions(&mut self, path: &str, hits: &[Hit]) -> Result<bool> {
        if hits.iter().all(|hit| hit.needle.is_some_and(|needle| self.common.contains(&needle))) {
            return Ok(true);
        }
        let owned = self.distribution.owns(self.walk, path)?;
        if owned {
            self.common.extend(hits.iter().filter_map(|hit| hit.needle));
        }
        Ok(owned)
    }

    fn add(&mut self, path: &str, hits: Vec<Hit>) {
        for Hit { rule, what, offset, needle } in hits {
            let finding = Finding { offset: Some(offset), ..finding(rule, path, what) };
            self.findings.push((needle, finding));
        }
    }

    fn add_found(&mut self, path: &str, all: Vec<Found>) {
        for Found { rule, what, member, offset, needle } in all {
            let member = Some(member).filter(|member| !member.is_empty());
            let finding = Finding { member, unpacked: true, offset, ..finding(rule, path, what) };
            self.findings.push((needle, finding));
        }
    }
}

fn finding(rule: LeakRule, file: &str, what: String) -> Finding {
    let (file, fix) = (file.to_owned(), fix(rule).to_owned());
    Finding { rule, file, member: None, unpacked: false, offset: None, what, fix }
}
