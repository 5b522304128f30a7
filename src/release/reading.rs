//! What a store has of a file that it keeps as pieces. Nothing is believed: a list must be of this very file, and a piece
//! must have the bytes that its name says.

use super::pieces::{LONGEST_LIST, List, Piece, list_key};
use crate::blob::{self, Key, Store};
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
    let key = list_key(sha256)?;
    let read = |bytes: Vec<u8>| {
        let list = List::parse(&bytes).map_err(|e| wrong(store, &key, e))?;
        list.expect(size, sha256).map_err(|e| wrong(store, &key, e))?;
        Ok((list, bytes.len() as u64))
    };
    blob::read_checked(store, &key, LONGEST_LIST, &read, progress)
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
    let (length, key) = (piece.length(), list.key(piece)?);
    let read = |stored: Vec<u8>| {
        let travelled = stored.len() as u64;
        let unpacked = list.form.unpack(stored, length, piece.sha256);
        Ok((unpacked.map_err(|e| wrong(store, &key, e))?, travelled))
    };
    let most = list.form.most(length);
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

/// The same error with the object that it is about.
fn wrong(store: &dyn Store, key: &Key, error: Error) -> Error {
    let message = format!("{key} of {} is not what it should be", store.shown());
    Error::new(error.kind(), message).because(error)
}
