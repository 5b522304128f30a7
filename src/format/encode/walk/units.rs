//! The units of the disk in order, with the groups that they belong to.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};

use super::super::Codec;
use super::super::cache::{Cache, Entry, Keys};
use super::super::pool::{Encoded, Task, UNIT};
use super::super::segment::{self, Part};
use super::ended;
use crate::disk::Disk;
use crate::error::Result;
use crate::units::Digest;

/// The number of segments that are looked up in the cache ahead of the walk; their entries are open
/// files.
pub const AHEAD: usize = 2;

/// A segment of the disk and its groups, for each codec.
#[derive(Debug)]
pub struct Segment {
    /// Its bytes on the disk.
    pub bytes: Range<u64>,
    /// The groups, by codec.
    pub groups: Vec<Vec<Planned>>,
}

/// A group, and where its encoded form will come from.
#[derive(Debug)]
pub struct Planned {
    /// Its chunks.
    pub chunks: Range<u64>,
    /// Where they come from.
    pub supply: Supply,
    /// Whether all of their bytes are from packs.
    pub shared: bool,
}

/// Where the encoded form of a group comes from.
#[derive(Debug)]
pub enum Supply {
    /// It is encoded, for this image alone.
    Own,
    /// It is encoded, and other images may need it.
    Shared(Digest),
    /// It was encoded before.
    Cached(Entry),
}

/// Plans the segments of a disk.
#[derive(Debug)]
pub struct Planner<'a> {
    disk: &'a Disk,
    codecs: &'a [Codec],
    cache: Option<(&'a Cache, Vec<Keys>)>,
}

impl<'a> Planner<'a> {
    /// Plans with or without a cache.
    pub fn new(disk: &'a Disk, codecs: &'a [Codec], cache: Option<&'a Cache>) -> Result<Self> {
        let keys = || codecs.iter().map(|codec| Keys::new(*codec)).collect::<Result<_>>();
        let cache = match cache {
            Some(cache) => Some((cache, keys()?)),
            None => None,
        };
        Ok(Self { disk, codecs, cache })
    }

    /// Sends all segments that hold anything for any codec, until nobody receives them.
    pub fn run(&self, segments: &SyncSender<Arc<Segment>>) {
        let whole = self.codecs.iter().any(|codec| codec.holds_zeros());
        for bytes in segment::segments(self.disk) {
            let used = whole || segment::extents(self.disk, &bytes).next().is_some();
            if used && segments.send(Arc::new(self.segment(bytes))).is_err() {
                return;
            }
        }
    }

    fn segment(&self, bytes: Range<u64>) -> Segment {
        let groups = self.codecs.iter().enumerate().map(|(lane, codec)| {
            let parts = segment::parts(self.disk, *codec, &bytes).into_iter();
            parts.map(|part| self.group(lane, *codec, part)).collect()
        });
        Segment { groups: groups.collect(), bytes }
    }

    fn group(&self, lane: usize, codec: Codec, part: Part) -> Planned {
        let shared = !part.sources.is_empty();
        let supply = match &self.cache {
            Some((cache, keys)) if shared => {
                let key = keys[lane].of(&part);
                let found = cache.find(codec, key, &part.chunks);
                found.map_or(Supply::Shared(key), Supply::Cached)
            }
            _ => Supply::Own,
        };
        Planned { chunks: part.chunks, supply, shared }
    }
}

/// A unit whose turn will come.
pub struct Ticket {
    /// The segment that it is in.
    pub segment: Arc<Segment>,
    /// Its bytes on the disk.
    pub bytes: Range<u64>,
    /// Where its chunks arrive.
    pub chunks: Chunks,
}

/// Where a unit's chunks arrive.
pub enum Chunks {
    /// From a thread.
    Encoded(Receiver<Result<Encoded>>),
    /// Nowhere: the unit is all zeros.
    Zeros,
    /// Nowhere: all of them were encoded before.
    Cached,
}

/// The units, given to the threads as they are asked for.
pub struct Units<'a> {
    disk: &'a Disk,
    codecs: &'a [Codec],
    segments: Receiver<Arc<Segment>>,
    tasks: Sender<Task>,
    current: Option<(Arc<Segment>, Range<u64>)>,
}

impl<'a> Units<'a> {
    /// All units of these segments.
    pub fn new(
        disk: &'a Disk,
        codecs: &'a [Codec],
        segments: Receiver<Arc<Segment>>,
        tasks: Sender<Task>,
    ) -> Self {
        Self { disk, codecs, segments, tasks, current: None }
    }

    /// The next unit.
    pub fn next(&mut self) -> Result<Option<Ticket>> {
        let (segment, rest) = match self.current.take().filter(|(_, rest)| !rest.is_empty()) {
            Some(current) => current,
            None => match self.segments.recv() {
                Ok(segment) => (segment.clone(), segment.bytes.clone()),
                Err(_) => return Ok(None),
            },
        };
        let bytes = rest.start..(rest.start + UNIT).min(rest.end);
        self.current = Some((segment.clone(), bytes.end..rest.end));
        let chunks = self.begin(&segment, &bytes)?;
        Ok(Some(Ticket { segment, bytes, chunks }))
    }

    /// Hands a unit to the threads, unless it is known to be zeros. One that is cut short by the
    /// disk's end is not like other units of zeros.
    fn begin(&self, segment: &Segment, bytes: &Range<u64>) -> Result<Chunks> {
        let whole = bytes.end - bytes.start == UNIT;
        if whole && segment::extents(self.disk, bytes).next().is_none() {
            return Ok(Chunks::Zeros);
        }
        let wanted = self.codecs.iter().zip(&segment.groups);
        let wanted: Vec<Vec<_>> = wanted
            .map(|(codec, groups)| {
                let unit = segment::chunks(*codec, bytes);
                let made = groups.iter().filter(|g| !matches!(g.supply, Supply::Cached(_)));
                let made = made.map(|group| overlap(&group.chunks, &unit));
                made.filter(|chunks| !chunks.is_empty()).collect()
            })
            .collect();
        if wanted.iter().all(Vec::is_empty) {
            return Ok(Chunks::Cached);
        }
        let (reply, receiver) = sync_channel(1);
        self.tasks.send(Task { bytes: bytes.clone(), wanted, reply }).map_err(|_| ended())?;
        Ok(Chunks::Encoded(receiver))
    }
}

/// The part that both share.
pub fn overlap(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}
