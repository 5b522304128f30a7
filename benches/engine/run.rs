//! Timing: the best of some runs, each from the same start.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::disk::must;

/// The time for the filesystem to give removed blocks back to the disk, which it does in the
/// background.
const PAUSE: Duration = Duration::from_millis(500);

/// Seconds of the quickest of `rounds` runs. `before` restores the start, and is not counted.
/// Everything that it and earlier runs left to write is on the disk before the clock starts.
pub fn best<T>(rounds: usize, mut before: impl FnMut(), mut work: impl FnMut() -> T) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        before();
        rustix::fs::sync();
        std::thread::sleep(PAUSE);
        let begun = Instant::now();
        work();
        least = least.min(begun.elapsed().as_secs_f64());
    }
    least
}

/// A shell line with arguments `$1`, `$2` …
pub fn shell(line: &str, arguments: &[&Path]) {
    must(Command::new("sh").args(["-euc", line, "sh"]).args(arguments));
}

/// Removes what a run leaves, if it exists.
pub fn remove(path: &Path) {
    if path.is_dir() {
        std::fs::remove_dir_all(path).unwrap();
    } else if path.exists() {
        std::fs::remove_file(path).unwrap();
    }
}
