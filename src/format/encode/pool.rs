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

/// What each codec made of a unit, by rising index; chunks that may be left out are.
pub type Encoded = Vec<Vec<(u64, Chunk)>>;

/// A unit to encode.
#[derive(Debug)]
pub struct Task {
    /// Its bytes on the disk, the disk's end being its end at the latest.
    pub bytes: Range<u64>,
    /// Which chunks each codec wants.
    pub wanted: Vec<Vec<Range<u64>>>,
    /// Where the result goes.
    pub reply: SyncSender<Result<Encoded>>,
}

/// Works on tasks until there will be no more.
pub fn work(disk: &Disk, codecs: &[Codec], tasks: &Mutex<Receiver<Task>>) {
    let mut worker: Result<Worker<'_>> = Worker::new(disk, codecs);
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = next else { return };
        let result = match &mut worker {
            Ok(worker) => worker.unit(&task),
            Err(_) => codecs.iter().map(|c| c.encoder().map(|_| Vec::new())).collect(),
        };
        // nobody waits for it any more when an error has ended the walk
        let _ = task.reply.send(result);
    }
}

struct Worker<'a> {
    disk: &'a Disk,
    encoders: Vec<(Codec, Encoder)>,
    input: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(disk: &'a Disk, codecs: &[Codec]) -> Result<Self> {
        let encoders = codecs.iter().map(|codec| Ok((*codec, codec.encoder()?)));
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
                // past the disk's end is what fills up its last chunk, or nothing
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
