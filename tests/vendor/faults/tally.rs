//! Counts how often each result occurred.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use slipway::error::{Error, Kind};

use crate::faults::fault::{Fault, Met};

/// Most of a run is spent waiting for something that does not come.
const THREADS: usize = 8;

#[derive(Default)]
pub struct Tally {
    pub outcomes: BTreeMap<String, u32>,
    pub faults: BTreeMap<Fault, u32>,
}

impl Tally {
    pub fn outcome(&mut self, what: impl Into<String>) {
        *self.outcomes.entry(what.into()).or_default() += 1;
    }

    pub fn met(&mut self, met: &[Met]) {
        for one in met {
            *self.faults.entry(one.fault).or_default() += 1;
        }
    }

    fn add(&mut self, other: Self) {
        for (what, n) in other.outcomes {
            *self.outcomes.entry(what).or_default() += n;
        }
        for (fault, n) in other.faults {
            *self.faults.entry(fault).or_default() += n;
        }
    }

    pub fn show(&self, title: &str) {
        println!("{title}");
        for (what, n) in &self.outcomes {
            println!("  {n:>6} {what}");
        }
        for (fault, n) in &self.faults {
            println!("  {n:>6} requests met {fault:?}");
        }
    }
}

/// Runs every seed on several threads, each with its own stage; reports the seeds that failed.
pub fn all<S>(
    seeds: u64,
    stage: impl Fn() -> S + Sync,
    run: impl Fn(&S, u64, &mut Tally) + Sync,
) -> Tally {
    let only: Option<u64> = std::env::var("SLIPWAY_SEED").ok().map(|seed| seed.parse().unwrap());
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let total = Mutex::new(Tally::default());
    let work = || {
        let (stage, mut tally) = (stage(), Tally::default());
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds {
                break;
            }
            if only.is_some_and(|only| only != seed) {
                continue;
            }
            let once = std::panic::AssertUnwindSafe(|| run(&stage, seed, &mut tally));
            if std::panic::catch_unwind(once).is_err() {
                failed.lock().unwrap().push(seed);
            }
        }
        total.lock().unwrap().add(tally);
    };
    std::thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "SLIPWAY_SEED=N does it again, with N of {failed:?}");
    total.into_inner().unwrap()
}

/// Whether this is a whole test, not a single seed's run.
pub fn whole() -> bool {
    std::env::var_os("SLIPWAY_SEED").is_none()
}

/// Whether an error is helpful: of a kind that a network can cause, and with the name of the store.
pub fn is_clear(error: &Error, store: &str, met: &[Met]) -> bool {
    let missing = error.kind() == Kind::NotFound;
    let kinds = [Kind::Network, Kind::Damaged, Kind::Refused];
    let odd = met.iter().any(|m| m.fault == Fault::CorruptHead);
    error.to_string().contains(store) && (kinds.contains(&error.kind()) || missing && odd)
}
