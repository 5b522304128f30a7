//! One codec's way through the disk: chunks become groups, for the sinks and for the cache.

use std::ops::Range;

use super::super::cache::{Cache, Recording};
use super::super::codec::Chunk;
use super::super::packing::Packing;
use super::super::segment;
use super::super::{Codec, Event, Place, Sink};
use super::Walked;
use super::units::{Planned, Supply, overlap};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// One codec's way.
pub struct Lane {
    codec: Codec,
    /// A whole chunk of zeros, for codecs that hold them.
    zeros: Option<Chunk>,
    packing: Packing,
    recording: Option<Recording>,
}

impl Lane {
    /// At the start of the disk.
    pub fn new(codec: Codec) -> Result<Self> {
        let zeros = vec![0; codec.chunk() as usize];
        let zeros = codec.holds_zeros().then(|| codec.encoder()?.encode(0, &zeros)).transpose()?;
        Ok(Self { codec, zeros, packing: Packing::new(codec), recording: None })
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
        recorder: &mut Recorder<'_>,
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
                    recorder.walked.copied += 1;
                    give(sinks, self.codec, Event::Copy(entry.group()))?;
                }
                continue;
            }
            if starts {
                self.start(group, recorder, sinks)?;
            }
            while let Some((index, chunk)) = chunks.next_if(|(index, _)| *index < here.end) {
                self.chunk(index, &chunk, recorder, sinks)?;
            }
            if here.end == group.chunks.end {
                self.end(recorder, sinks)?;
            }
        }
        Ok(())
    }

    fn start<S: Sink>(
        &mut self,
        group: &Planned,
        recorder: &mut Recorder<'_>,
        sinks: &mut [S],
    ) -> Result<()> {
        self.packing = Packing::new(self.codec);
        self.recording = recorder.begin(self.codec, group);
        give(sinks, self.codec, Event::Start)
    }

    fn chunk<S: Sink>(
        &mut self,
        index: u64,
        chunk: &Chunk,
        recorder: &mut Recorder<'_>,
        sinks: &mut [S],
    ) -> Result<()> {
        let length = chunk.bytes.len() as u64;
        let offset = self.packing.place(chunk.form, length);
        let place = Place { index, form: chunk.form, offset, length, crc: chunk.crc };
        recorder.put(&mut self.recording, place, &chunk.bytes);
        give(sinks, self.codec, Event::Chunk(place, &chunk.bytes))
    }

    fn end<S: Sink>(&mut self, recorder: &mut Recorder<'_>, sinks: &mut [S]) -> Result<()> {
        let length = self.packing.length();
        if let Some(recording) = self.recording.take() {
            recorder.finish(recording, length);
        }
        give(sinks, self.codec, Event::End { length })
    }
}

fn give<S: Sink>(sinks: &mut [S], codec: Codec, event: Event<'_>) -> Result<()> {
    sinks.iter_mut().filter(|sink| sink.codec() == codec).try_for_each(|sink| sink.put(event))
}

/// Writes to the cache as long as that works.
pub struct Recorder<'a> {
    cache: Option<&'a Cache>,
    spare: u64,
    progress: &'a dyn Progress,
    walked: Walked,
}

impl<'a> Recorder<'a> {
    /// May write `spare` bytes.
    pub fn new(cache: Option<&'a Cache>, spare: u64, progress: &'a dyn Progress) -> Self {
        Self { cache, spare, progress, walked: Walked::default() }
    }

    /// What was done so far.
    pub fn walked(&self) -> Walked {
        self.walked
    }

    fn begin(&mut self, codec: Codec, group: &Planned) -> Option<Recording> {
        let (Some(cache), Supply::Shared(key)) = (self.cache, &group.supply) else { return None };
        // at the most: stored as it is, and a table
        let size = (group.chunks.end - group.chunks.start) * (codec.chunk() + codec.chunk() / 64);
        if size > self.spare {
            self.stop("the cache of encoded regions gets no more: the disk is nearly full".into());
            return None;
        }
        match cache.record(codec, *key, &group.chunks) {
            Ok(recording) => Some(recording),
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    fn put(&mut self, recording: &mut Option<Recording>, place: Place, bytes: &[u8]) {
        let Some(open) = recording else { return };
        if let Err(error) = open.put(place, bytes) {
            *recording = None;
            self.fail(&error);
        }
    }

    fn finish(&mut self, recording: Recording, length: u64) {
        match recording.finish(length) {
            Ok(()) => {
                self.walked.recorded += 1;
                self.spare = self.spare.saturating_sub(length);
            }
            Err(error) => self.fail(&error),
        }
    }

    /// The build goes on without: it needs nothing from the cache.
    fn fail(&mut self, error: &Error) {
        let cause = std::error::Error::source(error).map(|e| format!(": {e}")).unwrap_or_default();
        self.stop(format!("the cache of encoded regions gets no more: {error}{cause}"));
    }

    fn stop(&mut self, line: String) {
        if self.cache.take().is_some() {
            self.progress.note(&line);
        }
    }
}
