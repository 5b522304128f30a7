//! The progress of long work on stderr: a moving bar on a terminal, plain lines elsewhere. A log is never silent for
//! long: who reads it in the morning, or kills what hangs, must see that something goes on.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use super::complain;
use super::estimates::Estimates;
use super::level::Level;
use super::signals;
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;

/// How often the bar moves when no bytes come.
const TICK: Duration = Duration::from_millis(120);
/// The longest silence of plain lines: watchers of logs think of ten seconds as none.
const SILENCE: Duration = Duration::from_secs(9);

/// What steps took in earlier runs; empty until [`remember_in`].
static ESTIMATES: Mutex<Option<Estimates>> = Mutex::new(None);

/// From here on what steps take is kept in this cache folder.
pub(super) fn remember_in(cache: &Path) {
    *lock(&ESTIMATES) = Some(Estimates::read(cache));
}

/// A panic elsewhere leaves nothing half changed here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows progress.
pub(in crate::cli) struct Terminal {
    shared: Arc<Shared>,
    /// What is left when the work is stopped; none if it cannot be.
    stays: Option<&'static str>,
}

struct Shared {
    /// Whether stderr is a terminal, which shows a bar.
    moving: bool,
    level: Level,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    step: Option<Step>,
    /// When the last plain line was written.
    spoke: Option<Instant>,
    ended: bool,
    /// What is being done, for whoever interrupts it.
    doing: String,
}

struct Step {
    name: String,
    begun: Instant,
    total: Option<u64>,
    done: u64,
    expected: Option<Duration>,
    bar: Option<ProgressBar>,
}

impl Terminal {
    /// Looks at stderr once.
    pub fn new() -> Self {
        Self { shared: Self::new_shared(), stays: None }
    }

    fn new_shared() -> Arc<Shared> {
        let (moving, level) = (std::io::stderr().is_terminal(), Level::get());
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { moving, level, state, changed });
        if !moving && level != Level::Quiet {
            let speaker = shared.clone();
            // where there is no thread for it, the log has silences
            let _ = std::thread::Builder::new().spawn(move || speaker.break_silences());
        }
        shared
    }

    /// The same, and Ctrl-C (or the end of a job) lets the work end in order: it fails with what was stopped and, in
    /// the words of `stays`, what is left. A second signal ends the process at once.
    pub fn stoppable(stays: &'static str) -> Result<Self> {
        signals::listen()?;
        let terminal = Self { stays: Some(stays), shared: Self::new_shared() };
        terminal.end_at(2, stays)?;
        Ok(terminal)
    }

    /// The same for work that runs programs which nobody else would end: the first signal ends the process, and
    /// `stays` says what is left.
    pub fn interruptible(stays: &'static str) -> Result<Self> {
        let terminal = Self::new();
        terminal.end_at(1, stays)?;
        Ok(terminal)
    }

    fn end_at(&self, last: usize, stays: &'static str) -> Result<()> {
        let shared = self.shared.clone();
        signals::end_at(last, move |is_last| {
            if !is_last {
                return complain("stopping; a second signal ends the process at once");
            }
            let doing = &lock(&shared.state).doing;
            let _ = Term::stderr().show_cursor();
            complain(&format!("stopped: {doing}\n  {stays}"));
        })
    }

    /// The work succeeded: what its last step took is worth knowing.
    pub fn done(self) {
        let step = lock(&self.shared.state).step.take();
        if let Some(step) = step {
            self.shared.finish(&step, true);
        }
    }
}

impl Progress for Terminal {
    fn step(&self, name: &str, total: Option<u64>) {
        let mut state = lock(&self.shared.state);
        name.clone_into(&mut state.doing);
        if let Some(before) = state.step.take() {
            self.shared.finish(&before, true);
        }
        let expected = lock(&ESTIMATES).as_ref().and_then(|known| known.of(name));
        let mut step = Step {
            name: name.to_owned(),
            begun: Instant::now(),
            total,
            done: 0,
            expected,
            bar: None,
        };
        match self.shared.level {
            Level::Quiet => {}
            _ if self.shared.moving => step.bar = Some(step.bar()),
            _ => {
                complain(&step.announced());
                state.spoke = Some(step.begun);
            }
        }
        state.step = Some(step);
        self.shared.changed.notify_all();
    }

    fn advance(&self, bytes: u64) {
        if let Some(step) = &mut lock(&self.shared.state).step {
            step.done = step.done.saturating_add(bytes);
            if let Some(bar) = &step.bar {
                bar.inc(bytes);
            }
        }
    }

    fn note(&self, line: &str) {
        let line = format!("  {line}");
        let mut state = lock(&self.shared.state);
        match state.step.as_ref().and_then(|step| step.bar.as_ref()) {
            Some(bar) => bar.suspend(|| complain(&line)),
            None => complain(&line),
        }
        state.spoke = Some(Instant::now());
    }

    fn go_on(&self) -> Result<()> {
        let Some(stays) = self.stays.filter(|_| signals::stopped_by().is_some()) else {
            return Ok(());
        };
        let message = format!("stopped: {}", lock(&self.shared.state).doing);
        Err(Error::new(Kind::Interrupted, message).remedy(stays))
    }
}

impl Drop for Terminal {
    /// The last step ends with the work, which may have failed.
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        if let Some(step) = state.step.take() {
            self.shared.finish(&step, false);
        }
        state.ended = true;
        self.shared.changed.notify_all();
        if let Some(known) = &mut *lock(&ESTIMATES) {
            known.write();
        }
    }
}

impl Shared {
    /// `whole` is whether the step did what it was for.
    fn finish(&self, step: &Step, whole: bool) {
        let took = step.begun.elapsed();
        if let (true, Some(known)) = (whole, &mut *lock(&ESTIMATES)) {
            known.learn(&step.name, took);
        }
        let line = format!("{:<30} {:>7.1} s", step.name, took.as_secs_f64());
        match &step.bar {
            Some(bar) => {
                bar.finish_and_clear();
                complain(&line);
            }
            None if self.level == Level::Everything => complain(&format!("  {line}")),
            None => {}
        }
    }

    /// Says that a step goes on, whenever nothing was said for a while.
    fn break_silences(&self) {
        let mut state = lock(&self.state);
        while !state.ended {
            let since = state.spoke.map_or(Duration::ZERO, |spoke| spoke.elapsed());
            if since >= SILENCE {
                if let Some(step) = &state.step {
                    complain(&step.going_on());
                }
                state.spoke = Some(Instant::now());
            }
            let left = SILENCE.saturating_sub(since).max(Duration::from_millis(100));
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Step {
    /// Its name, and what to wait for.
    fn announced(&self) -> String {
        match self.expected {
            Some(expected) => format!("{} (took {} the last time)", self.name, time(expected)),
            None => self.name.clone(),
        }
    }

    fn going_on(&self) -> String {
        let so_far = time(self.begun.elapsed());
        let done = match self.total {
            Some(total) if total > 0 && self.done <= total => {
                format!(", {} % done", u128::from(self.done) * 100 / u128::from(total))
            }
            _ => self.expected.map_or(String::new(), |e| format!(" of about {}", time(e))),
        };
        format!("  {}: {so_far}{done}", self.name)
    }

    fn bar(&self) -> ProgressBar {
        let (bar, template) = match self.total {
            Some(total) => (
                ProgressBar::new(total),
                "{msg:<30} {bar:16} {binary_bytes:>10} of {binary_total_bytes:<10} {eta:>4}",
            ),
            None => (ProgressBar::new_spinner(), "{msg:<30} {spinner} {elapsed}"),
        };
        // the template is ours; a wrong one would show the default look
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(if self.total.is_some() { self.name.clone() } else { self.announced() });
        // its thread is one more than needed, and would end the program where there are no more
        if std::thread::Builder::new().spawn(|| ()).is_ok() {
            bar.enable_steady_tick(TICK);
        }
        bar
    }
}

/// "9 s", "3 min 20 s".
fn time(time: Duration) -> String {
    match (time.as_secs() / 60, time.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_goes_on_says_how_far_it_is_or_what_it_took_before() {
        let step = |total, done, expected| Step {
            name: "writing x".to_owned(),
            begun: Instant::now(),
            total,
            done,
            expected,
            bar: None,
        };
        let before = Some(Duration::from_secs(200));
        assert_eq!(step(None, 0, None).going_on(), "  writing x: 0 s");
        assert_eq!(step(None, 0, before).going_on(), "  writing x: 0 s of about 3 min 20 s");
        assert_eq!(step(Some(8), 6, before).going_on(), "  writing x: 0 s, 75 % done");
        assert_eq!(step(Some(0), 6, None).going_on(), "  writing x: 0 s");
        assert_eq!(step(None, 0, before).announced(), "writing x (took 3 min 20 s the last time)");
    }
}
