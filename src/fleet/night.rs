//! A night as a pure state machine over its journal: what happened says what is to be done next.
//!
//! A call asks for every plan again: the newest configuration counts, and a plan is read, not made. What was done of the
//! same plan in the same night is not done again, whether it ended well or not: but what failed by the machine's, the
//! network's or a disk's fault in an earlier call is tried again.

use std::collections::{BTreeMap, BTreeSet};

use super::job::{Began, Blame, Ending, Event, Job, Outcome, Planned, Rules, digest};
use super::policy::Which;
use super::standing::{Cover, Stage, Standing, Tried};
use super::step::Step;
use crate::units::Digest;

/// How often a smoke test may be tried: one that failed and then passed is flaky, and shown as that.
const ATTEMPTS: u32 = 2;

/// What is known of a night.
#[derive(Clone, Debug)]
pub struct Night {
    /// The rules of the newest call.
    pub rules: Rules,
    /// Customers of the newest call.
    wanted: BTreeSet<String>,
    /// Every customer that the night has heard of, with the plan, where it is known.
    customers: BTreeMap<String, Option<Planned>>,
    /// Every outcome, in order.
    outcomes: Vec<Outcome>,
    /// Where in `outcomes` those of the newest call's plans are.
    plans: BTreeMap<String, usize>,
    by_job: BTreeMap<Digest, Vec<usize>>,
    running: BTreeSet<Digest>,
    /// How many outcomes there were when the newest call asked for a customer.
    asked: BTreeMap<String, usize>,
    /// The first failure ends it.
    fail_fast: bool,
}

impl Night {
    /// A night that begins.
    pub fn new(began: &Began) -> Self {
        let mut night = Self {
            rules: began.rules.clone(),
            wanted: BTreeSet::new(),
            customers: BTreeMap::new(),
            outcomes: Vec::new(),
            plans: BTreeMap::new(),
            by_job: BTreeMap::new(),
            running: BTreeSet::new(),
            asked: BTreeMap::new(),
            fail_fast: false,
        };
        night.call(began);
        night
    }

    /// What a journal says of a night; none when it says nothing.
    pub fn replay(events: &[Event]) -> Option<Self> {
        let mut events = events.iter();
        let mut night = events.find_map(|event| match event {
            Event::Began(began) => Some(Self::new(began)),
            Event::Outcome(_) | Event::Ended { .. } => None,
        })?;
        events.for_each(|event| night.apply(event));
        Some(night)
    }

    /// From the first failure on, nothing is begun any more.
    pub fn fail_fast(&mut self) {
        self.fail_fast = true;
    }

    /// Something happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Began(began) => self.call(began),
            Event::Outcome(outcome) => self.over(outcome),
            Event::Ended { .. } => {}
        }
    }

    fn call(&mut self, began: &Began) {
        self.rules = began.rules.clone();
        self.wanted = began.customers.iter().cloned().collect();
        for name in &began.customers {
            self.customers.insert(name.clone(), None);
            self.plans.remove(name);
            self.asked.insert(name.clone(), self.outcomes.len());
        }
        self.running.clear();
    }

    fn over(&mut self, outcome: &Outcome) {
        let at = self.outcomes.len();
        self.outcomes.push(outcome.clone());
        self.running.remove(&outcome.job);
        if outcome.step == Step::Plan {
            self.customers.insert(outcome.customer.clone(), outcome.evidence.planned.clone());
            self.plans.insert(outcome.customer.clone(), at);
        } else {
            self.by_job.entry(outcome.job).or_default().push(at);
        }
    }

    /// A job was begun.
    pub fn begun(&mut self, job: &Job) {
        self.running.insert(job.digest);
    }

    /// Every outcome, in order.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The customers' names, sorted, with what is planned for each.
    pub fn customers(&self) -> impl Iterator<Item = (&String, Option<&Planned>)> {
        self.customers.iter().map(|(name, planned)| (name, planned.as_ref()))
    }

    /// What can be begun now, plans first, and then what is furthest on.
    pub fn next(&self) -> Vec<Job> {
        if self.fail_fast && self.has_failed() {
            return Vec::new();
        }
        let mut jobs: Vec<Job> = self
            .wanted
            .iter()
            .filter_map(|name| match self.stage(name) {
                Stage::Next(jobs) => Some(jobs),
                Stage::Wait | Stage::Failed(_) | Stage::Done => None,
            })
            .flatten()
            .filter(|job| !self.running.contains(&job.digest))
            .collect();
        jobs.sort_by_key(|job| (job.step != Step::Plan, usize::MAX - job.step.place()));
        jobs
    }

    /// Whether a customer of this call failed.
    pub fn has_failed(&self) -> bool {
        self.wanted.iter().any(|name| matches!(self.stage(name), Stage::Failed(_)))
    }

    /// Where a customer stands.
    pub fn standing(&self, name: &str) -> Standing {
        match self.stage(name) {
            Stage::Next(_) | Stage::Wait => Standing::Waiting,
            Stage::Failed(at) => Standing::Failed(Box::new(self.outcomes[at].clone())),
            Stage::Done => {
                let mut chain = self.last(name);
                let reused = |o: &&Outcome| o.step == Step::Build && o.ending == Ending::Reused;
                Standing::Good {
                    reused: chain.clone().any(|o| reused(&o)),
                    idle: chain.all(|o| o.step == Step::Plan || o.ending != Ending::Done),
                }
            }
        }
    }

    /// The last outcome of each step of a customer's plan of tonight, in order.
    pub fn last(&self, name: &str) -> impl Iterator<Item = &Outcome> + Clone {
        let plan = self.plans.get(name).copied();
        let planned = self.customers.get(name).and_then(Option::as_ref);
        let jobs = planned.into_iter().flat_map(|planned| self.chain(name, planned));
        let found: Vec<usize> = jobs
            .filter_map(|(_, job)| self.by_job.get(&job).and_then(|all| all.last()).copied())
            .collect();
        plan.into_iter().chain(found).map(|at| &self.outcomes[at])
    }

    /// The first failure of a smoke test that then passed.
    pub fn flaky(&self, name: &str) -> Option<&Outcome> {
        self.last(name).filter(|o| o.is_good()).find_map(|o| {
            let mut tries = self.by_job.get(&o.job)?.iter().map(|at| &self.outcomes[*at]);
            tries.find(|o| !o.is_good() && o.blame == Some(Blame::Customer))
        })
    }

    /// The steps after the plan, with the digests of their jobs.
    fn chain(&self, name: &str, planned: &Planned) -> Vec<(Step, Digest)> {
        let which = self.rules.of(name);
        let mut steps = vec![Step::Build, Step::Lint];
        if which != Which::None {
            steps.extend(self.rules.firmware.iter().map(|firmware| Step::Smoke(*firmware)));
        }
        if self.rules.release.is_some() {
            steps.extend([Step::Release, Step::Publish]);
        }
        let subject = planned.plan.to_string();
        steps.into_iter().map(|step| (step, digest(step, &subject, which, &self.rules))).collect()
    }

    /// How many jobs are left of a customer, running ones included.
    pub fn left(&self, name: &str) -> Vec<Step> {
        match (self.stage(name), self.customers.get(name)) {
            (Stage::Failed(_) | Stage::Done, _) => Vec::new(),
            (_, Some(Some(planned))) => {
                let chain = self.chain(name, planned).into_iter();
                chain.filter(|(_, job)| !self.is_done(job)).map(|(step, _)| step).collect()
            }
            _ => vec![Step::Plan, Step::Build, Step::Lint],
        }
    }

    fn is_done(&self, job: &Digest) -> bool {
        let last = self.by_job.get(job).and_then(|all| all.last());
        last.is_some_and(|at| self.outcomes[*at].is_good())
    }

    /// What became of a job: failed for good, failed and to be repeated, done, or open.
    fn tried(&self, job: &Digest) -> Tried {
        let all = self.by_job.get(job).map_or(&[][..], Vec::as_slice);
        let Some(last) = all.last() else { return Tried::Open { attempt: 1 } };
        let outcome = &self.outcomes[*last];
        if outcome.is_good() {
            return Tried::Good;
        }
        let earlier = self.asked.get(&outcome.customer).is_some_and(|asked| last < asked);
        if earlier && outcome.blame == Some(Blame::Infrastructure) {
            return Tried::Open { attempt: outcome.attempt };
        }
        let again = outcome.step.is_smoke()
            && outcome.blame == Some(Blame::Customer)
            && outcome.attempt < ATTEMPTS;
        match again {
            true => Tried::Open { attempt: outcome.attempt + 1 },
            false => Tried::Failed(*last),
        }
    }

    fn stage(&self, name: &str) -> Stage {
        let Some(&at) = self.plans.get(name) else {
            let job = digest(Step::Plan, name, self.rules.which, &self.rules);
            return Stage::Next(vec![self.job(name, Step::Plan, job, None, 1)]);
        };
        let Some(planned) = self.customers.get(name).and_then(Option::as_ref) else {
            return Stage::Failed(at);
        };
        let chain = self.chain(name, planned);
        let (smokes, others): (Vec<_>, Vec<_>) = chain.iter().partition(|(s, _)| s.is_smoke());
        for (step, job) in others.iter().filter(|(step, _)| step.place() <= Step::Lint.place()) {
            if let Some(stage) = self.single(name, *step, *job, planned) {
                return stage;
            }
        }
        if let Some(stage) = self.smoke(name, &smokes, planned) {
            return stage;
        }
        for (step, job) in others.iter().filter(|(step, _)| step.place() > Step::Lint.place()) {
            if let Some(stage) = self.single(name, *step, *job, planned) {
                return stage;
            }
        }
        Stage::Done
    }

    /// The stage, unless the job is done.
    fn single(&self, name: &str, step: Step, job: Digest, planned: &Planned) -> Option<Stage> {
        match self.tried(&job) {
            Tried::Good => None,
            Tried::Failed(at) => Some(Stage::Failed(at)),
            Tried::Open { attempt } => {
                Some(Stage::Next(vec![self.job(name, step, job, Some(planned), attempt)]))
            }
        }
    }

    /// The same for smoke tests, which may run beside each other: one that failed ends the chain when all are over.
    fn smoke(&self, name: &str, jobs: &[(Step, Digest)], planned: &Planned) -> Option<Stage> {
        let cover = match self.rules.which {
            Which::Group => self.cover(name, planned),
            Which::Each | Which::None => Cover::Own,
        };
        let (mut open, mut failed) = (Vec::new(), None);
        for (step, job) in jobs {
            match (self.tried(job), &cover) {
                (Tried::Good, _) => {}
                (Tried::Failed(at), _) => failed = failed.or(Some(at)),
                (Tried::Open { .. }, Cover::Wait) => return Some(Stage::Wait),
                (Tried::Open { attempt }, Cover::Own) => {
                    open.push(self.job(name, *step, *job, Some(planned), attempt));
                }
                (Tried::Open { attempt }, Cover::By(other)) => open.push(Job {
                    covered_by: Some(other.clone()),
                    ..self.job(name, *step, *job, Some(planned), attempt)
                }),
            }
        }
        match (open.is_empty(), failed) {
            (false, _) => Some(Stage::Next(open)),
            (true, Some(at)) => Some(Stage::Failed(at)),
            (true, None) => None,
        }
    }

    /// Whose smoke test counts for a customer. The first of a group, by name, is booted for all of them; when it fails, at
    /// whatever step, the next one is: one bad customer never costs another.
    fn cover(&self, name: &str, planned: &Planned) -> Cover {
        if self.wanted.iter().any(|other| !self.plans.contains_key(other)) {
            return Cover::Wait;
        }
        let members = self.customers.iter().filter_map(|(other, p)| Some((other, p.as_ref()?)));
        let booted = members.filter(|(other, _)| self.rules.of(other) != Which::None);
        for (other, their) in booted.filter(|(_, their)| their.group == planned.group) {
            if other == name {
                return Cover::Own;
            }
            let chain = self.chain(other, their);
            let to_smoke = chain.iter().filter(|(step, _)| step.place() < Step::Release.place());
            let mut good = true;
            let mut bad = false;
            for (_, job) in to_smoke {
                match self.tried(job) {
                    Tried::Good => {}
                    Tried::Failed(_) => bad = true,
                    Tried::Open { .. } => good = false,
                }
            }
            match (bad, good) {
                (true, _) => {}
                (false, true) => return Cover::By(other.clone()),
                // one of an earlier call, which nobody goes on with
                (false, false) if !self.wanted.contains(other) => {}
                (false, false) => return Cover::Wait,
            }
        }
        Cover::Own
    }

    fn job(
        &self,
        name: &str,
        step: Step,
        digest: Digest,
        planned: Option<&Planned>,
        attempt: u32,
    ) -> Job {
        let (customer, planned) = (name.to_owned(), planned.cloned());
        Job { customer, step, planned, attempt, digest, covered_by: None }
    }
}
