//! One call of `slipway nightly`: which night it is, what it does there, what it leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::bill::Bill;
use super::end::{Conclusion, conclude, notify};
use super::engine::{Engine, Keeper, Watch};
use super::estimate::Estimates;
use super::ground::{Ground, Past};
use super::here::{Here, Tools};
use super::job::{Began, Event, Outcome, Rules, Target};
use super::limits::Allowed;
use super::night::Night;
use super::policy::Policy;
use super::prune;
use super::report::{self, Report};
use super::shard::Shard;
use crate::error::{Error, Kind, Result};
use crate::journal::{self, Journal};
use crate::lock;
use crate::project::Project;
use crate::units::{Digest, Timestamp};

/// What a call asks for.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Only these customers; those of the policy, if there are none.
    pub only: Vec<String>,
    /// Leaves customers out of the reports for whom there was nothing to do.
    pub changed_only: bool,
    /// Begins nothing more after the first failure.
    pub fail_fast: bool,
    /// Which part of the customers this is.
    pub shard: Option<Shard>,
    /// The night's name; the day's, if there is none.
    pub night: Option<String>,
    /// This process.
    pub process: u32,
    /// How many processors this machine has.
    pub processors: usize,
}

/// What a night left.
#[derive(Debug)]
pub struct Left {
    /// Its report.
    pub report: Report,
    /// Where it was written.
    pub folder: PathBuf,
    /// How it ended.
    pub conclusion: Conclusion,
    /// What could not be done when it was over, and is no customer's.
    pub complaints: Vec<String>,
}

/// The names of a project's customers that a call is for.
///
/// # Errors
/// [`Kind::Input`] for a name that is no customer's.
pub fn customers(project: &Project, policy: &Policy, call: &Call) -> Result<Vec<String>> {
    let all = names(project)?;
    for name in &call.only {
        if !all.contains(name) {
            let error = Error::new(Kind::Input, format!("there is no customer {name:?}"));
            let near = crate::profile::nearest(name, all.iter().map(String::as_str));
            return Err(match near {
                Some(near) => error.remedy(format!("did you mean {near:?}?")),
                None => error.remedy("`slipway list` shows their names"),
            });
        }
    }
    let chosen = match (&call.only[..], &policy.customers) {
        ([], Some(listed)) => listed.clone(),
        ([], None) => all,
        (only, _) => only.to_vec(),
    };
    let chosen: BTreeSet<String> = chosen.into_iter().collect();
    let chosen = chosen.into_iter().collect();
    Ok(call.shard.map_or_else(|| Vec::clone(&chosen), |shard| shard.of(chosen.clone())))
}

/// The names of all customers of a project: those of their profiles, without .toml.
pub fn names(project: &Project) -> Result<Vec<String>> {
    let name = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(project.paths()?.iter().map(name).collect())
}

impl Policy {
    /// How much may be done at once on a machine with so many processors.
    pub fn allowed(&self, processors: usize) -> Allowed {
        Allowed {
            jobs: self.limits.jobs.unwrap_or_else(|| processors.max(2)),
            memory: self.limits.memory,
            free_disk: self.limits.free_disk,
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            which: self.smoke.which,
            booted: self.smoke.customers.clone(),
            firmware: self.smoke.firmware.clone(),
            reboot: self.smoke.reboot,
            reason: self.smoke.reason.clone(),
            release: self
                .release
                .as_ref()
                .map(|to| Target { channel: to.channel.clone(), store: to.store.clone() }),
        }
    }
}

/// What became of each job in earlier nights, the newest of each that ended well.
pub fn earlier(past: &Past) -> BTreeMap<Digest, Outcome> {
    let events = past.nights.iter().flat_map(|night| night.lanes.iter().flatten());
    let outcomes = events.filter_map(|event| match event {
        Event::Outcome(outcome) if outcome.is_good() => Some((outcome.job, (**outcome).clone())),
        Event::Outcome(_) | Event::Began(_) | Event::Ended { .. } => None,
    });
    outcomes.collect()
}

/// Goes through a night, or on with one that was cut off.
///
/// # Errors
/// [`Kind::Refused`] when another call runs; [`Kind::Interrupted`] when it was stopped: the next call goes on. What
/// fails for a customer is in the report.
pub fn night(call: &Call, tools: Tools<'_>, watch: &dyn Watch) -> Result<Left> {
    let ground = Ground::of(&tools.project.out);
    let _turn = ground.lock(call.shard)?;
    let (clock, stop) = (tools.clock, std::sync::Arc::clone(&tools.stop));
    let (policy, project) = (tools.policy.clone(), tools.project.clone());
    let past = ground.past()?;
    past.unread.iter().for_each(|why| watch.waits(&format!("an earlier night is left out: {why}")));
    let began = began(call, &policy, &project, clock())?;
    let name = match &call.night {
        Some(name) => name.clone(),
        None => ground.choose(&past, clock(), call.shard)?,
    };
    let folder = ground.make(&name)?;
    let (journal, events) = Journal::open(&ground.journal(&name, call.shard))?;
    let mut book = Book { journal, ground: &ground, name: &name, past: &past, out: &project.out };
    let here = Here::new(tools, earlier(&past), &folder)?;
    let mut night = Night::replay(&events).unwrap_or_else(|| Night::new(&began));
    let began = Event::Began(began);
    book.happened(&began)?;
    night.apply(&began);
    if call.fail_fast {
        night.fail_fast();
    }
    let allowed = policy.allowed(call.processors);
    let engine = Engine { steps: &here, watch, clock, allowed, stop: &stop };
    if let Err(e) = engine.run(&mut night, &mut book) {
        // what is known is shown; the error is what ends the night
        let _ = book.rest(&night);
        return Err(e);
    }
    book.happened(&Event::Ended { at: clock() })?;
    let (report, conclusion) = (book.report()?, conclude(&night));
    let mut complaints = Vec::new();
    if let Err(e) = prune(&policy, &here, &ground, &night, clock()) {
        complaints.push(format!("old images were not removed: {}", e.in_one_line()));
    }
    if let Err(e) = notify(&policy, &project.root, &report, &folder, conclusion) {
        complaints.push(format!("nobody was told: {}", e.in_one_line()));
    }
    Ok(Left { report, folder, conclusion, complaints })
}

fn began(call: &Call, policy: &Policy, project: &Project, at: Timestamp) -> Result<Began> {
    Ok(Began {
        at,
        slipway: env!("CARGO_PKG_VERSION").to_owned(),
        process: call.process,
        customers: customers(project, policy, call)?,
        rules: policy.rules(),
        changed_only: call.changed_only,
    })
}

/// Makes a night's report again from what was written down: of all shards that are in its folder.
pub fn report_again(project: &Project, name: Option<&str>) -> Result<(Report, PathBuf)> {
    let ground = Ground::of(&project.out);
    let past = ground.past()?;
    let newest = past.nights.last().map(|night| night.name.clone());
    let name = name.map(str::to_owned).or(newest).ok_or_else(|| {
        Error::new(Kind::NotFound, "there was no night yet")
            .at(ground.path())
            .remedy("run `slipway nightly`")
    })?;
    let night = ground.read(&name)?;
    let report = report::of(&night, &past, &ground)?;
    report.save(&ground, &project.out)?;
    Ok((report, ground.night(&name)))
}

/// What earlier nights say about how long this one takes.
pub fn estimates(project: &Project) -> Result<Estimates> {
    Ok(Estimates::of(&Ground::of(&project.out).past()?))
}

/// Writes everything down.
struct Book<'a> {
    journal: Journal<Event>,
    ground: &'a Ground,
    name: &'a str,
    past: &'a Past,
    out: &'a Path,
}

impl Book<'_> {
    fn report(&self) -> Result<Report> {
        // shards write the same files
        let _turn = lock::wait(&self.ground.path().join(".report"))?;
        let night = self.ground.read(self.name)?;
        let report = report::of(&night, self.past, self.ground)?;
        report.save(self.ground, self.out)?;
        Ok(report)
    }
}

impl Keeper for Book<'_> {
    fn happened(&mut self, event: &Event) -> Result<()> {
        self.journal.append(event)
    }

    fn bill(&mut self, customer: &str, bill: &Bill) -> Result<()> {
        self.ground.keep_bill(self.name, customer, bill)
    }

    fn rest(&mut self, _: &Night) -> Result<()> {
        self.report().map(drop)
    }
}

fn prune(
    policy: &Policy,
    here: &Here<'_>,
    ground: &Ground,
    night: &Night,
    now: Timestamp,
) -> Result<()> {
    let out = &here.tools.project.out;
    let mut builds = Vec::new();
    for (name, planned) in night.customers() {
        let Some(planned) = planned else { continue };
        builds.push(prune::builds(out, &planned.folder, &here.named(name)?)?);
    }
    prune::choose(builds, &policy.keep, now).iter().try_for_each(prune::remove)?;
    prune::nights(ground, &ground.past()?, policy.keep.nights).map(drop)
}

/// What a journal of a night says; for tests and tools.
pub fn read(path: &Path) -> Result<Vec<Event>> {
    journal::read(path)
}
