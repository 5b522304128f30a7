//! The next of what comes.

use std::pin::Pin;

use futures_core::Stream as _;
use futures_core::stream::BoxStream;

/// Waits for it; none at the end.
pub(super) async fn next<T>(stream: &mut BoxStream<'_, T>) -> Option<T> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}
