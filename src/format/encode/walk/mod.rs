//! The walk over the disk: hands units to threads, and their chunks to sinks in the order of the disk.

mod lane;
mod units;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::{channel, sync_channel};

use super::cache::Cache;
use super::pool::{self, UNIT};
use super::segment;
use super::{Codec, Sink};
use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;

use lane::{Lane, Recorder};
use units::{AHEAD, Chunks, Planner, Ticket, Units};

/// Bytes of units that may be waiting for a slower neighbour or for the disk that is written to, for all
/// codecs together: a unit takes about its own size in every codec at the most.
const WAITING: u64 = 64 * UNIT;

/// What is encoded, and how.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The cache; without one, everything is encoded.
    pub cache: Option<&'a Cache>,
    /// The bytes that may be written to the cache now.
    pub spare: u64,
    /// How many threads encode.
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

/// Gives every sink the whole disk in its encoding. The disk is read once, and every codec's work done once,
/// however many sinks there are.
pub fn walk<S: Sink>(work: Work<'_>, sinks: &mut [S], progress: &dyn Progress) -> Result<Walked> {
    let mut codecs: Vec<Codec> = sinks.iter().map(Sink::codec).collect();
    codecs.sort();
    codecs.dedup();
    let Some(window) = (WAITING / UNIT).checked_div(codecs.len() as u64) else {
        return Ok(Walked::default()); // nobody listens
    };
    let lanes = codecs.iter().map(|codec| Lane::new(*codec)).collect::<Result<_>>()?;
    let planner = Planner::new(work.disk, &codecs, work.cache)?;
    let (task_sender, task_receiver) = channel();
    let tasks = Mutex::new(task_receiver);
    std::thread::scope(|scope| {
        // in here, so that it goes when the walk ends, and the planner with it
        let (segment_sender, segments) = sync_channel(AHEAD);
        scope.spawn(move || planner.run(&segment_sender));
        for _ in 0..work.threads.clamp(1, window as usize) {
            scope.spawn(|| pool::work(work.disk, &codecs, &tasks));
        }
        let mut units = Units::new(work.disk, &codecs, segments, task_sender);
        let recorder = Recorder::new(work.cache, work.spare, progress);
        let mut walk = Walk { disk: work.disk, lanes, sinks, recorder, progress };
        walk.all(&mut units, window as usize)?;
        Ok(walk.recorder.walked())
    })
}

fn ended() -> Error {
    Error::new(Kind::Io, "a thread that encodes ended early")
}

struct Walk<'a, S> {
    disk: &'a Disk,
    lanes: Vec<Lane>,
    sinks: &'a mut [S],
    recorder: Recorder<'a>,
    progress: &'a dyn Progress,
}

impl<S: Sink> Walk<'_, S> {
    fn all(&mut self, units: &mut Units<'_>, window: usize) -> Result<()> {
        let mut queue = VecDeque::with_capacity(window);
        loop {
            while queue.len() < window {
                let Some(ticket) = units.next()? else { break };
                queue.push_back(ticket);
            }
            let Some(ticket) = queue.pop_front() else { return Ok(()) };
            self.unit(ticket)?;
        }
    }

    fn unit(&mut self, ticket: Ticket) -> Result<()> {
        let Ticket { segment, bytes, chunks } = ticket;
        let chunks = match chunks {
            Chunks::Encoded(reply) => reply.recv().map_err(|_| ended())??,
            Chunks::Zeros => self.lanes.iter().map(|lane| lane.zeros(&bytes)).collect(),
            Chunks::Cached => vec![Vec::new(); self.lanes.len()],
        };
        for ((lane, groups), chunks) in self.lanes.iter_mut().zip(&segment.groups).zip(chunks) {
            lane.unit(groups, &bytes, chunks, &mut self.recorder, self.sinks)?;
        }
        let covered = segment::extents(self.disk, &bytes);
        let covered = covered.map(|e| e.end().min(bytes.end) - e.offset.max(bytes.start));
        self.progress.advance(covered.sum());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
