//! A clock that advances when somebody waits, without any real waiting.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway::blob::{Clock, Patience};

use crate::faults::proxy::Gate;

/// Tells the proxy about each wait, so that it is away for a number of tries, not of milliseconds.
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

/// The longest time that one object may take.
pub const TOTAL: Duration = Duration::from_secs(150);

/// As impatient as a user, on its own clock.
pub fn patience(gate: &Arc<Gate>, seed: u64) -> Patience {
    let clock = Arc::new(Waits { slept: Mutex::default(), gate: gate.clone() });
    Patience { total: TOTAL, seed, clock, ..Patience::default() }
}
