//! The encoded regions that builds on this machine kept: pieces of an image of the same base lie there, though no older
//! image may be at hand. Each is proven before it is used.

use std::collections::{HashMap, HashSet};

use crate::error::Result;
use crate::format::encode::Outline;
use crate::format::{CUT_EVERY, Cache};
use crate::release::pieces::{Form, List, Piece, Span};
use crate::units::Digest;

/// Where pieces may be in the cache.
#[derive(Debug)]
pub struct Kept {
    entries: Vec<Outline>,
    /// By the length of a stretch: the entry, and where it is in that.
    places: HashMap<u64, Vec<(usize, u64)>>,
}

impl Kept {
    /// Looks where pieces of a list may be: compressed ones hardly ever have the same length by accident, so no byte of the
    /// cache is read for those that are not wanted.
    pub fn look(cache: &Cache, wanted: &List) -> Result<Self> {
        let mut kept = Self { entries: Vec::new(), places: HashMap::new() };
        // the cache has nothing that is not encoded, and a store compresses nothing that is
        if wanted.form != Form::Plain {
            return Ok(kept);
        }
        let whole = wanted.pieces.iter().filter(|piece| piece.at.len() == 1);
        let lengths: HashSet<u64> = whole.map(Piece::length).collect();
        for entry in cache.outlines()? {
            let fit: HashSet<(u64, u64)> =
                entry.stretches(CUT_EVERY).filter(|(_, length)| lengths.contains(length)).collect();
            for (at, length) in &fit {
                kept.places.entry(*length).or_default().push((kept.entries.len(), *at));
            }
            if !fit.is_empty() {
                kept.entries.push(entry);
            }
        }
        Ok(kept)
    }

    /// A piece's bytes, if the cache has them.
    pub fn piece(&self, wanted: &Piece) -> Option<Vec<u8>> {
        let [Span { length, .. }] = wanted.at[..] else { return None };
        self.places.get(&length)?.iter().find_map(|(entry, at)| {
            let bytes = self.entries[*entry].read(*at, length).ok()?;
            (Digest::of(&bytes) == wanted.sha256).then_some(bytes)
        })
    }
}
