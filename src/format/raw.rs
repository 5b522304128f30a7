//! The disk's bytes as they are, in a sparse file.
//!
//! Every byte must pass through the digest, so it is in memory anyway: `copy_file_range` from the packs would
//! save the lesser half of the copying, and it fills blocks of zeros that otherwise stay holes.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Target;
use crate::disk::Disk;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, Hasher, MIB};

/// Bytes that are read, written and hashed at a time.
const BUFFER: u64 = MIB;
/// Buffers that may wait for the hasher: sometimes it is the slower side, and sometimes the disk is.
const WAITING: usize = 8;
/// File systems allocate in blocks of this many bytes; a block of zeros stays a hole.
const BLOCK: usize = 4096;

/// Every extent in whole blocks: an end and a start in one block are two at the most.
pub fn needed_bytes(disk: &Disk) -> u64 {
    let block = BLOCK as u64;
    let rounded =
        |e: &crate::disk::Extent| e.end().next_multiple_of(block) - e.offset / block * block;
    disk.extents().iter().map(rounded).sum()
}

/// Writes the file and gives the digest of all its bytes, holes included.
pub fn write(disk: &Disk, target: Target<'_>, progress: &dyn Progress) -> Result<Digest> {
    target.file.set_len(disk.size()).at("cannot set the length", target.path)?;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let hasher = scope.spawn(move || hash(receiver));
        copy(disk, target, &sender, progress)?;
        drop(sender);
        hasher.join().map_err(|_| Error::new(Kind::Io, "the thread that hashes ended early"))
    })
}

/// What the hasher is given, in the order of the disk.
enum Piece {
    Bytes(Vec<u8>),
    Zeros(u64),
}

fn hash(pieces: Receiver<Piece>) -> Digest {
    let zeros = vec![0; BUFFER as usize];
    let mut hasher = Hasher::default();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => hasher.update(bytes),
            Piece::Zeros(mut left) => {
                while left > 0 {
                    let n = left.min(BUFFER);
                    hasher.update(&zeros[..n as usize]);
                    left -= n;
                }
            }
        }
    }
    hasher.finish()
}

fn copy(
    disk: &Disk,
    target: Target<'_>,
    hasher: &SyncSender<Piece>,
    progress: &dyn Progress,
) -> Result<()> {
    let send = |piece| {
        let gone = |_| Error::new(Kind::Io, "the thread that hashes ended early");
        hasher.send(piece).map_err(gone)
    };
    let mut end = 0;
    for extent in disk.extents() {
        send(Piece::Zeros(extent.offset - end))?;
        end = extent.end();
        let mut offset = extent.offset;
        while offset < end {
            // pieces end at multiples of the buffer, so that blocks are not cut
            let next = ((offset / BUFFER + 1) * BUFFER).min(end);
            let mut bytes = vec![0; (next - offset) as usize];
            extent.data.read_at(&mut bytes, offset - extent.offset)?;
            write_used(target, &bytes, offset)?;
            progress.advance(bytes.len() as u64);
            send(Piece::Bytes(bytes))?;
            offset = next;
        }
    }
    send(Piece::Zeros(disk.size() - end))
}

/// Writes the blocks of `bytes` that are not all zeros, neighbours together.
fn write_used(target: Target<'_>, bytes: &[u8], offset: u64) -> Result<()> {
    let mut run = 0..0;
    let lead = (BLOCK - offset as usize % BLOCK).min(bytes.len());
    let starts = std::iter::once(0).chain((lead..bytes.len()).step_by(BLOCK));
    for start in starts {
        let stop = if start == 0 { lead } else { (start + BLOCK).min(bytes.len()) };
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

/// Whether all bytes are zero. Words of 16 bytes: the compiler makes vectors of them.
pub fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    rest.iter().all(|b| *b == 0) && words.iter().all(|w| u128::from_ne_bytes(*w) == 0)
}
