//! What a store has of a file that it keeps as pieces. Nothing is believed: a list must be of this very file, and a piece
//! must have the bytes that its name says.

use super::pieces::{LONGEST_LIST, List, Piece, list_key};
use crate::blob::{self, Store};
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;
use crate::units::Digest;

/// The list of the pieces of a file with this length and digest, and how many bytes that was.
///
/// # Errors
/// [`Kind::NotFound`] when the store has none.
pub(super) fn list(
    store: &dyn Store,
    size: u64,
    sha256: Digest,
    progress: &dyn Progress,
) -> Result<(List, u64)> {
    let read = |bytes: Vec<u8>| {
        let list = List::parse(&bytes)?;
        list.expect(size, sha256)?;
        Ok((list, bytes.len() as u64))
    };
    blob::read_checked(store, &list_key(sha256)?, LONGEST_LIST, &read, progress)
}

/// A piece, and how many bytes travelled.
///
/// # Errors
/// [`Kind::Damaged`] when it is something else, or is not there.
pub(super) fn piece(
    store: &dyn Store,
    list: &List,
    piece: &Piece,
    progress: &dyn Progress,
) -> Result<(Vec<u8>, u64)> {
    let length = piece.length();
    let read = |stored: Vec<u8>| {
        let travelled = stored.len() as u64;
        Ok((list.form.unpack(stored, length, piece.sha256)?, travelled))
    };
    let (key, most) = (list.key(piece)?, list.form.most(length));
    blob::read_checked(store, &key, most, &read, progress).map_err(|e| match e.kind() {
        Kind::NotFound => {
            let message = format!("{} lacks a piece of what was published", store.shown());
            Error::new(Kind::Damaged, message)
                .remedy("whoever publishes it can put the release there again: only what is missing travels")
                .because(e)
        }
        _ => e,
    })
}
