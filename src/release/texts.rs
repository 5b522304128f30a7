//! The texts of a release in a store: what many customers' releases have in common is there once.
//!
//! The lists of an image's files and components are most of what a second customer would add, and nearly all of their
//! lines are those of the base. So a long text lies there as pieces, like an image; they are cut behind lines that the
//! text itself chooses, so that a line more or less changes the piece around it and no other. A short one lies there as it
//! is: a list and a piece would cost more requests than they spare bytes.

use std::sync::{Mutex, PoisonError};

use super::pieces::Piece;
use super::record::{LARGEST, Part};
use super::{reading, several};
use crate::blob::Store;
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, KIB};

/// The longest text that lies in a store as it is, in bytes.
const SHORT: u64 = 16 * KIB;
/// A piece has at least this many bytes, but for the last one: shorter ones would be gathered with others far away.
const LEAST: usize = 16 * KIB as usize;
/// One line in so many may end a piece. Of a list of files that is 80 KiB.
const LINES: u16 = 512;

/// Whether a file of a release lies in a store as pieces.
pub(super) fn is_long(part: &Part) -> bool {
    part.size > SHORT
}

/// Where a text is cut. Where another text has the same lines, it is cut at the same ones of them.
pub(super) fn cuts(text: &[u8]) -> Vec<u64> {
    let (mut cuts, mut begin, mut end) = (Vec::new(), 0, 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if end - begin >= LEAST && may_end(line) {
            cuts.push(end as u64);
            begin = end;
        }
    }
    cuts
}

fn may_end(line: &[u8]) -> bool {
    let digest = Digest::of(line);
    let [first, second, ..] = *digest.as_bytes();
    u16::from_le_bytes([first, second]) % LINES == 0
}

/// A text that a store has as pieces; none where it has no list of them, as in stores that were filled before there were
/// any of texts.
///
/// # Errors
/// [`Kind::Damaged`] when it is not the one that the record names.
pub(super) fn read(
    store: &dyn Store,
    part: &Part,
    progress: &dyn Progress,
) -> Result<Option<Vec<u8>>> {
    if part.size > LARGEST {
        let message = format!("{} of the release has more than {LARGEST} bytes", part.name);
        return Err(Error::new(Kind::Refused, message));
    }
    let list = match reading::list(store, part.size, part.sha256, progress) {
        Ok((list, _)) => list,
        Err(e) if e.kind() == Kind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let text = Mutex::new(vec![0; part.size as usize]);
    several::each(list.pieces.len(), progress, &|index, progress| {
        let piece = &list.pieces[index];
        let (bytes, _) = reading::piece(store, &list, piece, progress)?;
        place(&mut text.lock().unwrap_or_else(PoisonError::into_inner), piece, &bytes);
        Ok(())
    })?;
    let text = text.into_inner().unwrap_or_else(PoisonError::into_inner);
    match Digest::of(&text) == part.sha256 {
        true => Ok(Some(text)),
        false => Err(Error::new(
            Kind::Damaged,
            format!("the pieces of {} in {} are another text", part.name, store.shown()),
        )
        .remedy("ask whoever publishes it: its list of pieces is wrong")),
    }
}

/// Puts a piece's bytes at its places: the list was checked, so they are within the text.
fn place(text: &mut [u8], piece: &Piece, bytes: &[u8]) {
    let mut rest = bytes;
    for span in &piece.at {
        let (part, after) = rest.split_at(span.length as usize);
        text[span.at as usize..][..part.len()].copy_from_slice(part);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is between the cuts.
    fn pieces(text: &str) -> BTreeSet<&str> {
        let ends = cuts(text.as_bytes()).into_iter().map(|end| end as usize);
        let mut begin = 0;
        let mut pieces = BTreeSet::new();
        for end in ends.chain([text.len()]) {
            pieces.insert(&text[begin..end]);
            begin = end;
        }
        pieces
    }

    #[test]
    fn a_line_more_changes_the_piece_around_it_and_no_other() {
        let line = |n: u32| format!("{{\"path\":\"/usr/share/file-{n}\",\"mode\":\"0644\"}},\n");
        let text: String = (0..20_000).map(line).collect();
        let half = text.match_indices('\n').nth(10_000).unwrap().0 + 1;
        let other = format!("{}{{\"path\":\"/etc/mine\"}},\n{}", &text[..half], &text[half..]);
        let (pieces, others) = (pieces(&text), pieces(&other));
        assert!(pieces.len() > 15, "{}", pieces.len());
        assert!(others.difference(&pieces).count() <= 2);
        assert!(pieces.iter().filter(|piece| piece.len() < LEAST).count() <= 1);
    }

    #[test]
    fn a_text_without_lines_is_one_piece_and_nothing_has_no_cut() {
        assert!(cuts(&[b'x'; 100_000]).is_empty());
        assert!(cuts(b"").is_empty());
    }
}
