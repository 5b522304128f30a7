//! A user who stops long work after a while.

use std::sync::atomic::{AtomicUsize, Ordering};

use slipway::error::{Error, Kind, Result};
use slipway::progress::Progress;

/// Lets work continue this many times, and then ends it.
pub struct Ends {
    after: usize,
    asked: AtomicUsize,
}

impl Ends {
    pub fn after(after: usize) -> Self {
        Self { after, asked: AtomicUsize::new(0) }
    }
}

impl Progress for Ends {
    fn step(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}

    fn go_on(&self) -> Result<()> {
        match self.asked.fetch_add(1, Ordering::Relaxed) < self.after {
            true => Ok(()),
            false => Err(Error::new(Kind::Interrupted, "enough")),
        }
    }
}

/// 0, 1, 2, 4, and then in larger and larger steps.
pub fn moments() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0), |n| Some(n + 1 + n * 2 / 3))
}
