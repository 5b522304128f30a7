//! From a file to the list of its pieces, in one pass.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{FORMAT, Form, List, Piece, STEP, Span};
use crate::error::{Context, Result};
use crate::progress::Progress;
use crate::units::{Digest, Hasher, KIB};

/// Shorter ranges are gathered.
const TINY: u64 = 16 * KIB;
/// Zeros at the end of a range are left out when there are at least this many, in bytes: a format may begin what follows at
/// a multiple of its cluster, and most of a small range would be the gap.
const GAP: usize = 4 * KIB as usize;
/// Ranges between cuts are divided when they are longer than this, in bytes.
const LONG: u64 = 2 * STEP;

/// The pieces of a file of `size` bytes. `cuts` may be in any order and lead anywhere.
///
/// # Errors
/// What reading the file gives; it may not become shorter meanwhile.
pub fn list(
    file: &File,
    path: &Path,
    size: u64,
    cuts: &[u64],
    form: Form,
    progress: &dyn Progress,
) -> Result<List> {
    let mut cutter = Cutter::default();
    let mut buffer = vec![0; LONG as usize];
    for span in spans(size, cuts) {
        progress.go_on()?;
        let bytes = &mut buffer[..span.length as usize];
        file.read_exact_at(bytes, span.at).at("cannot read", path)?;
        cutter.add(span, bytes);
        progress.advance(span.length);
    }
    cutter.flush();
    let Cutter { whole, zeros, pieces, .. } = cutter;
    Ok(List { format: FORMAT, size, sha256: whole.finish(), form, zeros, pieces })
}

/// The ranges between the cuts; long ones are divided.
fn spans(size: u64, cuts: &[u64]) -> impl Iterator<Item = Span> {
    let mut ends: Vec<u64> = cuts.iter().copied().filter(|cut| (1..size).contains(cut)).collect();
    ends.push(size);
    ends.sort_unstable();
    ends.dedup();
    let mut at = 0;
    let mut ends = ends.into_iter().peekable();
    std::iter::from_fn(move || {
        let end = *ends.peek().filter(|end| **end > at)?;
        let length = if end - at > LONG { STEP } else { end - at };
        let span = Span { at, length };
        at += length;
        if at == end {
            ends.next();
        }
        Some(span)
    })
}

#[derive(Default)]
struct Cutter {
    whole: Hasher,
    zeros: Vec<Span>,
    pieces: Vec<Piece>,
    /// Tiny ranges that have no piece yet, and their bytes.
    tiny: Vec<Span>,
    gathered: Vec<u8>,
}

impl Cutter {
    fn add(&mut self, span: Span, bytes: &[u8]) {
        self.whole.update(bytes);
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let used = if used > 0 && bytes.len() - used < GAP { bytes.len() } else { used };
        let length = used as u64;
        if used > 0 {
            self.add_used(Span { at: span.at, length }, &bytes[..used]);
        }
        if length < span.length {
            let zeros = Span { at: span.at + length, length: span.length - length };
            extend(&mut self.zeros, zeros);
        }
    }

    fn add_used(&mut self, span: Span, bytes: &[u8]) {
        if span.length >= TINY {
            self.pieces.push(Piece { sha256: Digest::of(bytes), at: vec![span] });
        } else {
            extend(&mut self.tiny, span);
            self.gathered.extend_from_slice(bytes);
            if self.gathered.len() as u64 >= STEP {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        if !self.tiny.is_empty() {
            let sha256 = Digest::of(&self.gathered);
            self.pieces.push(Piece { sha256, at: std::mem::take(&mut self.tiny) });
            self.gathered.clear();
        }
    }
}

/// Neighbours become one range.
fn extend(spans: &mut Vec<Span>, next: Span) {
    match spans.last_mut().filter(|last| last.at + last.length == next.at) {
        Some(last) => last.length += next.length,
        None => spans.push(next),
    }
}
