//! Time that passes when somebody waits, and that nobody waits for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway::blob::{Clock, Patience};

use crate::faults::proxy::Gate;

/// Tells the proxy of each wait, so that it is away for so many tries and not for so many milliseconds.
#[derive(Debug)]
pub struct Waits {
    slept: Mutex<Duration>,
    gate: Arc<Gate>,
}

impl Clock for Waits {
    fn now(&self) -> Duration {
        *self.slept.lock().unwrap()
    }

    fn sleep(&self, time: Duration) {
        *self.slept.lock().unwrap() += time;
        self.gate.pass();
    }
}

/// The longest that one object may take.
pub const TOTAL: Duration = Duration::from_secs(150);

/// As impatient as a user is, on a clock of its own.
pub fn patience(gate: &Arc<Gate>, seed: u64) -> Patience {
    let clock = Arc::new(Waits { slept: Mutex::default(), gate: gate.clone() });
    Patience { total: TOTAL, seed, clock, ..Patience::default() }
}
