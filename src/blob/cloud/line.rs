//! The lines to a service: as many as there are requests at a time.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};

use super::Service;
use super::watch::Watch;
use crate::error::{Context, Result};

/// What one request needs at a time.
struct Parts {
    service: Box<dyn Service>,
    /// For one thread.
    runtime: Runtime,
    watch: Watch,
}

/// Lines that nobody uses at the moment.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<Arc<Parts>>>>);

impl Lines {
    /// One of them; if there is none, `open` makes a new one's service.
    pub(super) fn take(
        &self,
        open: impl FnOnce(&Watch) -> Result<Box<dyn Service>>,
    ) -> Result<Line> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let parts = match idle {
            Some(parts) => parts,
            None => {
                let runtime = Builder::new_current_thread().enable_all().build();
                let runtime = runtime.doing("cannot prepare the network")?;
                let watch = Watch::default();
                Arc::new(Parts { service: open(&watch)?, runtime, watch })
            }
        };
        Ok(Line { parts, home: self.clone() })
    }
}

/// A line that is in use. Others can have it when it is dropped.
pub(super) struct Line {
    parts: Arc<Parts>,
    home: Lines,
}

impl Line {
    /// Who answers on it.
    pub(super) fn service(&self) -> &dyn Service {
        self.parts.service.as_ref()
    }

    /// What was seen of the last request on it.
    pub(super) fn watch(&self) -> &Watch {
        &self.parts.watch
    }

    /// Sends a request, and waits for its answer.
    pub(super) fn run<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> object_store::Result<T> {
        self.parts.watch.forget();
        self.wait(request)
    }

    /// Waits for more of an answer.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.parts.runtime.block_on(answer)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut idle = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self.parts.clone());
    }
}
