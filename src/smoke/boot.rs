//! One boot: power on, watch, ask, power off.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::event::Event;
use super::machine::{self, Machine};
use super::order::Limits;
use super::report::{BootRecord, End};
use super::screen;
use super::verdict::{Missing, Verdict};
use super::watch::{self, Goal, Judgement, Transition, Watch};
use crate::appliance::check::{Answered, Check, Outcome};
use crate::appliance::{Identity, Page, STATUS_PORT, State, Way};
use crate::error::Result;
use crate::progress::Progress;

/// How many of the console's last lines the report shows.
const LAST_LINES: usize = 40;

/// How often limits and the stop flag are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How long a probe may go on failing before that is said again.
const AGAIN: Duration = Duration::from_secs(30);

/// The monitor and the console are heard by two threads: the word that a machine stopped can overtake its last
/// lines, which say why. So they are waited for until there is silence for this long.
const SILENCE: Duration = Duration::from_secs(1);
/// A guest that writes without end must not keep limits from being looked at.
const MOST_EVENTS: usize = 1000;

/// The part of a machine's start that drawing its console takes at the most: a second of thirty.
const DRAWN: u32 = 30;
/// The longest that drawing is waited for.
const LONGEST_DRAWN: Duration = Duration::from_secs(20);

/// QEMU's own complaints, in the scratch folder.
const COMPLAINTS: &str = "qemu.log";

/// What one boot is started with and judged by.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// QEMU's arguments.
    pub arguments: &'a [String],
    /// What the machine must repeat.
    pub nonce: &'a str,
    /// The release that counts.
    pub release: &'a str,
    /// What is awaited.
    pub goal: Goal,
    /// What is asked of the converged machine.
    pub checks: &'a [Check],
    /// Whether the machine is shut down at its end, rather than cut off.
    pub shut_down: bool,
    /// Limits for this accelerator.
    pub limits: Limits,
    /// The report's folder.
    pub report: &'a Path,
    /// The scratch folder.
    pub scratch: &'a Path,
    /// Which boot of this test, from 1: it names the files.
    pub number: usize,
    /// Ends it.
    pub stop: &'a AtomicBool,
}

/// Runs one boot to its end. Without a verdict, all was well.
pub fn run(setup: &Setup<'_>, progress: &dyn Progress) -> Result<(BootRecord, Option<Verdict>)> {
    let serial = format!("serial-{}.log", setup.number);
    let log = setup.report.join(&serial);
    let machine = Machine::start(setup.arguments, &log, &setup.scratch.join(COMPLAINTS))?;
    let mut running = Running {
        setup,
        progress,
        machine,
        start: Instant::now(),
        watch: Watch::new(setup.nonce, setup.release, setup.goal, setup.limits),
        last_lines: VecDeque::new(),
        probes: Vec::new(),
        identity: None,
    };
    progress.step("the machine is on, and says nothing yet", None);
    let mut verdict = running.until_reached()?;
    match &verdict {
        None if setup.goal == Goal::Converge => verdict = running.ask_all()?,
        // one that went off meanwhile has no ports to ask, and that would take the verdict's place
        Some(Verdict::Failed { line }) if line.state == State::Degraded && running.watch.runs() => {
            running.ask_on()?;
        }
        _ => {}
    }
    let seconds = watch::seconds(running.start.elapsed());
    if verdict.is_none() && setup.goal == Goal::Converge {
        verdict = running.wait_for_the_console()?;
    }
    let screen = running.picture();
    let end = running.off(&mut verdict)?;
    let record = BootRecord {
        nonce: setup.nonce.to_owned(),
        states: running.watch.transitions().to_vec(),
        probes: running.probes,
        identity: running.identity,
        complaints: running.watch.complaints().to_vec(),
        end,
        seconds,
        screen,
        serial,
        last_lines: running.last_lines.into(),
    };
    // what QEMU or the guest still holds back is lost: this is the power cut
    drop(running.machine);
    Ok((record, verdict))
}

struct Running<'a> {
    setup: &'a Setup<'a>,
    progress: &'a dyn Progress,
    machine: Machine,
    start: Instant,
    watch: Watch,
    last_lines: VecDeque<String>,
    probes: Vec<Outcome>,
    identity: Option<Identity>,
}

impl Running<'_> {
    /// Waits for the goal; gives the verdict that came instead of it.
    fn until_reached(&mut self) -> Result<Option<Verdict>> {
        loop {
            self.look()?;
            match self.watch.judge(self.start.elapsed()) {
                Judgement::Open => {}
                Judgement::Reached => return Ok(None),
                Judgement::Over(verdict) => return Ok(Some(verdict)),
            }
        }
    }

    /// Takes in what happened, waiting a moment for the first event.
    fn look(&mut self) -> Result<()> {
        if self.setup.stop.load(Ordering::Relaxed) {
            return Err(machine::stopped());
        }
        let mut wait = LOOK;
        for _ in 0..MOST_EVENTS {
            let Some(event) = self.machine.next(wait) else { break };
            match event {
                Event::Line(line) => self.line(line),
                Event::Qemu(name, reason) if name == "SHUTDOWN" => self.watch.stopped(&reason),
                Event::Qemu(..) => {}
                Event::Closed => {
                    let complaints = std::fs::read_to_string(self.complaints()).unwrap_or_default();
                    self.watch.stopped(format!("QEMU ended {}", complaints.trim()).trim_end());
                    break;
                }
            }
            wait = if self.watch.runs() { Duration::ZERO } else { SILENCE };
        }
        Ok(())
    }

    /// What QEMU itself has to say.
    fn complaints(&self) -> PathBuf {
        self.setup.scratch.join(COMPLAINTS)
    }

    fn line(&mut self, line: String) {
        if let Some(transition) = self.watch.hear(self.start.elapsed(), &line) {
            self.progress.step(&shown(transition), None);
        }
        if self.last_lines.len() == LAST_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(line);
    }

    /// Asks the converged machine everything; gives the first failure.
    fn ask_all(&mut self) -> Result<Option<Verdict>> {
        let way = Way::Forwarded(self.machine.ports()?);
        let reached = Instant::now();
        for check in self.setup.checks {
            let over = |running: &Self| match running.watch.judge(running.start.elapsed()) {
                Judgement::Over(verdict) => Some(verdict),
                Judgement::Open | Judgement::Reached => None,
            };
            if let Some(verdict) = self.ask(check, &way, reached, over)? {
                return Ok(Some(verdict));
            }
        }
        let page = way.to(STATUS_PORT).map(|at| Page::ask(&at, self.setup.limits.probes));
        self.identity = page.and_then(Result::ok).map(|page| page.identity);
        let failure = self.probes.iter().find(|outcome| !outcome.ok);
        Ok(failure.map(|outcome| Verdict::ProbeFailed {
            probe: outcome.probe.clone(),
            detail: outcome.detail.clone(),
        }))
    }

    /// Asks a machine that is DEGRADED what the profile asks from outside: its application is to go on, and the
    /// report says whether it does. The verdict stands, whatever it answers.
    fn ask_on(&mut self) -> Result<()> {
        let way = Way::Forwarded(self.machine.ports()?);
        let reached = Instant::now();
        for check in self.setup.checks.iter().filter(|check| check.is_of_the_application()) {
            let stopped = |running: &Self| (!running.watch.runs()).then_some(());
            if self.ask(check, &way, reached, stopped)?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Asks until there is an answer for good or the limit since `reached` is over, and notes the outcome; gives
    /// what `over` gives as soon as it does.
    fn ask<T>(
        &mut self,
        check: &Check,
        way: &Way,
        reached: Instant,
        over: impl Fn(&Self) -> Option<T>,
    ) -> Result<Option<T>> {
        let limit = self.setup.limits.probes;
        self.progress.step(&format!("asking: {}", check.name()), None);
        let mut told: Option<Instant> = None;
        let outcome = loop {
            self.look()?;
            if let Some(end) = over(self) {
                return Ok(Some(end));
            }
            match check.try_once(self.watch.probed(), way, limit) {
                Answered::Passed(detail) => break check.outcome(true, detail),
                Answered::Failed(detail) => break check.outcome(false, detail),
                Answered::NotYet(detail) => {
                    if told.is_none_or(|told| told.elapsed() >= AGAIN) {
                        self.progress.note(&format!("not yet: {} ({detail})", check.name()));
                        told = Some(Instant::now());
                    }
                    if reached.elapsed() >= limit {
                        break check.outcome(false, detail);
                    }
                }
            }
        };
        let mark = if outcome.ok { "passed" } else { "failed" };
        self.progress.note(&format!("{mark}: {} ({})", outcome.probe, outcome.detail));
        self.probes.push(outcome);
        Ok(None)
    }

    /// The console is drawn after its state was told, by a shell: without a wait, the picture shows the state before. How
    /// long that takes follows from how quick the machine is, and so does the wait.
    /// Gives the verdict on what went wrong meanwhile.
    fn wait_for_the_console(&mut self) -> Result<Option<Verdict>> {
        let until = self.start.elapsed() + (self.start.elapsed() / DRAWN).min(LONGEST_DRAWN);
        while self.start.elapsed() < until {
            self.look()?;
            if let Judgement::Over(verdict) = self.watch.judge(self.start.elapsed()) {
                return Ok(Some(verdict));
            }
        }
        Ok(None)
    }

    /// Takes a picture of the screen. A machine of which QEMU gives none is still judged.
    fn picture(&mut self) -> Option<String> {
        let name = format!("screen-{}.png", self.setup.number);
        let ppm = self.setup.scratch.join("screen.ppm");
        let taken = self
            .machine
            .screen(&ppm)
            .and_then(|()| screen::convert(&ppm, &self.setup.report.join(&name)));
        match taken {
            Ok(()) => Some(name),
            Err(error) => {
                self.progress.note(&format!("no picture of the screen: {error}"));
                None
            }
        }
    }

    /// Switches the machine off as was asked; a failed one is cut off.
    fn off(&mut self, verdict: &mut Option<Verdict>) -> Result<End> {
        if !self.watch.runs() {
            return Ok(End::Itself);
        }
        if verdict.is_some() || !self.setup.shut_down {
            return Ok(End::PowerCut);
        }
        self.progress.step("switching off at the power button", None);
        self.machine.press_power_button()?;
        let pressed = Instant::now();
        while self.watch.runs() {
            self.look()?;
            if pressed.elapsed() >= self.setup.limits.power_off {
                let limit = self.setup.limits.power_off;
                *verdict = Some(Verdict::timed_out(Missing::PowerOff, limit));
                return Ok(End::PowerCut);
            }
        }
        Ok(End::PowerButton)
    }
}

/// One line for people: when, which state, which attempt.
fn shown(transition: &Transition) -> String {
    let line = &transition.line;
    let mut text = format!("{:>7.1} s  {}", transition.at, line.state.name());
    if let (Some(attempt), Some(of)) = (line.attempt, line.of) {
        text.push_str(&format!(" {attempt}/{of}"));
    }
    text
}
