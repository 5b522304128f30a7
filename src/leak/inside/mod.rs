//! What is packed in a file: archives in archives, each member searched as a file of its own.
//!
//! The way through: [`Inside::search`] looks at one file; `level` is one layer of bytes, which are searched while they
//! are read; `kind` tells by the first bytes what a layer is; `frames` unpacks gzip, xz and zstd; `cpio` and `zip` find
//! members, and those of tar are found by the reader that `tree` has. `state` knows the limits and keeps what was found.
//!
//! Archives are foreign bytes. Every limit that is reached is a finding of its own, and never silence: what was not
//! searched may hold anything.

mod cpio;
mod frames;
mod kind;
mod level;
mod state;
mod zip;

#[cfg(test)]
mod tests;

use std::io::{self, Cursor, Read, Seek};

pub(super) use kind::{HEAD, TAIL, packed};
pub(super) use state::{Found, Limits};

use frames::Frames;
use kind::Kind;
use level::Level;
use state::State;

use super::scan::Scanner;
use crate::error::Result;
use crate::progress::Progress;
use crate::tree::tar::{Heads, Stream};

/// Searches files of one image.
pub(super) struct Inside<'a> {
    pub scanner: &'a Scanner<'a>,
    pub progress: &'a dyn Progress,
    pub limits: Limits,
    /// Bytes that all files of the image together may still unpack to.
    pub left: u64,
}

impl Inside<'_> {
    /// What the members of a file hold; the file's own bytes are not looked at.
    ///
    /// # Errors
    /// When the search is to end. What cannot be unpacked is a finding.
    pub fn search<R: Read + Seek>(&mut self, from: &mut R) -> Result<Vec<Found>> {
        let state = State::new(self.scanner, self.progress, &self.limits, self.left);
        if let Err(e) = state.file(from) {
            state.broken("", &e);
        }
        let (found, left) = state.finish()?;
        self.left = left;
        Ok(found)
    }
}

impl State<'_> {
    fn file<R: Read + Seek>(&self, from: &mut R) -> io::Result<()> {
        if zip::is_one(from)? {
            return self.zip(from, "", 0);
        }
        from.rewind()?;
        let mut level = Level::outermost(from, self);
        self.segments(&mut level, "", 0)
    }

    /// One layer of bytes to its end; what it holds is searched before it is.
    fn level(&self, from: &mut dyn Read, path: &str, depth: usize) {
        let first = self.count();
        let mut level = Level::new(from, self);
        let done = self.segments(&mut level, path, depth);
        let drained = io::copy(&mut level, &mut io::sink());
        let (stream, start) = level.finish();
        self.keep(stream, &start, path, first);
        for result in [done, drained.map(|_| ())] {
            if let Err(e) = result {
                self.broken(path, &e);
            }
        }
    }

    /// Archives that follow each other, as in an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
    fn segments(&self, level: &mut Level<'_>, path: &str, depth: usize) -> io::Result<()> {
        while let Some(kind) = self.kind(level, path)? {
            let began = level.position();
            if depth == self.limits.depth {
                let what = format!("it is packed more than {depth} times");
                self.not_searched(path, &what);
                break;
            }
            match kind {
                Kind::Gzip | Kind::Xz | Kind::Zstd => {
                    let mut frames = Frames::new(level, kind)?;
                    self.level(&mut frames, path, depth + 1);
                    if frames.failed {
                        break;
                    }
                }
                Kind::Tar => self.tar(level, path, depth)?,
                Kind::Cpio => self.cpio(level, path, depth)?,
                Kind::Zip => return self.packed_zip(level, path, depth),
            }
            self.check()?;
            level.skip_zeros()?;
            if level.position() == began {
                break;
            }
        }
        Ok(())
    }

    /// What follows. A jar that a script before it starts is one by its name alone: only its end would tell.
    fn kind(&self, level: &mut Level<'_>, path: &str) -> io::Result<Option<Kind>> {
        let began = level.position();
        let head = level.peek(HEAD)?;
        let started = began == 0 && head.starts_with(b"#!") && path.ends_with(".jar");
        Ok(Kind::of(head).or_else(|| started.then_some(Kind::Zip)))
    }

    fn tar(&self, level: &mut Level<'_>, path: &str, depth: usize) -> io::Result<()> {
        let mut heads = Heads::new(Stream(level));
        while let Some(head) = heads.next_head().map_err(io::Error::other)? {
            let member = self.member(path, &head.name)?;
            if head.size > 0 {
                self.level(&mut heads, &member, depth + 1);
                self.check()?;
            }
        }
        Ok(())
    }

    fn cpio(&self, level: &mut Level<'_>, path: &str, depth: usize) -> io::Result<()> {
        while let Some(head) = cpio::next(level)? {
            let member = self.member(path, &head.name)?;
            let mut content = level.take(head.size);
            if head.size > 0 {
                self.level(&mut content, &member, depth + 1);
                self.check()?;
            }
            if content.limit() > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            level.exactly(head.padding)?;
        }
        Ok(())
    }

    /// A zip file in another archive: its list of members is at its end, so that all of it is needed at once.
    fn packed_zip(&self, level: &mut Level<'_>, path: &str, depth: usize) -> io::Result<()> {
        let room = self.memory.get();
        let mut bytes = Vec::new();
        level.take(room.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > room {
            self.not_searched(
                path,
                "it is a zip file in another archive, and too large to be unpacked there",
            );
            return Ok(());
        }
        self.memory.set(room - bytes.len() as u64);
        let done = self.zip(&mut Cursor::new(bytes), path, depth);
        self.memory.set(room);
        done
    }

    fn zip<R: Read + Seek>(&self, from: &mut R, path: &str, depth: usize) -> io::Result<()> {
        let list = zip::members(from)?;
        for head in list {
            let member = self.member(path, &head.name)?;
            if head.is_encrypted() {
                self.not_searched(&member, "it is encrypted");
            } else if let Some(mut content) = head.open(from)? {
                self.level(&mut content, &member, depth + 1);
            } else {
                self.not_searched(&member, "it is packed in a way that is not read here");
            }
            self.check()?;
        }
        Ok(())
    }
}
