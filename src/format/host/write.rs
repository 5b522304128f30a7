//! Writes such a file: zeros not at all, and the rest in the fastest way that its filesystem
//! offers.
//!
//! Where files can share blocks, long runs of packs are shared and cost nothing. Elsewhere one
//! thread reads and another writes, bypassing the page cache (see `direct`). `copy_file_range` was
//! rejected there: ext4's goes page by page, and the flush follows it instead of running meanwhile.
//!
//! The digest is computed during the writing, by a thread that reads the same values: shared bytes
//! never pass through the writer, and reading the file back would have to wait for its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel};

use super::HostFile;
use super::joined::{BUFFER, Joined};
use super::read::{PartReader, Step, long_run, pieces};
use crate::disk::Disk;
use crate::error::{Context, Error, Kind, Result};
use crate::format::Target;
use crate::format::copy::{Origin, copy, shares_blocks};
use crate::format::threads;
use crate::progress::Progress;
use crate::units::{Digest, Hasher, MIB};

/// The number of steps that the reader may be ahead.
const AHEAD: usize = 2;
/// Bytes that are shared at a time, so that progress can be shown.
const STEP: u64 = 32 * MIB;

/// Writes the file; returns the digest of all its bytes, holes included, if it is wanted.
pub fn write(
    file: &HostFile,
    disk: &Disk,
    target: Target<'_>,
    digest: bool,
    progress: &dyn Progress,
) -> Result<Option<Digest>> {
    let shares = shares(file, disk, target)?;
    target.file.set_len(file.length()).at("cannot set the length", target.path)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let hasher = digest.then(|| threads::beside(scope, || hash(file, disk, &stop)));
        let hasher = hasher.transpose()?;
        let written = write_slices(file, disk, target, shares, progress);
        stop.store(written.is_err(), Ordering::Relaxed);
        let ended = |_| Error::new(Kind::Io, "the thread that hashes ended early");
        let digest = hasher.map(|hasher| hasher.join().map_err(ended)?).transpose();
        written.and(digest)
    })
}

/// Whether the empty file can share blocks with the pack that most of it comes from.
fn shares(file: &HostFile, disk: &Disk, target: Target<'_>) -> Result<bool> {
    let longest =
        file.slices(disk).filter_map(|(_, slice)| long_run(slice)).max_by_key(|run| run.length);
    longest.map_or(Ok(false), |run| shares_blocks(run, target))
}

fn write_slices(
    file: &HostFile,
    disk: &Disk,
    target: Target<'_>,
    shares: bool,
    progress: &dyn Progress,
) -> Result<()> {
    let (steps, todo) = sync_channel(AHEAD);
    let (returned, spare) = channel();
    std::thread::scope(|scope| {
        threads::beside(scope, move || {
            let reader = PartReader { steps, spare, shares, joined: Joined::default() };
            reader.run(file, disk);
        })?;
        for step in todo {
            progress.go_on()?;
            match step? {
                Step::Share(from, at) => share(from, target, at, progress)?,
                Step::Write(joined) => {
                    joined.write(target)?;
                    progress.advance(joined.added());
                    // the reader may be finished and need no more buffers
                    let _ = returned.send(joined);
                }
            }
        }
        Ok(())
    })
}

fn share(from: Origin<'_>, target: Target<'_>, at: u64, progress: &dyn Progress) -> Result<()> {
    let mut done = 0;
    while done < from.length {
        progress.go_on()?;
        let length = (from.length - done).min(STEP);
        copy(Origin { offset: from.offset + done, length, ..from }, target, at + done)?;
        progress.advance(length);
        done += length;
    }
    Ok(())
}

/// Hashes the whole file as it will be, unless `stop` says that the writing has failed.
fn hash(file: &HostFile, disk: &Disk, stop: &AtomicBool) -> Result<Digest> {
    let zeros = vec![0; MIB as usize];
    let mut hasher = Hasher::default();
    let hash_zeros = |hasher: &mut Hasher, mut left: u64| {
        while left > 0 && !stop.load(Ordering::Relaxed) {
            let step = left.min(MIB);
            hasher.update(&zeros[..step as usize]);
            left -= step;
        }
    };
    let mut buffer = vec![0; BUFFER as usize];
    let mut end = 0;
    for (at, slice) in file.slices(disk) {
        hash_zeros(&mut hasher, at - end);
        end = at + slice.length();
        for (_, piece) in pieces(slice).take_while(|_| !stop.load(Ordering::Relaxed)) {
            let bytes = &mut buffer[..piece.length() as usize];
            piece.read(bytes)?;
            hasher.update(bytes);
        }
    }
    hash_zeros(&mut hasher, file.length() - end);
    Ok(hasher.finish())
}
