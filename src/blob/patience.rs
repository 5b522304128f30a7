//! How patiently a store is asked: what may be retried, how long to wait before that, and when to
//! give up.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::progress::Progress;

/// The clock that waiting needs. Tests have their own, on which no time is lost.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Time since some moment in the past; it never goes back.
    fn now(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration);
    /// Waits, or ends early with the error that `go_on` returns meanwhile.
    fn wait(&self, time: Duration, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        go_on()?;
        self.sleep(time);
        go_on()
    }
}

/// How often a wait checks whether to continue.
const LOOK: Duration = Duration::from_millis(100);

/// The machine's own clock.
#[derive(Debug)]
struct Machine(Instant);

impl Clock for Machine {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn wait(&self, time: Duration, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        let end = self.now() + time;
        loop {
            go_on()?;
            match end.saturating_sub(self.now()) {
                Duration::ZERO => return Ok(()),
                left => self.sleep(left.min(LOOK)),
            }
        }
    }
}

/// How often and how patiently to try again.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The number of tries in a row that bring nothing; at least one is made.
    pub attempts: u32,
    /// The longest wait before the second try. It doubles with each further try.
    pub first_wait: Duration,
    /// No wait is longer, whatever a server asks for.
    pub longest_wait: Duration,
    /// The time for one object with all its tries; an object that takes longer is given up.
    pub total: Duration,
    /// The seed of the waits' jitter, so that two clients that failed together do not come back
    /// together.
    pub seed: u64,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            total: Duration::from_secs(4 * 60 * 60),
            seed: u64::from(std::process::id()),
            clock: Arc::new(Machine(Instant::now())),
        }
    }
}

/// The server's answer said how long to wait (RFC 9110, 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedToWait(pub Duration);

impl fmt::Display for AskedToWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it asks to come back in {} s", self.0.as_secs())
    }
}

impl std::error::Error for AskedToWait {}

/// No connection was made: nobody listens, or the name does not exist. That seldom passes, and
/// whoever mistyped an address should not have to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NobodyThere(pub String);

impl fmt::Display for NobodyThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NobodyThere {}

/// The number of tries when nobody answers: enough for the last one to reach a server that is just
/// starting.
const MOST_WITHOUT_ANYBODY: u32 = 3;

/// One object's tries.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    patience: &'a Patience,
    /// The object and its store, for messages.
    what: String,
    began: Duration,
    /// Failures since the last progress.
    failures: u32,
    drawn: u64,
}

impl Patience {
    /// `what` is the object and its store.
    pub(super) fn begin(&self, what: impl Into<String>) -> Tries<'_> {
        let (what, began) = (what.into(), self.clock.now());
        Tries { patience: self, what, began, failures: 0, drawn: self.seed }
    }

    /// Runs `attempt` until it succeeds, fails for good, or patience ends.
    pub(super) fn persist<T>(
        &self,
        what: impl Into<String>,
        progress: &dyn Progress,
        mut attempt: impl FnMut(&Tries<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut tries = self.begin(what);
        loop {
            progress.go_on()?;
            match attempt(&tries) {
                Err(e) => tries.wait_after(e, progress)?,
                done => return done,
            }
        }
    }
}

impl Tries<'_> {
    /// Waits after a failure that may pass; returns any other.
    pub(super) fn wait_after(&mut self, error: Error, progress: &dyn Progress) -> Result<()> {
        self.failures += 1;
        let attempts = match find::<NobodyThere>(&error) {
            Some(_) => self.patience.attempts.min(MOST_WITHOUT_ANYBODY),
            None => self.patience.attempts,
        };
        if self.failures >= attempts || !may_pass(&error) {
            return Err(error);
        }
        let asked = find::<AskedToWait>(&error).map(|asked| asked.0);
        let wait = asked.unwrap_or_else(|| self.next_wait());
        let wait = wait.min(self.patience.longest_wait);
        self.check_total(wait).map_err(|late| late.because(error.to_string()))?;
        progress.note(&format!("{error}; trying again in {:.1} s", wait.as_secs_f32()));
        self.patience.clock.wait(wait, &|| progress.go_on())
    }

    /// Bytes came: the next failure counts as the first again.
    pub(super) fn progressed(&mut self) {
        self.failures = 0;
    }

    /// An error once the total time is over, or would be over after `more`.
    pub(super) fn check_total(&self, more: Duration) -> Result<()> {
        let (clock, total) = (&self.patience.clock, self.patience.total);
        if clock.now().saturating_sub(self.began) + more <= total {
            return Ok(());
        }
        let message =
            format!("{} took longer than {} s, and was given up", self.what, total.as_secs());
        Err(Error::new(Kind::Network, message))
    }

    /// A reader that reads on only while there is time: a store that sends a byte now and then is
    /// never idle.
    pub(super) fn in_time<R: Read>(&self, inner: R) -> InTime<'_, R> {
        InTime { inner, tries: self }
    }

    /// Half of it is fixed and half random: clients never return immediately, and never all at the
    /// same moment.
    fn next_wait(&mut self) -> Duration {
        let doubled = self.failures.saturating_sub(1).min(16);
        let longest = self.patience.first_wait * (1 << doubled);
        self.drawn = mix(self.drawn);
        longest / 2 + (longest / 2).mul_f64((self.drawn >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// A reader that ends with its tries' time.
pub(super) struct InTime<'a, R> {
    inner: R,
    tries: &'a Tries<'a>,
}

impl<R: Read> Read for InTime<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.tries.check_total(Duration::ZERO).map_err(std::io::Error::other)?;
        self.inner.read(buffer)
    }
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014): enough for jitter, and the same for the same
/// seed.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Wrong bytes are retried, too: mirrors that are being filled send them for a moment.
fn may_pass(error: &Error) -> bool {
    matches!(error.kind(), Kind::Network | Kind::Damaged)
}

fn find<T: std::error::Error + 'static>(error: &Error) -> Option<&T> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;
    use std::sync::Mutex;

    #[derive(Debug, Default)]
    struct Slept(Mutex<Vec<Duration>>);

    impl Clock for Slept {
        fn now(&self) -> Duration {
            self.0.lock().unwrap().iter().sum()
        }

        fn sleep(&self, time: Duration) {
            self.0.lock().unwrap().push(time);
        }
    }

    fn waits(patience: Patience, error: impl Fn() -> Error) -> (Error, Vec<Duration>) {
        let clock = Arc::new(Slept::default());
        let patience = Patience { clock: clock.clone(), ..patience };
        let error = patience.persist::<()>("x of y", &Quiet, |_| Err(error())).unwrap_err();
        (error, clock.0.lock().unwrap().clone())
    }

    fn broken() -> Error {
        Error::new(Kind::Network, "cut off")
    }

    #[test]
    fn waits_double_within_their_jitter_and_follow_from_the_seed() {
        let (_, first) = waits(Patience { seed: 7, ..Patience::default() }, broken);
        let (_, again) = waits(Patience { seed: 7, ..Patience::default() }, broken);
        let (_, other) = waits(Patience { seed: 8, ..Patience::default() }, broken);
        assert_eq!(first, again);
        assert_ne!(first, other);
        for (n, wait) in first.iter().enumerate() {
            let longest = Duration::from_secs(1 << n);
            assert!(*wait >= longest / 2 && *wait <= longest, "{first:?}");
        }
        assert_eq!(first.len(), 4);
    }

    #[test]
    fn where_nobody_is_the_wait_is_short() {
        let nobody = || broken().because(NobodyThere("connection refused".to_owned()));
        let (_, slept) = waits(Patience::default(), nobody);
        assert!(slept.len() == 2 && slept.iter().sum::<Duration>() <= Duration::from_secs(3));
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it_up_to_the_longest_wait() {
        let busy = |s| move || broken().because(AskedToWait(Duration::from_secs(s)));
        let (_, slept) = waits(Patience::default(), busy(7));
        assert_eq!(slept, [Duration::from_secs(7); 4]);
        let (_, slept) = waits(Patience::default(), busy(86_400));
        assert_eq!(slept[0], Duration::from_secs(60));
    }

    #[test]
    fn a_wait_ends_when_the_work_is_not_to_go_on() {
        let asked = std::cell::Cell::new(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            let enough = || Error::new(Kind::Interrupted, "enough");
            if asked.get() < 3 { Ok(()) } else { Err(enough()) }
        };
        // otherwise this test would take a day
        let error = Machine(Instant::now()).wait(Duration::from_secs(86_400), &go_on).unwrap_err();
        assert_eq!((error.kind(), asked.get()), (Kind::Interrupted, 3));
    }

    #[test]
    fn what_cannot_pass_is_not_tried_again_and_what_takes_too_long_is_given_up() {
        let refused = || Error::new(Kind::Refused, "no");
        assert!(waits(Patience::default(), refused).1.is_empty());
        let short = Patience { total: Duration::from_millis(1200), ..Patience::default() };
        let (error, slept) = waits(short, broken);
        assert_eq!(error.to_string(), "x of y took longer than 1 s, and was given up");
        assert_eq!(slept.len(), 1);
    }
}
