//! How long jobs will take, from what they took in earlier nights.

use std::collections::BTreeMap;

use super::ground::Past;
use super::job::{Ending, Event, Outcome};
use super::night::Night;
use super::step::Step;

/// What jobs took.
#[derive(Clone, Debug, Default)]
pub struct Estimates {
    /// The last time, in seconds.
    last: BTreeMap<(String, &'static str), f64>,
    /// Of all customers together: the sum, and how many.
    all: BTreeMap<&'static str, (f64, usize)>,
    /// Bytes of a customer's images, the last time.
    bytes: BTreeMap<String, u64>,
}

impl Estimates {
    /// From earlier nights.
    pub fn of(past: &Past) -> Self {
        let mut estimates = Self::default();
        let events = past.nights.iter().flat_map(|night| night.lanes.iter().flatten());
        for event in events {
            if let Event::Outcome(outcome) = event {
                estimates.learn(outcome);
            }
        }
        estimates
    }

    /// Takes note of what a job took.
    pub fn learn(&mut self, outcome: &Outcome) {
        if outcome.ending != Ending::Done {
            return;
        }
        let (step, customer) = (outcome.step.name(), outcome.customer.clone());
        self.last.insert((customer.clone(), step), outcome.seconds);
        let (sum, count) = self.all.entry(step).or_default();
        *sum += outcome.seconds;
        *count += 1;
        if outcome.step == Step::Build {
            let size = outcome.evidence.artifacts.iter().map(|artifact| artifact.size).sum();
            self.bytes.insert(customer, size);
        }
    }

    /// How long a job will take, in seconds; none where nobody knows.
    pub fn seconds(&self, customer: &str, step: Step) -> Option<f64> {
        let own = self.last.get(&(customer.to_owned(), step.name())).copied();
        let all = || self.all.get(step.name()).map(|(sum, count)| sum / *count as f64);
        own.or_else(all)
    }

    /// How large a customer's images will be, in bytes.
    pub fn bytes(&self, customer: &str) -> Option<u64> {
        self.bytes.get(customer).copied()
    }

    /// How long a night still takes with so many jobs at once, in seconds; none where a job was never done before.
    pub fn left(&self, night: &Night, jobs: usize) -> Option<f64> {
        let mut sum = 0.0;
        for (name, _) in night.customers() {
            for step in night.left(name) {
                sum += self.seconds(name, step)?;
            }
        }
        Some(sum / jobs.max(1) as f64)
    }
}
