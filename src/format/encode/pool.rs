//! The threads that read the disk and encode it.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};

use super::Codec;
use super::codec::{Chunk, Encoder};
use crate::disk::Disk;
use crate::error::Result;
use crate::format::used::is_zero;
use crate::units::MIB;

/// Bytes that a thread reads at a time, aligned to the disk: a multiple of every codec's chunk.
pub const UNIT: u64 = MIB;

/// Each codec's chunks of a unit, by rising index; chunks that may be left out are left out.
pub type Encoded = Vec<Vec<(u64, Chunk)>>;

/// A unit to encode.
#[derive(Debug)]
pub struct Task {
    /// Its bytes on the disk, which end at the disk's end at the latest.
    pub bytes: Range<u64>,
    /// The chunks that each codec wants.
    pub wanted: Vec<Vec<Range<u64>>>,
    /// Where the result goes.
    pub reply: SyncSender<Result<Encoded>>,
}

/// Works on tasks until no more will come. `make` creates the encoders; if it fails, its error is
/// the answer to the task that needed them, and the next task tries again.
pub fn work(
    disk: &Disk,
    codecs: &[Codec],
    make: &impl Fn(Codec) -> Result<Encoder>,
    tasks: &Mutex<Receiver<Task>>,
) {
    let mut kept = None;
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = next else { return };
        let worker = kept.take().map_or_else(|| Worker::new(disk, codecs, make), Ok);
        let result = worker.and_then(|mut worker| {
            let encoded = worker.unit(&task);
            kept = Some(worker);
            encoded
        });
        // when an error has ended the walk, nobody waits for it any more
        let _ = task.reply.send(result);
    }
}

struct Worker<'a> {
    disk: &'a Disk,
    encoders: Vec<(Codec, Encoder)>,
    input: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(
        disk: &'a Disk,
        codecs: &[Codec],
        make: &impl Fn(Codec) -> Result<Encoder>,
    ) -> Result<Self> {
        let encoders = codecs.iter().map(|codec| Ok((*codec, make(*codec)?)));
        let encoders = encoders.collect::<Result<_>>()?;
        Ok(Self { disk, encoders, input: vec![0; UNIT as usize] })
    }

    fn unit(&mut self, task: &Task) -> Result<Encoded> {
        let length = (task.bytes.end - task.bytes.start) as usize;
        self.disk.read_at(&mut self.input[..length], task.bytes.start)?;
        self.input[length..].fill(0);
        let wanted = self.encoders.iter_mut().zip(&task.wanted);
        wanted
            .map(|((codec, encoder), ranges)| {
                // beyond the disk's end there is padding for its last chunk, or nothing
                let end = if codec.holds_zeros() { length } else { UNIT as usize };
                let unit = &self.input[..end];
                encode(*codec, encoder, task.bytes.start, unit, ranges)
            })
            .collect()
    }
}

fn encode(
    codec: Codec,
    encoder: &mut Encoder,
    start: u64,
    unit: &[u8],
    ranges: &[Range<u64>],
) -> Result<Vec<(u64, Chunk)>> {
    let mut chunks = Vec::new();
    for index in ranges.iter().cloned().flatten() {
        let from = (index * codec.chunk() - start) as usize;
        let to = (from + codec.chunk() as usize).min(unit.len());
        let bytes = &unit[from..to];
        if codec.holds_zeros() || !is_zero(bytes) {
            chunks.push((index, encoder.encode(index, bytes)?));
        }
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc::{channel, sync_channel};

    use super::*;
    use crate::disk::Extent;
    use crate::error::{Error, Kind};

    #[test]
    fn where_encoders_cannot_be_made_once_a_task_has_the_error_and_the_next_one_its_chunks() {
        let disk = Disk::new(2 * UNIT, vec![Extent::bytes(0, vec![7; 2 * UNIT as usize])]).unwrap();
        let codecs = [Codec::Grain, Codec::Qcow2Zstd];
        for failing in 0..4 {
            let made = Cell::new(0);
            let make = |codec: Codec| {
                made.set(made.get() + 1);
                match made.get() - 1 == failing {
                    true => Err(Error::new(Kind::Io, "no memory")),
                    false => codec.encoder(),
                }
            };
            let (tasks, queue) = channel();
            let replies = [0, UNIT].map(|start| {
                let chunks = |codec: &Codec| {
                    std::iter::once(start / codec.chunk()..(start + UNIT) / codec.chunk()).collect()
                };
                let (reply, answer) = sync_channel(1);
                let wanted = codecs.iter().map(chunks).collect();
                tasks.send(Task { bytes: start..start + UNIT, wanted, reply }).unwrap();
                answer
            });
            drop(tasks);
            work(&disk, &codecs, &make, &Mutex::new(queue));
            let answers = replies.map(|answer| answer.recv().unwrap());
            assert_eq!(answers[0].is_err(), failing < 2, "encoder {failing}");
            for encoded in answers.into_iter().flatten() {
                let counts: Vec<_> = encoded.iter().map(Vec::len).collect();
                assert_eq!(counts, codecs.map(|codec| (UNIT / codec.chunk()) as usize));
            }
        }
    }
}
