//! What a long operation says while it runs. The library speaks through [`Progress`]; the command line
//! decides whether that is a bar or plain lines, always on stderr.

/// Hears of steps. Implementations must be cheap: `advance` comes once a buffer.
pub trait Progress: Sync {
    /// A named step begins; `total` is its size in bytes where it is known.
    fn step(&self, name: &str, total: Option<u64>);
    /// `bytes` more of the current step are done.
    fn advance(&self, bytes: u64);
    /// One line that the user should see (a retry, a fall-back).
    fn note(&self, line: &str);
}

/// Says nothing; for tests and library users.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn step(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
}
