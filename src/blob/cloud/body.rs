//! An asynchronous body as a reader.

use std::io::Read;

use bytes::{Buf, Bytes};
use futures_core::stream::BoxStream;
use object_store::GetResult;

use super::super::Settings;
use super::line::Line;
use super::next::next;

/// Bytes that arrive as the reader asks for them.
pub(super) struct Stream {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    line: Line,
    settings: Settings,
    piece: Bytes,
}

impl Stream {
    pub(super) fn new(found: GetResult, line: Line, settings: &Settings) -> Self {
        let settings = settings.clone();
        Self { pieces: found.into_stream(), line, settings, piece: Bytes::new() }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.line.wait(next(&mut self.pieces)) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(e)) => {
                    return Err(std::io::Error::other(self.settings.scrub(&e.to_string())));
                }
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..n]);
        Ok(n)
    }
}

/// More objects are not listed: a listing is for people.
const MOST_LISTED: usize = 200_000;

/// Everything that a listing gives.
pub(super) async fn all<T>(
    mut stream: BoxStream<'_, object_store::Result<T>>,
) -> object_store::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(one) = next(&mut stream).await {
        all.push(one?);
        if all.len() > MOST_LISTED {
            let source = "the listing does not end".into();
            return Err(object_store::Error::Generic { store: "listing", source });
        }
    }
    Ok(all)
}
