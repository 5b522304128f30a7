//! An image as pieces: what a store keeps once however many images hold it, and what need not travel when it is there.
//!
//! Pieces are cut where the build says ([`Artifact::cuts`](crate::build::Artifact)); without that, or between distant
//! cuts, every `STEP` bytes. The cuts are a hint: a piece's name is the digest of its bytes, so wrong cuts cost room and
//! nothing else. `cut` makes the list from a file, `form` is how the bytes of a piece lie in a store.
//!
//! What is tiny (a format's tables, a stretch of the disk that is all but empty) has no object of its own, because the
//! request would cost more than the bytes: such ranges are gathered, so a piece may be several ranges of the file.

mod cut;
mod form;

use serde::{Deserialize, Serialize};

pub use cut::list;
pub use form::Form;

use crate::blob::Key;
use crate::error::{Error, Kind, Result};
use crate::units::{Digest, MIB};

/// The folder of a store that holds all of this.
const FOLDER: &str = "pieces";

/// The key of the list of an image's pieces. It follows from the image alone: whoever has one, by whatever name, finds it.
pub fn list_key(image: Digest) -> Result<Key> {
    Key::new(format!("{FOLDER}/lists/{image}.json"))
}

/// The version of the list that is written; all versions from 1 on can be read.
pub const FORMAT: u32 = 1;
/// The longest list that is read, in bytes: that of an image of some TiB.
pub const LONGEST_LIST: u64 = 64 * MIB;
/// Bytes of a piece where there are no cuts.
const STEP: u64 = 4 * MIB;
/// The largest piece that is read, in bytes. Ours are half as large at most.
const LARGEST: u64 = 16 * MIB;

/// A range of a file: its first byte and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Span {
    /// The first byte.
    pub at: u64,
    /// Bytes.
    pub length: u64,
}

impl From<(u64, u64)> for Span {
    fn from((at, length): (u64, u64)) -> Self {
        Self { at, length }
    }
}

impl From<Span> for (u64, u64) {
    fn from(span: Span) -> Self {
        (span.at, span.length)
    }
}

/// A piece: its bytes are those of its ranges, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its ranges.
    pub at: Vec<Span>,
}

impl Piece {
    /// Bytes.
    pub fn length(&self) -> u64 {
        self.at.iter().map(|span| span.length).sum()
    }
}

/// All of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Version of this format: [`FORMAT`], or what an older program wrote.
    pub format: u32,
    /// The file's length in bytes.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// How the pieces lie in a store.
    pub form: Form,
    /// Where there are only zeros.
    pub zeros: Vec<Span>,
    /// Everything else.
    pub pieces: Vec<Piece>,
}

impl List {
    /// The list's text.
    pub fn text(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|e| Error::new(Kind::Input, "a list of pieces cannot be written").because(e))
    }

    /// Reads a list, and believes nothing in it: the ranges must cover a file of the size that it says, each byte once.
    ///
    /// # Errors
    /// [`Kind::Refused`] for one of a newer format, [`Kind::Damaged`] for one that is no list of a file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let damaged = |e| Error::new(Kind::Damaged, "this is no list of pieces").because(e);
        let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
        if head.format > FORMAT {
            let message = format!(
                "the list of pieces has format {}, this slipway reads {FORMAT}",
                head.format
            );
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        let list: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        list.check()?;
        Ok(list)
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: &str, at| {
            Err(Error::new(Kind::Damaged, format!("the list of pieces {what}")).offset(at))
        };
        for piece in &self.pieces {
            let all = piece.at.iter().try_fold(0u64, |sum, span| sum.checked_add(span.length));
            if !all.is_some_and(|all| (1..=LARGEST).contains(&all)) {
                return wrong(
                    "has a piece of an absurd length",
                    piece.at.first().map_or(0, |span| span.at),
                );
            }
        }
        let mut spans: Vec<Span> =
            self.pieces.iter().flat_map(|piece| &piece.at).chain(&self.zeros).copied().collect();
        spans.sort_unstable();
        let mut end = 0u64;
        for span in spans {
            let next = end.checked_add(span.length).filter(|next| *next <= self.size);
            match next {
                Some(next) if span.at == end && span.length > 0 => end = next,
                _ => return wrong("has a gap, an overlap, or a range behind the file's end", end),
            }
        }
        if end == self.size { Ok(()) } else { wrong("ends before the file does", end) }
    }

    /// Whether it is the list of this file.
    ///
    /// # Errors
    /// [`Kind::Damaged`] when it is another one's.
    pub fn expect(&self, size: u64, sha256: Digest) -> Result<()> {
        if (self.size, self.sha256) == (size, sha256) {
            return Ok(());
        }
        Err(Error::new(Kind::Damaged, "the list of pieces is of another file"))
    }

    /// The key of a piece in a store.
    pub fn key(&self, piece: &Piece) -> Result<Key> {
        let name = piece.sha256.to_string();
        Key::new(format!("{FOLDER}/{}/{name}{}", &name[..2], self.form.suffix()))
    }
}

#[cfg(test)]
mod tests;
