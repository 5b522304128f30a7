//! A record of long work that is written while it is done: what was killed goes on behind its last line.
//!
//! The first line says that this is a journal and of which form ([`FORMAT`]); each further one is an event as JSON. An
//! event is on the disk before [`Journal::append`] returns. So no more than the last line can be half there, and that is
//! cut: nobody was told that it happened. A line before it can only be wrong because somebody else changed the file, and
//! guessing what it said would be worse than stopping.
//!
//! What an event is belongs to whoever keeps the journal. A field that a later version adds should have a default, and
//! one that is not known passes; an event of an unknown kind is an error, and is never cut.
//!
//! A database was rejected: people read this with `less`, and programs with a line of Python.

use std::fs::{File, TryLockError};
use std::io::Read;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::lock;
use crate::whole::{flush_folder, folder_of};

/// The form of the file: the number in its first line.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    journal: u32,
}

/// A journal that this process may write to; no other one can until it is dropped.
#[derive(Debug)]
pub struct Journal<E> {
    /// Locked.
    file: File,
    path: PathBuf,
    /// Where the next line begins, in bytes.
    end: u64,
    /// Whether something may lie behind `end`: a line that could not be written to its end.
    torn: bool,
    event: PhantomData<fn(E)>,
}

impl<E: Serialize + DeserializeOwned> Journal<E> {
    /// Opens a journal, or begins one where there is none; gives what it says. A last line that is damaged is cut.
    ///
    /// # Errors
    /// [`Kind::Refused`] when another process writes to it, and when the file is no journal. [`Kind::Damaged`] with the
    /// line's number for any other line that is not an event; the file stays as it is then.
    pub fn open(path: &Path) -> Result<(Self, Vec<E>)> {
        let is_new = file::look(path)?.is_none();
        let file = lock::open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(Kind::Refused, "another process writes to this journal")
                    .at(path)
                    .remedy("wait until it has ended, or end it"));
            }
            Err(TryLockError::Error(e)) => return Err(e).at("cannot lock", path),
        }
        if is_new {
            flush_folder(folder_of(path))?;
        }
        let Found { events, end } = parse(&bytes(&file, path)?, path)?;
        let event = PhantomData;
        let mut journal = Self { file, path: path.to_owned(), end, torn: true, event };
        if end == 0 {
            journal.line(&Head { journal: FORMAT })?;
        }
        Ok((journal, events))
    }

    /// Says that something happened. It is on the disk when this returns.
    ///
    /// # Errors
    /// A full disk, and whatever else keeps it from being there: then it was not said, and can be said again.
    pub fn append(&mut self, event: &E) -> Result<()> {
        self.line(event)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).map_err(|e| {
            Error::new(Kind::Input, "cannot write as JSON").at(&self.path).because(e)
        })?;
        line.push(b'\n');
        if self.torn {
            self.file.set_len(self.end).at("cannot cut", &self.path)?;
        }
        self.torn = true;
        self.file.write_all_at(&line, self.end).at("cannot write", &self.path)?;
        self.file.sync_data().at("cannot flush", &self.path)?;
        self.torn = false;
        self.end += line.len() as u64;
        Ok(())
    }
}

impl<E> Drop for Journal<E> {
    /// Closing the file would do, but for a program that this process is just about to start: until it runs, it holds
    /// the file, too.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// What a journal says up to now, whoever writes to it; nothing is changed.
///
/// # Errors
/// As for [`Journal::open`], but for the other process; [`Kind::NotFound`] when there is none.
pub fn read<E: DeserializeOwned>(path: &Path) -> Result<Vec<E>> {
    let file = file::open(path).at("cannot read the journal", path)?;
    parse(&bytes(&file, path)?, path).map(|found| found.events)
}

fn bytes(mut file: &File, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).at("cannot read the journal", path)?;
    Ok(bytes)
}

/// What is whole in a journal.
struct Found<E> {
    events: Vec<E>,
    /// Where it ends, in bytes; 0 when not even its first line is.
    end: u64,
}

fn parse<E: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<Found<E>> {
    let mut found = Found { events: Vec::new(), end: 0 };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((i, line)) = lines.next() {
        let is_last = lines.peek().is_none();
        let at = found.end;
        let wrong = |kind, what| {
            let message = format!("line {} of the journal {what}", i + 1);
            Error::new(kind, message).at(path).offset(at)
        };
        match line.strip_suffix(b"\n") {
            Some(text) if i == 0 => head(text, path)?,
            // a beginning of the first line may be all that there was time for
            None if i == 0 => return start(line, path).map(|()| found),
            Some(text) => match serde_json::from_slice(text) {
                Ok(event) => found.events.push(event),
                Err(e) if serde_json::from_slice::<IgnoredAny>(text).is_ok() => {
                    return Err(wrong(Kind::Refused, "is not understood")
                        .remedy("go on with the version of slipway that wrote it")
                        .because(e));
                }
                Err(_) if is_last => return Ok(found),
                Err(e) => return Err(wrong(Kind::Damaged, "is damaged").because(e)),
            },
            None => return Ok(found),
        }
        found.end += line.len() as u64;
    }
    Ok(found)
}

/// Refuses what is no journal: its last line must never be cut.
fn head(text: &[u8], path: &Path) -> Result<()> {
    match serde_json::from_slice::<Head>(text) {
        Ok(Head { journal: FORMAT }) => Ok(()),
        Ok(Head { journal }) => {
            let message = format!("this journal has format {journal}, not {FORMAT}");
            Err(Error::new(Kind::Refused, message)
                .at(path)
                .remedy("go on with the version of slipway that wrote it"))
        }
        Err(e) => Err(no_journal(path).because(e)),
    }
}

fn start(text: &[u8], path: &Path) -> Result<()> {
    let head = serde_json::to_vec(&Head { journal: FORMAT });
    let head = head.map_err(|e| no_journal(path).because(e))?;
    // a file that got its length and not its bytes before the power went
    let nothing = text.iter().all(|byte| *byte == 0);
    if head.starts_with(text) || nothing { Ok(()) } else { Err(no_journal(path)) }
}

fn no_journal(path: &Path) -> Error {
    Error::new(Kind::Refused, "this is no journal: its first line does not say so").at(path)
}

#[cfg(test)]
mod tests;
