//! Where nights are written down: a folder each in out/nightly/, with a journal for each shard.
//!
//! ```text
//! out/nightly/2026-11-30/journal.jsonl        what happened
//! out/nightly/2026-11-30/bill-acme.json       what is in that customer's image
//! out/nightly/2026-11-30/report.json          and junit.xml, index.html
//! out/nightly/report.json                     the same of the newest night
//! ```

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::bill::Bill;
use super::job::{Began, Event};
use super::shard::Shard;
use crate::error::{Context as _, Error, Kind, Result};
use crate::file;
use crate::journal;
use crate::lock;
use crate::units::{MIB, Timestamp};
use crate::whole;

/// The folder in out/.
pub const FOLDER: &str = "nightly";
/// Nobody but the user who runs the night: pictures of consoles show what machines say of their settings.
const MODE: u32 = 0o700;
/// A night that was cut off longer ago than this, in seconds, is not gone on with: what it found is old.
const STALE: i64 = 24 * 60 * 60;
/// The largest list of an image's packages that is read, in bytes.
const LARGEST_BILL: u64 = 16 * MIB;
/// How many nights may begin on one day.
const MOST: usize = 10_000;

/// The folder of all nights.
#[derive(Clone, Debug)]
pub struct Ground {
    folder: PathBuf,
}

/// One night as it was written down.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// What each shard wrote.
    pub lanes: Vec<Vec<Event>>,
}

/// All nights that can be read, the oldest first, and what is wrong with the others.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The nights.
    pub nights: Vec<Written>,
    /// Why some cannot be read.
    pub unread: Vec<String>,
}

impl Ground {
    /// The folder of a project whose images go to `out`.
    pub fn of(out: &Path) -> Self {
        Self { folder: out.join(FOLDER) }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The folder of a night.
    pub fn night(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The journal of a night.
    pub fn journal(&self, name: &str, shard: Option<Shard>) -> PathBuf {
        let suffix = shard.map(Shard::suffix).unwrap_or_default();
        self.night(name).join(format!("journal{suffix}.jsonl"))
    }

    /// Makes sure that no other call runs: it is held until the result is dropped. The second one is told who runs, and
    /// ends. That it would wait was rejected: in CI it would hold a machine for hours, to do what is done by then.
    ///
    /// # Errors
    /// [`Kind::Refused`] when another call runs.
    pub fn lock(&self, shard: Option<Shard>) -> Result<File> {
        make(&self.folder)?;
        let suffix = shard.map(Shard::suffix).unwrap_or_default();
        let path = self.folder.join(format!(".lock{suffix}"));
        let file = lock::open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(self.busy(shard).at(&self.folder)),
            Err(TryLockError::Error(e)) => Err(e).at("cannot lock", path),
        }
    }

    fn busy(&self, shard: Option<Shard>) -> Error {
        let newest = self.past().ok().and_then(|past| past.nights.into_iter().next_back());
        let began = newest.and_then(|night| {
            let events = journal::read::<Event>(&self.journal(&night.name, shard)).ok()?;
            Some((night.name, began(&events)?.clone()))
        });
        let who = began.map_or(String::new(), |(name, began)| {
            format!(": process {}, the night {name}, since {}", began.process, began.at)
        });
        Error::new(Kind::Refused, format!("another night runs in this project{who}"))
            .remedy("wait until it has ended, or end it: the next one goes on where it stopped")
    }

    /// Which night a call is: the newest one, if it was cut off today or yesterday, else a new one.
    pub fn choose(&self, past: &Past, now: Timestamp, shard: Option<Shard>) -> Result<String> {
        let day = now.to_string();
        let day = day.split('T').next().unwrap_or_default();
        for night in past.nights.iter().rev() {
            let path = self.journal(&night.name, shard);
            if file::look(&path)?.is_none() {
                continue;
            }
            let events = journal::read::<Event>(&path)?;
            let is_open = !matches!(events.last(), Some(Event::Ended { .. }));
            let fresh = began(&events).is_none_or(|b| now.seconds - b.at.seconds < STALE);
            if is_open && fresh {
                return Ok(night.name.clone());
            }
            break;
        }
        for count in 1..MOST {
            let name = if count == 1 { day.to_owned() } else { format!("{day}-{count}") };
            if file::look(&self.journal(&name, shard))?.is_none() {
                return Ok(name);
            }
        }
        Err(Error::new(Kind::Refused, "too many nights began today").at(&self.folder))
    }

    /// Makes a night's folder.
    pub fn make(&self, name: &str) -> Result<PathBuf> {
        let folder = self.night(name);
        make(&folder)?;
        Ok(folder)
    }

    /// What was written down, the oldest night first.
    pub fn past(&self) -> Result<Past> {
        let mut past = Past::default();
        if !file::is_folder(&self.folder)? {
            return Ok(past);
        }
        for entry in std::fs::read_dir(&self.folder).at("cannot list", &self.folder)? {
            let name = entry.at("cannot list", &self.folder)?.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            if !file::is_folder(&self.night(name))? {
                continue;
            }
            match self.read(name) {
                Ok(night) if night.lanes.iter().any(|lane| !lane.is_empty()) => {
                    past.nights.push(night)
                }
                Ok(_) => {}
                // an old night that somebody damaged must not keep tonight's from its work
                Err(e) => past.unread.push(e.in_one_line()),
            }
        }
        past.nights.sort_by_key(|night| (night.began(), night.name.clone()));
        Ok(past)
    }

    /// What was written down of one night.
    pub fn read(&self, name: &str) -> Result<Written> {
        let folder = self.night(name);
        let mut journals = Vec::new();
        for entry in std::fs::read_dir(&folder).at("cannot list", &folder)? {
            let path = entry.at("cannot list", &folder)?.path();
            let is_journal = path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("journal") && name.ends_with(".jsonl"));
            if is_journal {
                journals.push(path);
            }
        }
        journals.sort();
        let lanes = journals.iter().map(|path| journal::read(path)).collect::<Result<_>>()?;
        Ok(Written { name: name.to_owned(), lanes })
    }

    /// Keeps what is in a customer's image.
    pub fn keep_bill(&self, night: &str, customer: &str, bill: &Bill) -> Result<()> {
        let path = self.bill_path(night, customer);
        let text = serde_json::to_vec(bill)
            .map_err(|e| Error::new(Kind::Input, "cannot write as JSON").at(&path).because(e))?;
        whole::replace(&path, 0o600, &text)
    }

    /// What was in a customer's image in a night; none where that was not found out.
    pub fn bill(&self, night: &str, customer: &str) -> Result<Option<Bill>> {
        let path = self.bill_path(night, customer);
        if file::look(&path)?.is_none() {
            return Ok(None);
        }
        let bytes = file::read(&path, LARGEST_BILL, "cannot read what was in the image")?;
        // what cannot be read any more is compared with nothing: only a report needs it
        Ok(serde_json::from_slice(&bytes).ok())
    }

    fn bill_path(&self, night: &str, customer: &str) -> PathBuf {
        self.night(night).join(format!("bill-{customer}.json"))
    }
}

impl Written {
    /// When it began.
    pub fn began(&self) -> Option<Timestamp> {
        let first = |lane: &Vec<Event>| lane.iter().find_map(call).map(|began| began.at);
        self.lanes.iter().filter_map(first).min()
    }

    /// When it ended; none while a shard has not.
    pub fn ended(&self) -> Option<Timestamp> {
        let end = |lane: &Vec<Event>| match lane.last() {
            Some(Event::Ended { at }) => Some(*at),
            _ => None,
        };
        let ends: Option<Vec<Timestamp>> = self.lanes.iter().map(end).collect();
        ends.and_then(|ends| ends.into_iter().max())
    }
}

fn call(event: &Event) -> Option<&Began> {
    match event {
        Event::Began(began) => Some(began),
        Event::Outcome(_) | Event::Ended { .. } => None,
    }
}

/// The newest call.
fn began(events: &[Event]) -> Option<&Began> {
    events.iter().rev().find_map(call)
}

fn make(folder: &Path) -> Result<()> {
    // out/ itself is for everybody whom the umask lets
    let above = whole::folder_of(folder);
    std::fs::create_dir_all(above).at("cannot make the folder", above)?;
    match std::fs::DirBuilder::new().mode(MODE).create(folder) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists && file::is_folder(folder)? => Ok(()),
        made => made.at("cannot make the folder", folder),
    }
}

#[cfg(test)]
mod tests;
