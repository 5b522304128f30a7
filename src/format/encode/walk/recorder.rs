//! Puts groups into the cache while the walk continues: the disk takes an entry, bypassing the page
//! cache, while the next group is encoded. The walk itself would have to wait for that, and through
//! the page cache a processor would copy it first.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender};

use super::super::Codec;
use super::super::assembly::Assembly;
use super::super::cache::{self, Cache};
use crate::error::Error;
use crate::units::Digest;

/// A group to keep.
#[derive(Debug)]
pub struct Record {
    /// The codec that made it.
    pub codec: Codec,
    /// Its key.
    pub key: Digest,
    /// Its chunks.
    pub chunks: Range<u64>,
    /// Its bytes.
    pub group: Assembly,
}

/// The result.
#[derive(Debug, Default)]
pub struct Recorded {
    /// Groups that are in the cache now.
    pub groups: u64,
    /// Why there are no more of them, in words for people.
    pub stopped: Option<String>,
}

/// Works on groups until no more will come, and gives their memory back. The build needs nothing
/// from the cache: once something fails, it continues without.
pub fn run(
    cache: &Cache,
    mut spare: u64,
    records: &Receiver<Record>,
    returned: &Sender<Assembly>,
) -> Recorded {
    let mut recorded = Recorded::default();
    for record in records {
        if recorded.stopped.is_none() {
            match keep(cache, spare, &record) {
                Ok(length) => {
                    recorded.groups += 1;
                    spare -= length;
                }
                Err(reason) => {
                    let line = format!("the cache of encoded regions gets no more: {reason}");
                    recorded.stopped = Some(line);
                }
            }
        }
        // the walk may be over and need no more memory
        let _ = returned.send(record.group);
    }
    recorded
}

/// Writes an entry of at most `spare` bytes; returns its length.
fn keep(cache: &Cache, spare: u64, record: &Record) -> Result<u64, String> {
    let Record { codec, key, chunks, group } = record;
    let length = cache::entry_length(chunks, group.bytes().len() as u64);
    if length > spare {
        return Err("the disk is nearly full".into());
    }
    let written = cache.record(*codec, *key, chunks, group.places(), group.bytes());
    written.map(|()| length).map_err(|error| reason(&error))
}

fn reason(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|e| format!(": {e}")).unwrap_or_default();
    format!("{error}{cause}")
}
