//! What a customer gets beside the disk of an image: descriptions and documents, which are searched as files are.

use std::collections::BTreeSet;

use super::scan::{Scanner, Stream};
use super::{Allowed, Finding, Needles, covers, fix};
use crate::error::Result;

/// What every path of such a text begins with.
pub const RELEASE: &str = "release:/";

/// A search of texts, with what the image's own check found out: the distribution's words are no leak here either.
pub struct Beside<'a> {
    needles: &'a Needles,
    allowed: &'a [Allowed],
    scanner: Scanner<'a>,
    common: BTreeSet<usize>,
}

impl<'a> Beside<'a> {
    pub(super) fn new(
        needles: &'a Needles,
        allowed: &'a [Allowed],
        common: BTreeSet<usize>,
    ) -> Result<Self> {
        Ok(Self { needles, allowed, scanner: Scanner::new(needles)?, common })
    }

    /// Somebody decided to say this in a release, as the address of the place that builds.
    pub fn may_say(&mut self, text: &str) {
        let said = self.needles.all.iter().enumerate().filter(|(_, n)| text.contains(&n.text));
        self.common.extend(said.map(|(index, _)| index));
    }

    /// What must not be in a text; `name` is that of its file.
    pub fn search(&self, name: &str, bytes: &[u8]) -> Vec<Finding> {
        let mut stream = Stream::default();
        self.scanner.push(&mut stream, bytes);
        self.scanner.finish(&mut stream);
        let known = |needle: Option<usize>| needle.is_some_and(|n| self.common.contains(&n));
        let hits = stream.hits.into_iter().filter(|hit| !known(hit.needle));
        let mut findings: Vec<Finding> = hits
            .map(|hit| Finding {
                rule: hit.rule,
                file: format!("{RELEASE}{name}"),
                member: None,
                unpacked: false,
                offset: Some(hit.offset),
                what: hit.what,
                fix: fix(hit.rule).to_owned(),
            })
            .collect();
        findings.retain(|finding| !self.allowed.iter().any(|allowed| covers(allowed, finding)));
        findings.sort();
        findings
    }
}
