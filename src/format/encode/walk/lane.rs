//! One codec's path through the disk: chunks become groups, for the sinks and for the cache.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender};

use super::super::assembly::Assembly;
use super::super::codec::Chunk;
use super::super::segment;
use super::super::{Bytes, Codec, Group, Sink};
use super::recorder::Record;
use super::units::{Planned, Supply, overlap};
use crate::error::Result;
use crate::units::Digest;

/// One codec's path.
pub struct Lane {
    codec: Codec,
    /// A whole chunk of zeros, for codecs that hold them.
    zeros: Option<Chunk>,
    assembly: Assembly,
}

impl Lane {
    /// Starts at the beginning of the disk.
    pub fn new(codec: Codec) -> Result<Self> {
        let zeros = vec![0; codec.chunk() as usize];
        let zeros = codec.holds_zeros().then(|| codec.encoder()?.encode(0, &zeros)).transpose()?;
        Ok(Self { codec, zeros, assembly: Assembly::new(codec) })
    }

    /// The chunks of a unit of zeros: one of the unit's size, or none.
    pub fn zeros(&self, bytes: &Range<u64>) -> Vec<(u64, Chunk)> {
        let zeros = self.zeros.iter();
        zeros.map(|chunk| (bytes.start / self.codec.chunk(), chunk.clone())).collect()
    }

    /// Takes a unit's chunks through the groups that they belong to.
    pub fn unit<S: Sink>(
        &mut self,
        groups: &[Planned],
        bytes: &Range<u64>,
        chunks: Vec<(u64, Chunk)>,
        cache: &mut ToCache,
        sinks: &mut [S],
    ) -> Result<()> {
        let unit = segment::chunks(self.codec, bytes);
        let mut chunks = chunks.into_iter().peekable();
        for group in groups {
            let here = overlap(&group.chunks, &unit);
            if here.is_empty() {
                continue;
            }
            let starts = here.start == group.chunks.start;
            if let Supply::Cached(entry) = &group.supply {
                if starts {
                    cache.copied += 1;
                    give(sinks, self.codec, &entry.group())?;
                }
                continue;
            }
            if starts {
                self.assembly.begin(self.codec);
            }
            while let Some((index, chunk)) = chunks.next_if(|(index, _)| *index < here.end) {
                self.assembly.add(index, &chunk);
            }
            if here.end == group.chunks.end {
                self.end(group, cache, sinks)?;
            }
        }
        Ok(())
    }

    fn end<S: Sink>(
        &mut self,
        planned: &Planned,
        cache: &mut ToCache,
        sinks: &mut [S],
    ) -> Result<()> {
        self.assembly.finish();
        let (places, bytes) = (self.assembly.places(), self.assembly.bytes());
        give(
            sinks,
            self.codec,
            &Group { places, bytes: Bytes::Fresh(bytes), shared: planned.shared },
        )?;
        if let Supply::Shared(key) = planned.supply {
            cache.keep(self.codec, key, &planned.chunks, &mut self.assembly);
        }
        Ok(())
    }
}

fn give<S: Sink>(sinks: &mut [S], codec: Codec, group: &Group<'_>) -> Result<()> {
    sinks.iter_mut().filter(|sink| sink.codec() == codec).try_for_each(|sink| sink.put(group))
}

/// The channel to the thread that puts groups into the cache.
pub struct ToCache {
    records: SyncSender<Record>,
    returned: Receiver<Assembly>,
    /// Groups that came from the cache.
    pub copied: u64,
}

impl ToCache {
    /// Sends groups one way, and gets their memory back the other way.
    pub fn new(records: SyncSender<Record>, returned: Receiver<Assembly>) -> Self {
        Self { records, returned, copied: 0 }
    }

    /// Hands a group over, in exchange for memory for the next one.
    fn keep(&self, codec: Codec, key: Digest, chunks: &Range<u64>, group: &mut Assembly) {
        let whole = std::mem::replace(group, Assembly::new(codec));
        // without a cache nobody receives it
        let _ = self.records.send(Record { codec, key, chunks: chunks.clone(), group: whole });
        // by now the previous one is written, and its memory has come back
        if let Ok(spare) = self.returned.try_recv() {
            *group = spare;
        }
    }
}
