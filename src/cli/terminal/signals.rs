//! Signals that tell the process to stop: Ctrl-C, and the end of a job.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::error::{Context as _, Result};

/// The number of the last signal that was heard; 0 while there was none. One for the process, as signals are.
static HEARD: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// The exit code that a shell reports for a program that a signal ended, if one told us to stop.
pub(in crate::cli) fn stopped_by() -> Option<u8> {
    let signal = HEARD.load(Ordering::Relaxed);
    u8::try_from(128 + signal).ok().filter(|_| signal > 0)
}

/// From here on [`stopped_by`] knows of signals, which no longer end the process by themselves.
pub(super) fn listen() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        let number = signal.unsigned_abs() as usize;
        let registered = signal_hook::flag::register_usize(signal, HEARD.clone(), number);
        registered.doing("cannot watch for Ctrl-C")?;
    }
    Ok(())
}

/// Ends the process when the `last` signal comes, after `say` has said what is left. For each signal before it, `say`
/// hears that it is not the last.
pub(super) fn end_at(last: usize, say: impl Fn(bool) + Send + Sync + 'static) -> Result<()> {
    let (count, say) = (Arc::new(AtomicUsize::new(0)), Arc::new(say));
    for signal in [SIGINT, SIGTERM] {
        let (mut heard, told) = UnixStream::pair().doing("cannot watch for Ctrl-C")?;
        let registered = signal_hook::low_level::pipe::register(signal, told);
        registered.doing("cannot watch for Ctrl-C")?;
        let (count, say) = (count.clone(), say.clone());
        let wait = move || {
            while heard.read_exact(&mut [0]).is_ok() {
                let is_last = count.fetch_add(1, Ordering::Relaxed) + 1 >= last;
                say(is_last);
                if is_last {
                    std::process::exit(128 + signal);
                }
            }
        };
        std::thread::Builder::new().spawn(wait).doing("cannot start a thread")?;
    }
    Ok(())
}
