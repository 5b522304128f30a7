//! The walk over the disk: hands units to threads, and their chunks to sinks in the order of the disk.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};

use super::codec::Chunk;
use super::packing::Packing;
use super::pool::{self, Encoded, Task, UNIT};
use super::segment::{self, Part};
use super::{Codec, Event, Place, Sink};
use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;

/// Bytes of units that may be waiting for a slower neighbour or for the disk that is written to, for all
/// codecs together: a unit takes about its own size in every codec at the most.
const WAITING: u64 = 64 * UNIT;

/// What is encoded, and how.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// How many threads encode.
    pub threads: usize,
}

/// Gives every sink the whole disk in its encoding. The disk is read once, and every codec's work done once,
/// however many sinks there are.
pub fn walk<S: Sink>(work: Work<'_>, sinks: &mut [S], progress: &dyn Progress) -> Result<()> {
    let mut codecs: Vec<Codec> = sinks.iter().map(Sink::codec).collect();
    codecs.sort();
    codecs.dedup();
    let Some(window) = (WAITING / UNIT).checked_div(codecs.len() as u64) else {
        return Ok(()); // nobody listens
    };
    let lanes = codecs.iter().map(|codec| Lane::new(*codec)).collect::<Result<_>>()?;
    let (sender, receiver) = channel();
    let tasks = Mutex::new(receiver);
    std::thread::scope(|scope| {
        for _ in 0..work.threads.clamp(1, window as usize) {
            scope.spawn(|| pool::work(work.disk, &codecs, &tasks));
        }
        let units = Units::new(work.disk, &codecs, sender);
        let mut walk = Walk { disk: work.disk, lanes, sinks, progress };
        walk.all(units, window as usize)
    })
}

/// A segment of the disk and its groups, for each codec.
#[derive(Debug)]
struct Segment {
    parts: Vec<Vec<Part>>,
}

/// A unit whose turn will come.
struct Ticket {
    segment: Arc<Segment>,
    bytes: Range<u64>,
    /// Where its chunks arrive; none for zeros.
    reply: Option<Receiver<Result<Encoded>>>,
}

/// The units of the disk in order, given to the threads as they are asked for.
struct Units<'a, I> {
    disk: &'a Disk,
    codecs: &'a [Codec],
    segments: I,
    current: Option<(Arc<Segment>, Range<u64>)>,
    tasks: Sender<Task>,
}

impl<'a> Units<'a, ()> {
    fn new(
        disk: &'a Disk,
        codecs: &'a [Codec],
        tasks: Sender<Task>,
    ) -> Units<'a, impl Iterator<Item = (Arc<Segment>, Range<u64>)>> {
        let whole = codecs.iter().any(|codec| codec.holds_zeros());
        let used =
            move |bytes: &Range<u64>| whole || segment::extents(disk, bytes).next().is_some();
        let segments = segment::segments(disk).filter(used).map(move |bytes| {
            let parts = codecs.iter().map(|codec| segment::parts(disk, *codec, &bytes));
            (Arc::new(Segment { parts: parts.collect() }), bytes)
        });
        Units { disk, codecs, segments, current: None, tasks }
    }
}

impl<I: Iterator<Item = (Arc<Segment>, Range<u64>)>> Units<'_, I> {
    fn next(&mut self) -> Result<Option<Ticket>> {
        let (segment, rest) = match self.current.take().filter(|(_, rest)| !rest.is_empty()) {
            Some(current) => current,
            None => match self.segments.next() {
                Some(next) => next,
                None => return Ok(None),
            },
        };
        let bytes = rest.start..(rest.start + UNIT).min(rest.end);
        self.current = Some((segment.clone(), bytes.end..rest.end));
        let reply = self.begin(&segment, &bytes)?;
        Ok(Some(Ticket { segment, bytes, reply }))
    }

    /// Hands a unit to the threads, unless it is known to be zeros; one that the disk's end cuts short is
    /// not like other zeros.
    fn begin(
        &self,
        segment: &Segment,
        bytes: &Range<u64>,
    ) -> Result<Option<Receiver<Result<Encoded>>>> {
        let whole = bytes.end - bytes.start == UNIT;
        if whole && segment::extents(self.disk, bytes).next().is_none() {
            return Ok(None);
        }
        let wanted = self.codecs.iter().zip(&segment.parts);
        let wanted = wanted.map(|(codec, parts)| {
            let unit = segment::chunks(*codec, bytes);
            parts.iter().map(|part| overlap(&part.chunks, &unit)).collect()
        });
        let (reply, receiver) = sync_channel(1);
        let task = Task { bytes: bytes.clone(), wanted: wanted.collect(), reply };
        self.tasks.send(task).map_err(|_| ended())?;
        Ok(Some(receiver))
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}

fn ended() -> Error {
    Error::new(Kind::Io, "a thread that encodes ended early")
}

/// One codec's way through the disk.
struct Lane {
    codec: Codec,
    /// A whole chunk of zeros, for codecs that hold them.
    zeros: Option<Chunk>,
    packing: Packing,
}

impl Lane {
    fn new(codec: Codec) -> Result<Self> {
        let zeros = vec![0; codec.chunk() as usize];
        let zeros = codec.holds_zeros().then(|| codec.encoder()?.encode(0, &zeros)).transpose()?;
        Ok(Self { codec, zeros, packing: Packing::new(codec) })
    }

    /// The chunks of a unit of zeros: of a unit's size, or none.
    fn zeros(&self, bytes: &Range<u64>) -> Vec<(u64, Chunk)> {
        let zeros = self.zeros.iter();
        zeros.map(|chunk| (bytes.start / self.codec.chunk(), chunk.clone())).collect()
    }
}

struct Walk<'a, S> {
    disk: &'a Disk,
    lanes: Vec<Lane>,
    sinks: &'a mut [S],
    progress: &'a dyn Progress,
}

impl<S: Sink> Walk<'_, S> {
    fn all<I>(&mut self, mut units: Units<'_, I>, window: usize) -> Result<()>
    where
        I: Iterator<Item = (Arc<Segment>, Range<u64>)>,
    {
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
        let Ticket { segment, bytes, reply } = ticket;
        let encoded = match reply {
            Some(reply) => reply.recv().map_err(|_| ended())??,
            None => self.lanes.iter().map(|lane| lane.zeros(&bytes)).collect(),
        };
        for ((lane, parts), chunks) in (0..).zip(&segment.parts).zip(encoded) {
            self.lane(lane, parts, &bytes, chunks)?;
        }
        let covered = segment::extents(self.disk, &bytes);
        let covered = covered.map(|e| e.end().min(bytes.end) - e.offset.max(bytes.start));
        self.progress.advance(covered.sum());
        Ok(())
    }

    /// Takes a codec's chunks of a unit through the groups that they belong to.
    fn lane(
        &mut self,
        lane: usize,
        parts: &[Part],
        bytes: &Range<u64>,
        chunks: Vec<(u64, Chunk)>,
    ) -> Result<()> {
        let unit = segment::chunks(self.lanes[lane].codec, bytes);
        let mut chunks = chunks.into_iter().peekable();
        for part in parts {
            let here = overlap(&part.chunks, &unit);
            if here.is_empty() {
                continue;
            }
            if here.start == part.chunks.start {
                self.start(lane)?;
            }
            while let Some((index, chunk)) = chunks.next_if(|(index, _)| *index < here.end) {
                self.chunk(lane, index, &chunk)?;
            }
            if here.end == part.chunks.end {
                self.end(lane)?;
            }
        }
        Ok(())
    }

    fn start(&mut self, lane: usize) -> Result<()> {
        let lane = &mut self.lanes[lane];
        lane.packing = Packing::new(lane.codec);
        give(self.sinks, lane.codec, Event::Start)
    }

    fn chunk(&mut self, lane: usize, index: u64, chunk: &Chunk) -> Result<()> {
        let lane = &mut self.lanes[lane];
        let length = chunk.bytes.len() as u64;
        let offset = lane.packing.place(chunk.form, length);
        let place = Place { index, form: chunk.form, offset, length, crc: chunk.crc };
        give(self.sinks, lane.codec, Event::Chunk(place, &chunk.bytes))
    }

    fn end(&mut self, lane: usize) -> Result<()> {
        let lane = &self.lanes[lane];
        give(self.sinks, lane.codec, Event::End { length: lane.packing.length() })
    }
}

fn give<S: Sink>(sinks: &mut [S], codec: Codec, event: Event<'_>) -> Result<()> {
    sinks.iter_mut().filter(|sink| sink.codec() == codec).try_for_each(|sink| sink.put(event))
}

#[cfg(test)]
mod tests;
