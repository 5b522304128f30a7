//! Judges one boot from what is seen of it. Pure: time comes in as "since power-on".

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::order::Limits;
use super::verdict::{Missing, Verdict};
use crate::appliance::kernel::{self, Complaint};
use crate::appliance::line::{Listener, Probed, Said};
use crate::appliance::{State, StateLine};

/// After a panic's first line the kernel still says where it was.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The first complaints of the kernel say why; one that does not stop complaining must not fill the report.
const MOST_COMPLAINTS: usize = 20;

/// What a boot is awaited to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// READY.
    Converge,
    /// This state; the machine is needed no longer.
    Reach(State),
}

/// What is known of a boot.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Nothing is decided.
    Open,
    /// The goal is reached.
    Reached,
    /// It is over.
    Over(Verdict),
}

/// A change of state and when it was heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Seconds since power-on, by the host's clock, to the millisecond.
    pub at: f64,
    /// What the machine said.
    #[serde(flatten)]
    pub line: StateLine,
}

/// Watches one boot.
#[derive(Clone, Debug)]
pub struct Watch {
    release: String,
    goal: Goal,
    limits: Limits,
    listener: Listener,
    heard_anything: bool,
    transitions: Vec<Transition>,
    probed: Probed,
    panic: Option<(Duration, String)>,
    complaints: Vec<Complaint>,
    stopped: Option<String>,
}

impl Watch {
    /// Watches for lines with `nonce`, for `release` and no other.
    pub fn new(nonce: &str, release: &str, goal: Goal, limits: Limits) -> Self {
        Self {
            release: release.to_owned(),
            goal,
            limits,
            listener: Listener::new(nonce),
            heard_anything: false,
            transitions: Vec::new(),
            probed: Probed::default(),
            panic: None,
            complaints: Vec::new(),
            stopped: None,
        }
    }

    /// Takes a line of the console; gives the change of state that it tells of.
    pub fn hear(&mut self, at: Duration, line: &str) -> Option<&Transition> {
        self.heard_anything = true;
        if self.panic.is_none() {
            self.panic = kernel::panic_message(line).map(|message| (at, message.to_owned()));
        }
        if self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.extend(kernel::complaint(line));
        }
        match self.listener.hear(line)? {
            Said::Probe(probe) => self.probed.hear(probe),
            Said::ProbesDone => self.probed.end(),
            Said::State(line) => {
                self.transitions.push(Transition { at: seconds(at), line });
                return self.transitions.last();
            }
        }
        None
    }

    /// Takes note that the machine does not run any more.
    pub fn stopped(&mut self, reason: &str) {
        self.stopped.get_or_insert_with(|| reason.to_owned());
    }

    /// Whether the machine runs.
    pub fn runs(&self) -> bool {
        self.stopped.is_none()
    }

    /// What is known at `now`. Evidence comes before limits, and a panic before the reset that follows.
    pub fn judge(&self, now: Duration) -> Judgement {
        if let Some((at, message)) = &self.panic {
            return if now >= *at + LAST_WORDS || !self.runs() {
                Judgement::Over(Verdict::Panicked { message: message.clone() })
            } else {
                Judgement::Open
            };
        }
        match self.judge_states() {
            // a machine that converged and went off is of no use to anybody
            Some(Judgement::Reached) if self.goal == Goal::Converge && !self.runs() => {}
            Some(judgement) => return judgement,
            None => {}
        }
        if let Some(reason) = &self.stopped {
            return Judgement::Over(Verdict::Stopped { reason: reason.clone() });
        }
        self.judge_time(now).map_or(Judgement::Open, Judgement::Over)
    }

    /// A state passed between two looks counts as reached: the last one alone would miss it.
    fn judge_states(&self) -> Option<Judgement> {
        let lines = || self.transitions.iter().map(|t| &t.line);
        if let Some(line) = lines().find(|line| line.release != self.release) {
            return Some(Judgement::Over(Verdict::WrongRelease {
                expected: self.release.clone(),
                found: line.release.clone(),
            }));
        }
        let goal = match self.goal {
            Goal::Converge => State::Ready,
            Goal::Reach(state) => state,
        };
        // a machine that serves after a restart says READY at once; whether it still converges, its routine run tells
        let proven = |line: &StateLine| goal != State::Ready || line.run.is_done();
        if lines().any(|line| line.state == goal && proven(line)) {
            let after = lines().next_back().filter(|line| line.state == State::Degraded);
            return Some(match after {
                Some(line) if goal == State::Ready => {
                    Judgement::Over(Verdict::Failed { line: Box::new(line.clone()) })
                }
                _ => Judgement::Reached,
            });
        }
        lines()
            // DEGRADED before this start's run has ended is what an earlier one came to
            .find(|line| {
                line.state == State::Failed || (line.state == State::Degraded && line.run.is_done())
            })
            .map(|line| Judgement::Over(Verdict::Failed { line: Box::new(line.clone()) }))
    }

    fn judge_time(&self, now: Duration) -> Option<Verdict> {
        let Some(last) = self.transitions.last() else {
            let missing = if self.heard_anything { Missing::StateLine } else { Missing::Console };
            let limit = self.limits.first_line;
            return (now >= limit).then(|| Verdict::timed_out(missing, limit));
        };
        let awaited = match self.goal {
            Goal::Converge => State::Ready,
            Goal::Reach(state) => state,
        };
        let missing = Missing::State { awaited, last: last.line.state };
        let limit = self.limits.converge;
        (now >= limit).then(|| Verdict::timed_out(missing, limit))
    }

    /// Every change of state so far.
    pub fn transitions(&self) -> &[Transition] {
        &self.transitions
    }

    /// The kernel's first complaints, in order.
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// What the machine has told of the probes that it runs itself.
    pub fn probed(&self) -> &Probed {
        &self.probed
    }
}

/// Whole milliseconds as seconds: a number with more digits may read back as its neighbour.
pub fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn watch(goal: Goal) -> Watch {
        Watch::new("n", "r1", goal, Limits::default())
    }

    fn line(state: State, release: &str, nonce: &str) -> String {
        format!(
            r#"{{"slipway":1,"nonce":"{nonce}","release":"{release}","state":"{}","uptime":1}}"#,
            state.name()
        )
    }

    #[test]
    fn ready_counts_with_the_right_release_and_nonce_only() {
        let mut stale = watch(Goal::Converge);
        stale.hear(SECOND, &line(State::Ready, "r1", "old"));
        assert_eq!(stale.judge(SECOND), Judgement::Open);
        let mut other = watch(Goal::Converge);
        other.hear(SECOND, &line(State::Booting, "r2", "n"));
        let Judgement::Over(verdict) = other.judge(SECOND) else { panic!("not over") };
        assert_eq!(verdict.exit_code(), 13);
        let mut right = watch(Goal::Converge);
        right.hear(SECOND, &line(State::Ready, "r1", "n"));
        assert_eq!(right.judge(SECOND), Judgement::Reached);
    }

    #[test]
    fn a_machine_that_serves_after_a_restart_is_awaited_until_its_routine_run_has_ended() {
        let ready = line(State::Ready, "r1", "n");
        let pending = ready.replace("\"uptime\"", "\"run\":\"pending\",\"uptime\"");
        let mut good = watch(Goal::Converge);
        good.hear(SECOND, &pending);
        assert_eq!(good.judge(SECOND), Judgement::Open);
        good.hear(SECOND, &ready.replace("\"uptime\"", "\"run\":\"done\",\"uptime\""));
        assert_eq!(good.judge(SECOND), Judgement::Reached);
        let mut bad = watch(Goal::Converge);
        bad.hear(SECOND, &pending);
        bad.hear(SECOND, &line(State::Degraded, "r1", "n"));
        let Judgement::Over(verdict) = bad.judge(SECOND) else { panic!("not over") };
        assert_eq!(verdict.exit_code(), 11);
    }

    #[test]
    fn a_failure_or_a_later_degradation_ends_it() {
        for states in [&[State::Failed][..], &[State::Ready, State::Degraded], &[State::Degraded]] {
            let mut watch = watch(Goal::Converge);
            for state in states {
                watch.hear(SECOND, &line(*state, "r1", "n"));
            }
            let Judgement::Over(verdict) = watch.judge(SECOND) else { panic!("not over") };
            assert_eq!(verdict.exit_code(), 11, "{states:?}");
        }
    }

    #[test]
    fn a_panic_comes_before_the_reset_that_follows_it() {
        let mut watch = watch(Goal::Converge);
        watch.hear(SECOND, "[ 1.0] Kernel panic - not syncing: VFS: unable to mount root fs");
        assert_eq!(watch.judge(SECOND), Judgement::Open);
        watch.stopped("guest-reset");
        let Judgement::Over(verdict) = watch.judge(SECOND) else { panic!("not over") };
        assert_eq!(verdict.summary(), "Kernel panic - not syncing: VFS: unable to mount root fs");
    }

    #[test]
    fn silence_is_told_apart_from_a_kernel_without_state_lines() {
        let limit = Limits::default().first_line;
        let silent = watch(Goal::Converge);
        assert_eq!(silent.judge(limit - SECOND), Judgement::Open);
        let over = |missing| Judgement::Over(Verdict::timed_out(missing, limit));
        assert_eq!(silent.judge(limit), over(Missing::Console));
        let mut kernel = watch(Goal::Converge);
        kernel.hear(SECOND, "Linux version 6.1");
        assert_eq!(kernel.judge(limit), over(Missing::StateLine));
    }

    #[test]
    fn a_state_on_the_way_is_reached_even_when_the_machine_went_past_it() {
        let mut watch = watch(Goal::Reach(State::Converging));
        watch.hear(SECOND, &line(State::Converging, "r1", "n"));
        watch.hear(SECOND, &line(State::Verifying, "r1", "n"));
        assert_eq!(watch.judge(SECOND), Judgement::Reached);
    }

    #[test]
    fn a_machine_that_stops_by_itself_is_not_waited_for() {
        let mut watch = watch(Goal::Converge);
        watch.stopped("guest-shutdown");
        let Judgement::Over(verdict) = watch.judge(SECOND) else { panic!("not over") };
        assert_eq!(verdict.exit_code(), 15);
    }
}
