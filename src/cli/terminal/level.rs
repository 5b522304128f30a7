//! How much is said in this process.

use std::sync::OnceLock;

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Warnings and errors.
    Quiet,
    /// The steps, too.
    Steps,
    /// The steps, what each took, and where the cache is.
    Everything,
}

/// Set once, on the command line: whoever prints anywhere in it follows it.
static LEVEL: OnceLock<Level> = OnceLock::new();

impl Level {
    /// From here on this much is said.
    pub(super) fn set(self) {
        let _ = LEVEL.set(self);
    }

    /// How much is said now.
    pub(super) fn get() -> Self {
        LEVEL.get().copied().unwrap_or(Self::Steps)
    }
}
