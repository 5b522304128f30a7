//! Writing such a file: long runs of packs by the kernel, the rest through a buffer, zeros not at all.
//!
//! The digest is worked out beside the writing, by a thread that reads the same values: what the kernel
//! copies never passes through the writer, and reading the file back would have to wait for its end.

use std::sync::atomic::{AtomicBool, Ordering};

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
    let mut joined = Joined { target, at: 0, buffer: Vec::with_capacity(BUFFER as usize) };
    for (at, slice) in file.slices(disk) {
        if let Some(from) = long_run(slice) {
            joined.flush()?;
            copy_long(from, target, at, progress)?;
            continue;
        }
        for (done, piece) in pieces(slice) {
            joined.put(at + done, piece)?;
            progress.advance(piece.length());
        }
    }
    joined.flush()
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
struct Joined<'a> {
    target: Target<'a>,
    at: u64,
    buffer: Vec<u8>,
}

impl Joined<'_> {
    fn put(&mut self, at: u64, piece: Slice<'_>) -> Result<()> {
        let held = self.buffer.len() as u64;
        if self.at + held != at || held + piece.length() > BUFFER {
            self.flush()?;
            self.at = at;
        }
        piece.append_to(&mut self.buffer)
    }

    fn flush(&mut self) -> Result<()> {
        write_used(self.target, &self.buffer, self.at)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Writes the blocks of `bytes` that are not all zeros, neighbours together.
fn write_used(target: Target<'_>, bytes: &[u8], offset: u64) -> Result<()> {
    let block = BLOCK as usize;
    let mut run = 0..0;
    let lead = (block - offset as usize % block).min(bytes.len());
    let starts = std::iter::once(0).chain((lead..bytes.len()).step_by(block));
    for start in starts {
        let stop = if start == 0 { lead } else { (start + block).min(bytes.len()) };
        if is_zero(&bytes[start..stop]) {
            continue;
        }
        if run.end != start {
            target.write_at(&bytes[run.clone()], offset + run.start as u64)?;
            run.start = start;
        }
        run.end = stop;
    }
    target.write_at(&bytes[run.clone()], offset + run.start as u64)
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
