//! An asynchronous body as a reader.

use std::io::Read;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use futures_core::Stream as _;
use futures_core::stream::BoxStream;
use object_store::GetResult;
use tokio::runtime::Runtime;

use super::super::Settings;

/// Bytes that arrive as the reader asks for them.
pub(super) struct Stream {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    runtime: Arc<Mutex<Runtime>>,
    settings: Settings,
    piece: Bytes,
}

impl Stream {
    pub(super) fn new(found: GetResult, runtime: Arc<Mutex<Runtime>>, settings: &Settings) -> Self {
        let settings = settings.clone();
        Self { pieces: found.into_stream(), runtime, settings, piece: Bytes::new() }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
            match runtime.block_on(next(&mut self.pieces)) {
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

pub(super) async fn next<T>(stream: &mut BoxStream<'_, T>) -> Option<T> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
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
