//! The progress of a night on stderr: on a terminal a line for each running job and a count with what is left, elsewhere
//! plain lines, which are never silent for long.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::fleet::{Ending, Estimates, Job, Night, Outcome, Watch};
use crate::progress::Progress;

use super::super::terminal::{complain, is_quiet};

/// The longest silence of plain lines: watchers of logs think of ten seconds as none.
const SILENCE: Duration = Duration::from_secs(9);
/// How often a bar moves.
const TICK: Duration = Duration::from_millis(200);

/// Shows what runs.
pub(super) struct Lines {
    shared: Arc<Shared>,
}

struct Shared {
    bars: Option<MultiProgress>,
    quiet: bool,
    jobs: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    estimates: Estimates,
    /// What runs: since when, what it is doing, and its bar.
    running: BTreeMap<String, Running>,
    count: Option<ProgressBar>,
    spoke: Option<Instant>,
    ended: bool,
}

struct Running {
    begun: Instant,
    doing: String,
    bar: Option<ProgressBar>,
}

impl Lines {
    pub(super) fn new(estimates: Estimates, jobs: usize) -> Self {
        let moving = std::io::stderr().is_terminal();
        let quiet = is_quiet();
        let bars = (moving && !quiet).then(MultiProgress::new);
        let state = Mutex::new(State { estimates, ..State::default() });
        let shared = Arc::new(Shared { bars, quiet, jobs, state, changed: Condvar::new() });
        if !moving && !quiet {
            let speaker = Arc::clone(&shared);
            // where there is no thread for it, the log has silences
            let _ = std::thread::Builder::new().spawn(move || speaker.break_silences());
        }
        Self { shared }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        if let Some(count) = state.count.take() {
            count.finish_and_clear();
        }
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// A panic elsewhere leaves nothing half changed here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, state: &mut State, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| complain(line)),
            None => complain(line),
        }
        state.spoke = Some(Instant::now());
    }

    fn bar(&self, template: &str) -> Option<ProgressBar> {
        let bar = self.bars.as_ref()?.add(ProgressBar::new_spinner());
        // the template is ours; a wrong one would show the default look
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Some(bar)
    }

    fn break_silences(&self) {
        let mut state = self.lock();
        while !state.ended {
            let since = state.spoke.map_or(Duration::ZERO, |spoke| spoke.elapsed());
            if since >= SILENCE && !state.running.is_empty() {
                let running = state.running.iter();
                let running: Vec<String> = running
                    .map(|(name, job)| {
                        format!("{name}: {} s, {}", job.begun.elapsed().as_secs(), job.doing)
                    })
                    .collect();
                self.say(&mut state, &format!("  {}", running.join("; ")));
            }
            let left = SILENCE.saturating_sub(since).max(Duration::from_millis(100));
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Watch for Lines {
    fn begins(&self, job: &Job) -> Box<dyn Progress + Send + '_> {
        let again = if job.attempt > 1 { ", once more" } else { "" };
        let name = format!("{} {}{again}", job.customer, job.step);
        let bar = self.shared.bar("{msg:<60!} {elapsed}");
        if let Some(bar) = &bar {
            bar.set_message(name.clone());
        }
        let mut state = self.shared.lock();
        let running = Running { begun: Instant::now(), doing: job.step.to_string(), bar };
        state.running.insert(name.clone(), running);
        Box::new(Of { shared: &self.shared, name })
    }

    fn over(&self, outcome: &Outcome, night: &Night) {
        let mut state = self.shared.lock();
        state.estimates.learn(outcome);
        let open: usize = night.customers().map(|(name, _)| night.left(name).len()).sum();
        let rest = match (open, state.estimates.left(night, self.shared.jobs)) {
            (0, _) => String::new(),
            (open, Some(seconds)) => format!("; {open} jobs left, about {seconds:.0} s"),
            (open, None) => format!("; {open} jobs left"),
        };
        let how = match outcome.ending {
            Ending::Done => "done",
            Ending::Reused => "nothing to do",
            Ending::Covered => "another one stands for it",
            Ending::Failed => "FAILED",
        };
        let why = outcome.error.as_ref().map(|told| format!(": {}", told.in_one_line()));
        let line = format!(
            "{} {}: {how} after {:.1} s{}{rest}",
            outcome.customer,
            outcome.step,
            outcome.seconds,
            why.unwrap_or_default()
        );
        if !self.shared.quiet || outcome.ending == Ending::Failed {
            self.shared.say(&mut state, &line);
        }
        if state.count.is_none() {
            state.count = self.shared.bar("{msg} {spinner}");
        }
        if let Some(count) = &state.count {
            count.set_message(rest.trim_start_matches("; ").to_owned());
        }
    }

    fn waits(&self, why: &str) {
        let mut state = self.shared.lock();
        if !self.shared.quiet {
            self.shared.say(&mut state, &format!("  {why}"));
        }
    }
}

/// One job's words.
struct Of<'a> {
    shared: &'a Shared,
    name: String,
}

impl Progress for Of<'_> {
    fn step(&self, name: &str, _: Option<u64>) {
        if let Some(running) = self.shared.lock().running.get_mut(&self.name) {
            name.clone_into(&mut running.doing);
            if let Some(bar) = &running.bar {
                bar.set_message(format!("{}: {name}", self.name));
            }
        }
    }

    fn advance(&self, _: u64) {}

    fn note(&self, line: &str) {
        let mut state = self.shared.lock();
        self.shared.say(&mut state, &format!("  {}: {line}", self.name));
    }
}

impl Drop for Of<'_> {
    fn drop(&mut self) {
        let running = self.shared.lock().running.remove(&self.name);
        if let Some(bar) = running.and_then(|running| running.bar) {
            bar.finish_and_clear();
        }
    }
}
