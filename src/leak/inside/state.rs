//! The limits of a search inside one file, and what was found there.

use std::cell::{Cell, RefCell};
use std::io;

use crate::error::{Error, Result};
use crate::leak::scan::{Scanner, Stream};
use crate::leak::{LeakRule, place};
use crate::progress::Progress;
use crate::units::{ByteSize, GIB, MIB};

/// The most places of one kind that are kept of one file's members.
const PLACES: usize = 100;
/// The longest path of a member that is shown, in bytes.
const LONGEST: usize = 4096;

/// How far a file is unpacked.
#[derive(Clone, Debug)]
pub(in crate::leak) struct Limits {
    /// Layers: a jar in a .tar.gz is the third.
    pub depth: usize,
    /// Bytes that all layers of one file have together.
    pub bytes: u64,
    /// Members of one file.
    pub members: u64,
    /// Bytes of zip files in archives, which are kept in memory.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 6, bytes: 4 * GIB, members: 1 << 20, memory: 128 * MIB }
    }
}

/// Something in a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::leak) struct Found {
    pub rule: LeakRule,
    pub what: String,
    /// The member's path, with a `!` behind each archive within; empty where the file has no members.
    pub member: String,
    pub offset: Option<u64>,
    /// Which needle it is.
    pub needle: Option<usize>,
}

/// Why no more is read.
enum Stop {
    Limit,
    Failed(Error),
}

pub(super) struct State<'a> {
    pub scanner: &'a Scanner<'a>,
    pub limits: &'a Limits,
    progress: &'a dyn Progress,
    /// Bytes that may still be kept in memory.
    pub memory: Cell<u64>,
    spent: Cell<u64>,
    members: Cell<u64>,
    /// What all files of the image may still unpack to.
    left: u64,
    stop: RefCell<Option<Stop>>,
    found: RefCell<Vec<Found>>,
}

impl<'a> State<'a> {
    pub fn new(
        scanner: &'a Scanner<'a>,
        progress: &'a dyn Progress,
        limits: &'a Limits,
        left: u64,
    ) -> Self {
        Self {
            scanner,
            limits,
            progress,
            memory: Cell::new(limits.memory),
            spent: Cell::new(0),
            members: Cell::new(0),
            left,
            stop: RefCell::default(),
            found: RefCell::default(),
        }
    }

    /// What was found, and what is left of the bytes of all files.
    pub fn finish(self) -> Result<(Vec<Found>, u64)> {
        match self.stop.into_inner() {
            Some(Stop::Failed(error)) => Err(error),
            Some(Stop::Limit) | None => {
                Ok((self.found.into_inner(), self.left.saturating_sub(self.spent.get())))
            }
        }
    }

    pub fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// An error when no more is to be read; readers between pass it on.
    pub fn check(&self) -> io::Result<()> {
        if self.stop.borrow().is_none()
            && let Err(error) = self.progress.go_on()
        {
            *self.stop.borrow_mut() = Some(Stop::Failed(error));
        }
        match self.stop.borrow().is_some() {
            true => Err(io::Error::other("no more is read")),
            false => Ok(()),
        }
    }

    /// Counts bytes that were unpacked.
    pub fn spend(&self, bytes: u64) -> io::Result<()> {
        let spent = self.spent.get() + bytes;
        self.spent.set(spent);
        if spent > self.limits.bytes {
            self.limit(&format!("it unpacks to more than {}", ByteSize(self.limits.bytes)));
        } else if spent > self.left {
            self.limit("the image's archives unpack to more than is searched");
        }
        self.check()
    }

    /// The path of a member, which is counted.
    pub fn member(&self, path: &str, name: &[u8]) -> io::Result<String> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > self.limits.members {
            self.limit(&format!("it has more than {} members", self.limits.members));
        }
        self.check()?;
        let name = String::from_utf8_lossy(name);
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let mut path = if path.is_empty() { name.to_owned() } else { format!("{path}!{name}") };
        if path.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| path.is_char_boundary(*end));
            path.truncate(end.unwrap_or(0));
        }
        Ok(path)
    }

    fn limit(&self, what: &str) {
        if self.stop.borrow().is_none() {
            self.not_searched("", what);
            *self.stop.borrow_mut() = Some(Stop::Limit);
        }
    }

    /// Keeps what a layer has. What is in one of its members, found since there were `first`, is not told again.
    pub fn keep(&self, stream: Stream, start: &[u8], path: &str, first: usize) {
        for hit in stream.hits {
            let inside = |found: &Found| found.rule == hit.rule && found.what == hit.what;
            if self.found.borrow()[first..].iter().any(inside) {
                continue;
            }
            let (rule, what, needle) = (hit.rule, hit.what, hit.needle);
            self.push(Found {
                rule,
                what,
                member: path.to_owned(),
                offset: Some(hit.offset),
                needle,
            });
        }
        let name = path.rsplit('!').next().unwrap_or_default();
        let Some((rule, needs, what)) = place::of(&format!("/{name}")) else { return };
        if needs.are_met(start) {
            self.push(Found { rule, what, member: path.to_owned(), offset: None, needle: None });
        }
    }

    /// Says that a part of a file was not searched.
    pub fn not_searched(&self, path: &str, why: &str) {
        let what = format!("{why}, so not all of it was searched");
        let (rule, member) = (LeakRule::NotSearched, path.to_owned());
        self.push(Found { rule, what, member, offset: None, needle: None });
    }

    /// A layer that makes no sense. One that nothing came out of only looks like an archive.
    pub fn broken(&self, path: &str, error: &io::Error) {
        let stopped = self.stop.borrow().is_some();
        let told = self.found.borrow().iter().any(|found| found.rule == LeakRule::NotSearched);
        // xz and zstd say so where an archive needs more memory than they may take
        if error.to_string().contains("memory") {
            self.not_searched(path, "it needs too much memory to be unpacked");
        } else if !stopped && !told && self.spent.get() > 0 {
            self.not_searched(path, "it is damaged");
        }
    }

    fn push(&self, found: Found) {
        let mut all = self.found.borrow_mut();
        let same = |other: &&Found| other.rule == found.rule && other.what == found.what;
        if all.iter().filter(same).count() < PLACES && !all.contains(&found) {
            all.push(found);
        }
    }
}
