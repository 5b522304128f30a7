//! Where customers and their jobs stand: what [`Night`](super::Night) answers, and what it decides by.

use super::job::{Job, Outcome};

/// Where a customer stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Something is still to be done.
    Waiting,
    /// It ended at this step.
    Failed(Box<Outcome>),
    /// All is well.
    Good {
        /// Whether the images were there already.
        reused: bool,
        /// Whether nothing at all was done.
        idle: bool,
    },
}

/// Where a chain of steps goes on.
pub(super) enum Stage {
    /// With these.
    Next(Vec<Job>),
    /// Something of it runs, or waits for another customer.
    Wait,
    /// Nowhere: this outcome ended it.
    Failed(usize),
    /// Nowhere: all is done.
    Done,
}

/// What became of a job so far.
pub(super) enum Tried {
    /// It is to be done, for the first time or again.
    Open { attempt: u32 },
    /// It is done.
    Good,
    /// It failed for good, by this outcome.
    Failed(usize),
}

/// Whose smoke test counts for a customer.
pub(super) enum Cover {
    /// Its own.
    Own,
    /// That is not known yet.
    Wait,
    /// Another one's.
    By(String),
}
