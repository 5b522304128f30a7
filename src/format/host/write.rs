//! Writing such a file: long runs of packs by the kernel, the rest through a buffer, zeros not at all.
//!
//! The digest is worked out beside the writing, by a thread that reads the same values: what the kernel
//! copies never passes through the writer, and reading the file back would have to wait for its end.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use super::{BLOCK, HostFile, Slice};
use crate::disk::{Data, Disk};
use crate::error::{Context, Error, Kind, Result};
use crate::format::Target;
use crate::format::copy::{Origin, copy};
use crate::format::used::is_zero;
use crate::progress::Progress;
use crate::tree::Content;
use crate::units::{Digest, Hasher, KIB, MIB};

/// Bytes that are joined before they are written, and that are read and hashed at a time.
const BUFFER: u64 = MIB;
/// From this many bytes of a pack on the kernel copies them; fewer are joined with their neighbours, which
/// saves calls.
const LONG: u64 = 64 * KIB;
/// Steps that the reader may be ahead.
const AHEAD: usize = 8;
/// Bytes that the kernel copies at a time, so that there is progress to show.
const STEP: u64 = 32 * MIB;

/// Writes the file; gives the digest of all its bytes, holes included, when it is wanted.
pub fn write(
    file: &HostFile,
    disk: &Disk,
    target: Target<'_>,
    digest: bool,
    progress: &dyn Progress,
) -> Result<Option<Digest>> {
    target.file.set_len(file.length()).at("cannot set the length", target.path)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let hasher = digest.then(|| scope.spawn(|| hash(file, disk, &stop)));
        let written = write_slices(file, disk, target, progress);
        stop.store(written.is_err(), Ordering::Relaxed);
        let ended = |_| Error::new(Kind::Io, "the thread that hashes ended early");
        let digest = hasher.map(|hasher| hasher.join().map_err(ended)?).transpose();
        written.and(digest)
    })
}

fn write_slices(
    file: &HostFile,
    disk: &Disk,
    target: Target<'_>,
    progress: &dyn Progress,
) -> Result<()> {
    let (sender, steps) = sync_channel(AHEAD);
    let (returned, spare) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            Reader { steps: sender, spare, joined: Joined::default() }.run(file, disk)
        });
        for step in steps {
            match step? {
                Step::Copy(from, at) => copy_long(from, target, at, progress)?,
                Step::Write(joined) => {
                    joined.write(target)?;
                    progress.advance(joined.bytes.len() as u64);
                    // the reader may be at its end, and want no more buffers
                    let _ = returned.send(joined.bytes);
                }
            }
        }
        Ok(())
    })
}

/// What is done next.
enum Step<'a> {
    /// The kernel copies this to a place in the file.
    Copy(Origin<'a>, u64),
    /// Bytes that were read are written.
    Write(Joined),
}

/// Reads what the kernel is not to copy, a few buffers ahead of the writing: of thousands of small files half
/// of the time is reading.
struct Reader<'a> {
    steps: SyncSender<Result<Step<'a>>>,
    /// Buffers that were written.
    spare: Receiver<Vec<u8>>,
    joined: Joined,
}

/// The writing has ended with an error: nobody wants more.
struct Unwanted;

impl<'a> Reader<'a> {
    fn run(mut self, file: &'a HostFile, disk: &'a Disk) {
        // what went wrong is told by whoever writes
        let _: std::result::Result<(), Unwanted> = self.all(file, disk);
    }

    fn all(&mut self, file: &'a HostFile, disk: &'a Disk) -> std::result::Result<(), Unwanted> {
        for (at, slice) in file.slices(disk) {
            if let Some(from) = long_run(slice) {
                self.flush()?;
                self.send(Ok(Step::Copy(from, at)))?;
                continue;
            }
            for (done, piece) in pieces(slice) {
                if !self.joined.takes(at + done, piece.length()) {
                    self.flush()?;
                    self.joined.at = at + done;
                }
                if let Err(error) = piece.append_to(&mut self.joined.bytes) {
                    return self.send(Err(error));
                }
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> std::result::Result<(), Unwanted> {
        if self.joined.bytes.is_empty() {
            return Ok(());
        }
        let mut bytes = self.spare.try_recv().unwrap_or_default();
        bytes.clear();
        let mut full = std::mem::replace(&mut self.joined, Joined { bytes, ..Joined::default() });
        full.find_used();
        self.send(Ok(Step::Write(full)))
    }

    fn send(&self, step: Result<Step<'a>>) -> std::result::Result<(), Unwanted> {
        self.steps.send(step).map_err(|_| Unwanted)
    }
}

/// The file that the kernel can copy the slice from, when it is worth it.
fn long_run(slice: Slice<'_>) -> Option<Origin<'_>> {
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

fn copy_long(from: Origin<'_>, target: Target<'_>, at: u64, progress: &dyn Progress) -> Result<()> {
    let mut done = 0;
    while done < from.length {
        let length = (from.length - done).min(STEP);
        copy(Origin { offset: from.offset + done, length, ..from }, target, at + done)?;
        progress.advance(length);
        done += length;
    }
    Ok(())
}

/// The slice in pieces of [`BUFFER`] at most, each with its place in the slice.
fn pieces(slice: Slice<'_>) -> impl Iterator<Item = (u64, Slice<'_>)> {
    let length = slice.length();
    (0..length)
        .step_by(BUFFER as usize)
        .map(move |start| (start, slice.part(start..length.min(start + BUFFER))))
}

impl Slice<'_> {
    /// Appends its bytes.
    fn append_to(self, buffer: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Bytes(bytes) => {
                buffer.extend_from_slice(bytes);
                Ok(())
            }
            Self::Data { data, offset, length } => {
                let start = buffer.len();
                buffer.resize(start + length as usize, 0);
                data.read_at(&mut buffer[start..], offset)
            }
        }
    }
}

/// Neighbouring bytes that are written together.
#[derive(Default)]
struct Joined {
    at: u64,
    bytes: Vec<u8>,
    /// Those of its blocks that are not all zeros, neighbours together.
    used: Vec<Range<usize>>,
}

impl Joined {
    /// Whether bytes at this place follow and find room.
    fn takes(&self, at: u64, length: u64) -> bool {
        let held = self.bytes.len() as u64;
        self.at + held == at && held + length <= BUFFER
    }

    fn find_used(&mut self) {
        let (block, length) = (BLOCK as usize, self.bytes.len());
        let lead = (block - self.at as usize % block).min(length);
        for start in std::iter::once(0).chain((lead..length).step_by(block)) {
            let stop = if start == 0 { lead } else { (start + block).min(length) };
            if is_zero(&self.bytes[start..stop]) {
                continue;
            }
            match self.used.last_mut().filter(|run| run.end == start) {
                Some(run) => run.end = stop,
                None => self.used.push(start..stop),
            }
        }
    }

    fn write(&self, target: Target<'_>) -> Result<()> {
        let mut runs = self.used.iter();
        runs.try_for_each(|run| {
            target.write_at(&self.bytes[run.clone()], self.at + run.start as u64)
        })
    }
}

/// Hashes the whole file as it will be, until `stop` says that it will not.
fn hash(file: &HostFile, disk: &Disk, stop: &AtomicBool) -> Result<Digest> {
    let zeros = vec![0; BUFFER as usize];
    let mut hasher = Hasher::default();
    let hash_zeros = |hasher: &mut Hasher, mut left: u64| {
        while left > 0 && !stop.load(Ordering::Relaxed) {
            let step = left.min(BUFFER);
            hasher.update(&zeros[..step as usize]);
            left -= step;
        }
    };
    let mut buffer = Vec::with_capacity(BUFFER as usize);
    let mut end = 0;
    for (at, slice) in file.slices(disk) {
        hash_zeros(&mut hasher, at - end);
        end = at + slice.length();
        for (_, piece) in pieces(slice).take_while(|_| !stop.load(Ordering::Relaxed)) {
            buffer.clear();
            piece.append_to(&mut buffer)?;
            hasher.update(&buffer);
        }
    }
    hash_zeros(&mut hasher, file.length() - end);
    Ok(hasher.finish())
}
