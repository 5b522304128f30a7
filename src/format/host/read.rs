//! Prepares a file step by step, a little ahead of the writing.

use std::sync::mpsc::{Receiver, SyncSender};

use super::joined::{BUFFER, Joined};
use super::{HostFile, Slice};
use crate::disk::{Data, Disk};
use crate::error::Result;
use crate::format::copy::Origin;
use crate::tree::Content;
use crate::units::KIB;

/// Runs of a pack from this many bytes on are shared by the kernel; shorter ones are joined with
/// their neighbours, which saves calls.
const LONG: u64 = 64 * KIB;

/// The next step.
pub enum Step<'a> {
    /// The file shares these bytes, from this place on.
    Share(Origin<'a>, u64),
    /// Bytes that were read are to be written.
    Write(Joined),
}

/// Reads the bytes to write, a few buffers ahead of the writing: half of the time is spent reading.
pub struct PartReader<'a> {
    pub steps: SyncSender<Result<Step<'a>>>,
    /// Buffers that were written.
    pub spare: Receiver<Joined>,
    /// Whether the file can share the packs' blocks.
    pub shares: bool,
    pub joined: Joined,
}

/// The writing has ended with an error, and nobody needs more.
struct Unwanted;

impl<'a> PartReader<'a> {
    /// Reads everything; the writer reports what went wrong.
    pub fn run(mut self, file: &'a HostFile, disk: &'a Disk) {
        self.joined.begin(0);
        let _: std::result::Result<(), Unwanted> = self.all(file, disk);
    }

    fn all(&mut self, file: &'a HostFile, disk: &'a Disk) -> std::result::Result<(), Unwanted> {
        for (at, slice) in file.slices(disk) {
            if let Some(from) = long_run(slice).filter(|_| self.shares) {
                self.flush()?;
                self.send(Ok(Step::Share(from, at)))?;
                continue;
            }
            for (done, piece) in pieces(slice) {
                if !self.joined.takes(at + done, piece.length()) {
                    self.flush()?;
                    self.joined.begin(at + done);
                }
                if let Err(error) = self.joined.append(at + done, piece) {
                    return self.send(Err(error));
                }
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> std::result::Result<(), Unwanted> {
        if self.joined.length() == 0 {
            return Ok(());
        }
        let next = self.spare.try_recv().unwrap_or_default();
        let mut full = std::mem::replace(&mut self.joined, next);
        full.find_used();
        self.joined.begin(0);
        self.send(Ok(Step::Write(full)))
    }

    fn send(&self, step: Result<Step<'a>>) -> std::result::Result<(), Unwanted> {
        self.steps.send(step).map_err(|_| Unwanted)
    }
}

/// The file to share the slice with, if that is worth it.
pub fn long_run(slice: Slice<'_>) -> Option<Origin<'_>> {
    match slice {
        Slice::Data {
            data: Data::Content(Content::Packed { pack, offset: start, .. }),
            offset,
            length,
        } if length >= LONG => {
            Some(Origin { file: pack.file(), path: pack.path(), offset: start + offset, length })
        }
        Slice::Bytes(_) | Slice::Data { .. } => None,
    }
}

/// The slice in pieces of at most [`BUFFER`], each with its place in the slice.
pub fn pieces(slice: Slice<'_>) -> impl Iterator<Item = (u64, Slice<'_>)> {
    let length = slice.length();
    (0..length)
        .step_by(BUFFER as usize)
        .map(move |start| (start, slice.part(start..length.min(start + BUFFER))))
}
