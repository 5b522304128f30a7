//! What a long operation says while it runs, and whether it is to go on. The library speaks through [`Progress`]; the
//! command line decides whether that is a bar or plain lines, always on stderr.
//!
//! The way back is here too, and not in an argument of its own: whatever takes long has somebody who hears of it, and
//! that is who may have enough of it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

/// Hears of steps. Implementations must be cheap: `advance` and `go_on` come once a buffer, and from any thread.
pub trait Progress: Sync {
    /// A named step begins; `total` is its size in bytes where it is known.
    fn step(&self, name: &str, total: Option<u64>);
    /// `bytes` more of the current step are done.
    fn advance(&self, bytes: u64);
    /// One line that the user should see (a retry, a fall-back).
    fn note(&self, line: &str);
    /// Asked between pieces of the work, which ends when the answer is an error: nothing is left of it then.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] once it is to end.
    fn go_on(&self) -> Result<()> {
        Ok(())
    }
}

/// Says nothing; for tests and library users.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn step(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
}

/// Passes everything on, and lets the work end once `stop` is set: for whoever runs several at a time.
#[derive(Clone, Copy)]
pub struct Stoppable<'a> {
    /// Who hears of it.
    pub progress: &'a dyn Progress,
    /// Set, from whichever thread, when it is to end.
    pub stop: &'a AtomicBool,
}

impl Progress for Stoppable<'_> {
    fn step(&self, name: &str, total: Option<u64>) {
        self.progress.step(name, total);
    }

    fn advance(&self, bytes: u64) {
        self.progress.advance(bytes);
    }

    fn note(&self, line: &str) {
        self.progress.note(line);
    }

    fn go_on(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Interrupted, "it was told to stop"));
        }
        self.progress.go_on()
    }
}
