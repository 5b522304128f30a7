//! Several requests at a time: one alone waits for the network most of the time.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Kind, Result};
use crate::format::threads;
use crate::progress::{Progress, Stoppable};

/// Requests at a time. More would gain little against one store, and each holds a piece in memory.
const AT_A_TIME: usize = 4;

/// Does the work for each of `count` things, several at a time. The first failure lets the others end.
pub(super) fn each(
    count: usize,
    progress: &dyn Progress,
    work: &(dyn Fn(usize, &dyn Progress) -> Result<()> + Sync),
) -> Result<()> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let stoppable = Stoppable { progress, stop: &stop };
    let run = || {
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            if let Err(error) = stoppable.go_on().and_then(|()| work(index, &stoppable)) {
                keep(&failure, error);
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for started in 0..AT_A_TIME.min(count) {
            match threads::beside(scope, run) {
                Ok(_) => {}
                Err(error) if started == 0 => return Err(error),
                // fewer take longer, but do the same
                Err(_) => break,
            }
        }
        Ok(())
    })?;
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Those that were told to stop say so too, but they are not why.
fn keep(failure: &Mutex<Option<Error>>, error: Error) {
    let mut kept = failure.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.as_ref().is_none_or(|first| first.kind() == Kind::Interrupted) {
        *kept = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;

    #[test]
    fn each_is_done_once_and_a_failure_is_told_and_ends_the_others() {
        let done = Mutex::new(Vec::new());
        let note = |index, _: &dyn Progress| {
            done.lock().unwrap().push(index);
            Ok(())
        };
        each(1000, &Quiet, &note).unwrap();
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        assert_eq!(done, (0..1000).collect::<Vec<_>>());

        let fail = |index, progress: &dyn Progress| match index {
            3 => Err(Error::new(Kind::NoSpace, "full")),
            // without the stop, this would never end
            _ => loop {
                progress.go_on()?;
                std::thread::yield_now();
            },
        };
        assert_eq!(each(1000, &Quiet, &fail).unwrap_err().kind(), Kind::NoSpace);
        each(0, &Quiet, &fail).unwrap();
    }
}
