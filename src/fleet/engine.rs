//! Runs what a night has to do: threads for the jobs, one coordinator that writes down what became of each.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::bill::Bill;
use super::job::{Blame, Did, Ending, Event, Evidence, Job, Outcome, blame};
use super::limits::{Allowed, Choice, Free};
use super::night::Night;
use crate::error::{Error, Kind, Result};
use crate::progress::{Progress, Stoppable};
use crate::units::{Digest, Timestamp};

/// How often what is free is looked at again, and whether it is to stop.
const LOOK: Duration = Duration::from_millis(200);

/// What can be done for customers: here, and in tests. Each may be called from several threads at once.
pub trait Steps: Sync {
    /// Does a job, or finds that it was done before.
    ///
    /// # Errors
    /// When nothing is known of the image; a verdict against it is a [`Did::fault`].
    fn run(&self, job: &Job, progress: &dyn Progress) -> Result<Did>;
    /// What this machine has left.
    fn free(&self) -> Result<Free>;
}

/// Who writes down what happens.
pub trait Keeper {
    /// Something happened: it is on the disk when this returns.
    fn happened(&mut self, event: &Event) -> Result<()>;
    /// What a customer's image is made of.
    fn bill(&mut self, customer: &str, bill: &Bill) -> Result<()>;
    /// Nothing more is known for the moment: the time to write reports.
    fn rest(&mut self, night: &Night) -> Result<()>;
}

/// Who watches.
pub trait Watch: Sync {
    /// A job begins; what it says is said here.
    fn begins(&self, job: &Job) -> Box<dyn Progress + Send + '_>;
    /// A job is over; so much is left.
    fn over(&self, outcome: &Outcome, night: &Night);
    /// Nothing more can be begun at the moment, for this reason.
    fn waits(&self, why: &str);
}

/// What an engine runs with.
pub struct Engine<'a> {
    /// What does the work.
    pub steps: &'a dyn Steps,
    /// Who watches.
    pub watch: &'a dyn Watch,
    /// The time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// How much is done at once.
    pub allowed: Allowed,
    /// Set, by a signal for example, when it is to end; the engine sets it itself when it cannot go on.
    pub stop: &'a AtomicBool,
}

type Over = (Digest, Timestamp, Result<Did>);

impl Engine<'_> {
    /// Does all that a night has to do.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] when it was told to stop, and whatever keeps it from writing down what happened. What ran
    /// then has ended, and what was written down is done.
    pub fn run(&self, night: &mut Night, keeper: &mut dyn Keeper) -> Result<()> {
        let (sender, over) = channel::<Over>();
        std::thread::scope(|scope| {
            let mut running: BTreeMap<Digest, Job> = BTreeMap::new();
            let mut error = None;
            let mut said = String::new();
            loop {
                if error.is_none() {
                    match self.fill(night, &mut running, keeper) {
                        Ok((jobs, why)) => {
                            for job in jobs {
                                self.begin(scope, &job, &sender);
                                running.insert(job.digest, job);
                            }
                            if let Some(why) = why.filter(|why| *why != said) {
                                self.watch.waits(&why);
                                said = why;
                            }
                        }
                        Err(e) => error = Some(e),
                    }
                }
                if error.is_some() {
                    self.stop.store(true, Ordering::Relaxed);
                }
                if running.is_empty() {
                    return error.map_or(Ok(()), Err);
                }
                let ended = self.hear(&over, &mut running, night, keeper);
                error = error.or(ended.err());
            }
        })
    }

    /// Waits a moment for jobs that are over, and writes down what became of them.
    fn hear(
        &self,
        over: &Receiver<Over>,
        running: &mut BTreeMap<Digest, Job>,
        night: &mut Night,
        keeper: &mut dyn Keeper,
    ) -> Result<()> {
        let mut next = over.recv_timeout(LOOK).ok();
        let (mut any, mut error) = (false, None);
        while let Some((job, begun, did)) = next {
            any = true;
            if let Some(job) = running.remove(&job)
                && let Err(e) = self.over(&job, begun, did, night, keeper)
            {
                error = error.or(Some(e));
            }
            next = over.try_recv().ok();
        }
        match error {
            Some(error) => Err(error),
            None if any => keeper.rest(night),
            None => Ok(()),
        }
    }

    /// The jobs that are begun now, and why no more are.
    fn fill(
        &self,
        night: &mut Night,
        running: &mut BTreeMap<Digest, Job>,
        keeper: &mut dyn Keeper,
    ) -> Result<(Vec<Job>, Option<String>)> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Interrupted, "the night was stopped"));
        }
        let mut begun: Vec<Job> = Vec::new();
        let mut why = None;
        'again: loop {
            let next = night.next();
            if next.is_empty() {
                break;
            }
            let free = self.steps.free()?;
            for job in next {
                let beside: Vec<&Job> = running.values().chain(&begun).collect();
                if job.covered_by.is_some() {
                    self.over(&job, (self.clock)(), Ok(covered(&job)), night, keeper)?;
                    continue 'again;
                }
                match self.allowed.choose(&job, &beside, free) {
                    Choice::Begin => {
                        night.begun(&job);
                        begun.push(job);
                    }
                    Choice::Wait(reason) => why = why.or(Some(reason)),
                    Choice::Never(error) => {
                        self.over(&job, (self.clock)(), Err(error), night, keeper)?;
                        continue 'again;
                    }
                }
            }
            break;
        }
        Ok((begun, why))
    }

    fn begin<'scope>(
        &'scope self,
        scope: &'scope std::thread::Scope<'scope, '_>,
        job: &Job,
        sender: &Sender<Over>,
    ) {
        let (job, sender) = (job.clone(), sender.clone());
        let failed = sender.clone();
        let (digest, begun) = (job.digest, (self.clock)());
        let work = move || {
            let progress = self.watch.begins(&job);
            let progress = Stoppable { progress: progress.as_ref(), stop: self.stop };
            // a bug that one customer's profile finds must not cost the others their night
            let did =
                std::panic::catch_unwind(AssertUnwindSafe(|| self.steps.run(&job, &progress)));
            let did = did.unwrap_or_else(|_| {
                let what = format!("{} of {} panicked", job.step, job.customer);
                Err(Error::new(Kind::Tool, what).remedy("report it, with what stderr says"))
            });
            // nobody hears it when the coordinator has ended, which waits for all of us
            let _ = sender.send((digest, begun, did));
        };
        if let Err(e) = std::thread::Builder::new().spawn_scoped(scope, work) {
            let error = Error::new(Kind::Io, "cannot start a thread").because(e);
            let _ = failed.send((digest, begun, Err(error)));
        }
    }

    fn over(
        &self,
        job: &Job,
        begun: Timestamp,
        did: Result<Did>,
        night: &mut Night,
        keeper: &mut dyn Keeper,
    ) -> Result<()> {
        let did = match did {
            // it was told to stop: nothing is known of it, and the next call does it
            Err(e) if e.kind() == Kind::Interrupted && self.stop.load(Ordering::Relaxed) => {
                return Ok(());
            }
            did => did,
        };
        if let Ok(Did { bill: Some(bill), .. }) = &did {
            keeper.bill(&job.customer, bill)?;
        }
        let outcome = outcome(job, begun, (self.clock)(), did);
        let event = Event::Outcome(Box::new(outcome.clone()));
        keeper.happened(&event)?;
        night.apply(&event);
        self.watch.over(&outcome, night);
        Ok(())
    }
}

fn covered(job: &Job) -> Did {
    let evidence = Evidence { covered_by: job.covered_by.clone(), ..Evidence::default() };
    Did { reused: true, evidence, ..Did::default() }
}

fn outcome(job: &Job, begun: Timestamp, ended: Timestamp, did: Result<Did>) -> Outcome {
    let (reused, evidence, error, blame) = match did {
        Ok(Did { reused, evidence, fault, .. }) => {
            let blame = fault.is_some().then_some(Blame::Customer);
            (reused, evidence, fault, blame)
        }
        Err(e) => (false, Evidence::default(), Some(e.told()), Some(blame(&e))),
    };
    let ending = match (&error, reused) {
        (Some(_), _) => Ending::Failed,
        (None, _) if job.covered_by.is_some() => Ending::Covered,
        (None, true) => Ending::Reused,
        (None, false) => Ending::Done,
    };
    let seconds = (ended.seconds - begun.seconds) as f64
        + (f64::from(ended.nanos) - f64::from(begun.nanos)) / 1e9;
    Outcome {
        job: job.digest,
        customer: job.customer.clone(),
        step: job.step,
        attempt: job.attempt,
        begun,
        // to the millisecond; a clock that was set back took no time
        seconds: (seconds.max(0.0) * 1e3).round() / 1e3,
        ending,
        error,
        blame,
        evidence,
    }
}
