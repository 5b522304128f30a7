//! The report of a night as a value: a function of the journals, so that it can be made again from them at any time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::bill::Changes;
use super::super::ground::{Ground, Past, Written};
use super::super::job::{Booted, Event, Outcome, Planned, Released};
use super::super::night::Night;
use super::super::standing::Standing;
use super::super::step::Step;
use crate::error::{Result, Told};
use crate::units::{Digest, Timestamp, rfc3339};

/// The version of the report's format.
pub const FORMAT: u32 = 1;
/// How many nights the trend shows.
const NIGHTS: usize = 30;

/// What a night did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format.
    pub format: u32,
    /// The night's name.
    pub night: String,
    /// Slipway's version.
    pub slipway: String,
    /// When it began.
    #[serde(with = "rfc3339")]
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// Whether it is over; it was cut off, or still runs, if not.
    pub over: bool,
    /// From its beginning to the end of the last job.
    pub seconds: f64,
    /// How many customers have which verdict.
    pub totals: Totals,
    /// The customers, by name.
    pub customers: Vec<Customer>,
    /// Every job, in the order in which they ended.
    pub jobs: Vec<Outcome>,
    /// The nights before it and itself, the oldest first.
    pub trend: Vec<Trend>,
}

/// How many customers have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Their images were made.
    pub built: usize,
    /// Their images were there already.
    pub reused: usize,
    /// Something failed.
    pub failed: usize,
    /// Nothing is known of them yet.
    pub waiting: usize,
    /// Of those that did not fail: a smoke test passed only when it was repeated.
    pub flaky: usize,
}

/// What became of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The images were made.
    Built,
    /// The images were there already.
    Reused,
    /// A step failed.
    Failed,
    /// Nothing is known yet: the night was cut off, or goes on.
    Waiting,
}

/// A customer's night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// The name of the profile.
    pub customer: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether a smoke test passed only when it was repeated.
    pub flaky: bool,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Step>,
    /// Why, as `slipway build` and `slipway smoke` show it; for a flaky test, why it failed the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Told>,
    /// What was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
    /// The images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// The smoke tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// The release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Released>,
    /// What is in the image that was not there in the last night, and the other way round.
    #[serde(default)]
    pub changes: Changes,
    /// Seconds of all its jobs.
    pub seconds: f64,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// Its name.
    pub file: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// A smoke test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Which.
    pub step: Step,
    /// Whether it became READY.
    pub good: bool,
    /// Whether it was made in an earlier night, of the same bytes.
    pub reused: bool,
    /// The customer whose test stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_by: Option<String>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Booted>,
}

/// One night in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Its name.
    pub night: String,
    /// How many customers had which verdict.
    pub totals: Totals,
    /// How long it took.
    pub seconds: f64,
}

/// The report's schema.
pub fn schema() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<Report>().to_value()
}

/// Makes the report.
pub(super) fn report(night: &Written, past: &Past, ground: &Ground) -> Result<Report> {
    let nights = states(night);
    let changed_only = night.lanes.iter().flatten().any(|event| match event {
        Event::Began(began) => began.changed_only,
        Event::Outcome(_) | Event::Ended { .. } => false,
    });
    let mut customers = Vec::new();
    for state in &nights {
        for (name, planned) in state.customers() {
            if changed_only && matches!(state.standing(name), Standing::Good { idle: true, .. }) {
                continue;
            }
            let changes = changes(name, &night.name, past, ground)?;
            customers.push(customer(state, name, planned, changes));
        }
    }
    customers.sort_by(|a: &Customer, b: &Customer| a.customer.cmp(&b.customer));
    let mut jobs: Vec<Outcome> = nights.iter().flat_map(|n| n.outcomes().iter().cloned()).collect();
    // not by time: the clock's second is too coarse for jobs that take none
    jobs.sort_by_key(|job| (job.customer.clone(), job.step.place(), job.attempt));
    let slipway = night.lanes.iter().flatten().find_map(|event| match event {
        Event::Began(began) => Some(began.slipway.clone()),
        Event::Outcome(_) | Event::Ended { .. } => None,
    });
    let before = past.nights.iter().filter(|other| other.name != night.name);
    let mut trend: Vec<Trend> = before.map(in_a_line).collect();
    trend.push(in_a_line(night));
    Ok(Report {
        format: FORMAT,
        night: night.name.clone(),
        slipway: slipway.unwrap_or_default(),
        began: night.began().unwrap_or_default(),
        over: night.ended().is_some(),
        seconds: seconds(night),
        totals: totals(&customers),
        customers,
        jobs,
        trend: trend.split_off(trend.len().saturating_sub(NIGHTS)),
    })
}

fn states(night: &Written) -> Vec<Night> {
    night.lanes.iter().filter_map(|lane| Night::replay(lane)).collect()
}

/// In seconds since 1970.
fn end(outcome: &Outcome) -> f64 {
    outcome.begun.seconds as f64 + outcome.seconds
}

fn seconds(night: &Written) -> f64 {
    let ends = night.lanes.iter().flatten().filter_map(|event| match event {
        Event::Outcome(outcome) => Some(end(outcome)),
        Event::Began(_) => None,
        Event::Ended { at } => Some(at.seconds as f64),
    });
    let began = night.began().unwrap_or_default().seconds as f64;
    (ends.fold(began, f64::max) - began).max(0.0)
}

fn totals<'a>(customers: impl IntoIterator<Item = &'a Customer>) -> Totals {
    let mut totals = Totals::default();
    for customer in customers {
        match customer.verdict {
            Verdict::Built => totals.built += 1,
            Verdict::Reused => totals.reused += 1,
            Verdict::Failed => totals.failed += 1,
            Verdict::Waiting => totals.waiting += 1,
        }
        totals.flaky += usize::from(customer.flaky && customer.verdict != Verdict::Failed);
    }
    totals
}

fn in_a_line(night: &Written) -> Trend {
    let states = states(night);
    let customers = states.iter().flat_map(|state| {
        state.customers().map(|(name, planned)| customer(state, name, planned, Changes::default()))
    });
    let customers: Vec<Customer> = customers.collect();
    Trend { night: night.name.clone(), totals: totals(&customers), seconds: seconds(night) }
}

fn customer(state: &Night, name: &str, planned: Option<&Planned>, changes: Changes) -> Customer {
    let (verdict, failed) = match state.standing(name) {
        Standing::Waiting => (Verdict::Waiting, None),
        Standing::Failed(outcome) => (Verdict::Failed, Some(*outcome)),
        Standing::Good { reused: true, .. } => (Verdict::Reused, None),
        Standing::Good { reused: false, .. } => (Verdict::Built, None),
    };
    let flaky = state.flaky(name);
    let told = failed.as_ref().or(flaky).and_then(|outcome| outcome.error.clone());
    let last: BTreeMap<usize, &Outcome> =
        state.last(name).map(|outcome| (outcome.step.place(), outcome)).collect();
    let images = last.values().find(|o| o.step == Step::Build).map(|o| &o.evidence.artifacts);
    let image = |kept: &super::super::job::Kept| Image {
        file: kept.file.clone(),
        size: kept.size,
        sha256: kept.sha256,
    };
    let run = |o: &&&Outcome| Run {
        step: o.step,
        good: o.is_good(),
        reused: o.ending == super::super::job::Ending::Reused,
        covered_by: o.evidence.covered_by.clone(),
        boot: o.evidence.boot.clone(),
    };
    let own = state.outcomes().iter().filter(|outcome| outcome.customer == name);
    Customer {
        customer: name.to_owned(),
        verdict,
        flaky: flaky.is_some(),
        failed_at: failed.as_ref().map(|outcome| outcome.step),
        error: told,
        planned: planned.cloned(),
        images: images.into_iter().flatten().map(image).collect(),
        runs: last.values().filter(|o| o.step.is_smoke()).map(|o| run(&o)).collect(),
        release: last.values().rev().find_map(|o| o.evidence.release.clone()),
        changes,
        seconds: (own.map(|outcome| outcome.seconds).sum::<f64>() * 1e3).round() / 1e3,
    }
}

/// What differs from the newest earlier night that knows what was in this customer's image.
fn changes(customer: &str, night: &str, past: &Past, ground: &Ground) -> Result<Changes> {
    let Some(now) = ground.bill(night, customer)? else { return Ok(Changes::default()) };
    let earlier = past.nights.iter().rev().skip_while(|other| other.name != night);
    let earlier: Vec<_> = match earlier.clone().next() {
        Some(_) => earlier.skip(1).collect(),
        None => past.nights.iter().rev().collect(),
    };
    for other in earlier {
        if let Some(before) = ground.bill(&other.name, customer)? {
            return Ok(now.since(&before, &other.name));
        }
    }
    Ok(Changes::default())
}
