//! The walk over the disk: hands units to threads, and their chunks to sinks in the order of the
//! disk.

mod lane;
mod recorder;
mod units;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::{channel, sync_channel};

use super::cache::Cache;
use super::pool::{self, UNIT};
use super::segment;
use super::{Codec, SEGMENT, Sink};
use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::format::threads;
use crate::progress::Progress;
use crate::units::MIB;

use lane::{Lane, ToCache};
use recorder::Recorded;
use units::{AHEAD, Chunks, Planner, Ticket, Units};

/// Bytes of units and groups that may be waiting for a slower neighbour or for the output disk, for
/// all codecs together: a unit takes at most about its own size in every codec.
const WAITING: u64 = 64 * MIB;
/// Units that may be waiting in any case, however many codecs there are.
const FEWEST: u64 = 4;

/// The number of units that may be waiting in addition to the groups: each codec works on one
/// group, and one is being written to the cache.
fn window(codecs: usize) -> usize {
    let codecs = codecs as u64;
    let units = WAITING.saturating_sub((codecs + 1) * SEGMENT) / UNIT / codecs.max(1);
    units.max(FEWEST) as usize
}

/// What to encode, and how.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The cache; without one, everything is encoded.
    pub cache: Option<&'a Cache>,
    /// The bytes that may be written to the cache now.
    pub spare: u64,
    /// The number of threads that encode.
    pub threads: usize,
}

/// What the walk did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Groups that came from the cache.
    pub copied: u64,
    /// Groups that were put into the cache.
    pub recorded: u64,
}

/// Gives every sink the whole disk in its encoding. The disk is read once, and every codec's work
/// is done once, however many sinks there are.
pub fn walk<S: Sink>(work: Work<'_>, sinks: &mut [S], progress: &dyn Progress) -> Result<Walked> {
    let mut codecs: Vec<Codec> = sinks.iter().map(Sink::codec).collect();
    codecs.sort();
    codecs.dedup();
    if codecs.is_empty() {
        return Ok(Walked::default()); // nobody listens
    }
    let window = window(codecs.len());
    let lanes = codecs.iter().map(|codec| Lane::new(*codec)).collect::<Result<_>>()?;
    let planner = Planner::new(work.disk, &codecs, work.cache)?;
    let (task_sender, task_receiver) = channel();
    let tasks = Mutex::new(task_receiver);
    std::thread::scope(|scope| {
        // in this scope, so that it is dropped when the walk ends, which ends the planner
        let (segment_sender, segments) = sync_channel(AHEAD);
        threads::beside(scope, move || planner.run(&segment_sender))?;
        for started in 0..work.threads.clamp(1, window) {
            let worker = || pool::work(work.disk, &codecs, &Codec::encoder, &tasks);
            match threads::beside(scope, worker) {
                Ok(_) => {}
                Err(error) if started == 0 => return Err(error),
                // fewer threads take longer, but do the same
                Err(_) => break,
            }
        }
        // without a buffer: writing one takes less time than encoding the next, and each takes
        // memory
        let (records, recorded) = sync_channel(0);
        let (returning, returned) = channel();
        let recorder = work.cache.map(|cache| {
            let run = move || recorder::run(cache, work.spare, &recorded, &returning);
            threads::beside(scope, run)
        });
        let recorder = recorder.transpose()?;
        let units = Units::new(work.disk, &codecs, segments, task_sender);
        let cache = ToCache::new(records, returned);
        let walk = Walk { disk: work.disk, lanes, sinks, cache, progress };
        let copied = walk.all(units, window)?;
        let recorded = match recorder.map(|thread| thread.join().map_err(|_| ended())) {
            Some(recorded) => recorded?,
            None => Recorded::default(),
        };
        recorded.stopped.iter().for_each(|line| progress.note(line));
        Ok(Walked { copied, recorded: recorded.groups })
    })
}

fn ended() -> Error {
    Error::new(Kind::Io, "a thread that encodes ended early")
}

struct Walk<'a, S> {
    disk: &'a Disk,
    lanes: Vec<Lane>,
    sinks: &'a mut [S],
    cache: ToCache,
    progress: &'a dyn Progress,
}

impl<S: Sink> Walk<'_, S> {
    /// Returns how many groups came from the cache.
    fn all(mut self, mut units: Units<'_>, window: usize) -> Result<u64> {
        let mut queue = VecDeque::with_capacity(window);
        loop {
            while queue.len() < window {
                let Some(ticket) = units.next()? else { break };
                queue.push_back(ticket);
            }
            let Some(ticket) = queue.pop_front() else { return Ok(self.cache.copied) };
            self.unit(ticket)?;
        }
    }

    fn unit(&mut self, ticket: Ticket) -> Result<()> {
        self.progress.go_on()?;
        let Ticket { segment, bytes, chunks } = ticket;
        let chunks: Vec<_> = match chunks {
            Chunks::Encoded(reply) => reply.recv().map_err(|_| ended())??,
            Chunks::Zeros => self.lanes.iter().map(|lane| lane.zeros(&bytes)).collect(),
            Chunks::Cached => vec![Vec::new(); self.lanes.len()],
        };
        // an answer without a codec's chunks would be a hole in its artifact, and in the cache
        if chunks.len() != self.lanes.len() {
            return Err(ended());
        }
        for ((lane, groups), chunks) in self.lanes.iter_mut().zip(&segment.groups).zip(chunks) {
            lane.unit(groups, &bytes, chunks, &mut self.cache, self.sinks)?;
        }
        let covered = segment::extents(self.disk, &bytes);
        let covered = covered.map(|e| e.end().min(bytes.end) - e.offset.max(bytes.start));
        self.progress.advance(covered.sum());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
