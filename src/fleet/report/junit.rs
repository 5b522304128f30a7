//! The report as CI servers read it: a suite for each customer, a case for each step. A smoke test that passed when it was
//! repeated has `flakyFailure`, as Surefire writes it; who does not know that element sees a test that passed.

use tera::Context;

use super::value::{Report, Verdict};
use crate::error::Result;
use crate::fleet::job::{Blame, Outcome};
use crate::template::{Language, render};
use crate::units::Timestamp;

const TEMPLATE: &str = include_str!("../../../templates/nightly/junit.xml");

/// The text.
pub(super) fn junit(report: &Report) -> Result<String> {
    let suites: Vec<_> = report
        .customers
        .iter()
        .map(|customer| {
            let own = |o: &&Outcome| o.customer == customer.customer;
            let jobs: Vec<&Outcome> = report.jobs.iter().filter(own).collect();
            // the newest of each step counts; the first failure of one that was repeated is shown in it
            let last = jobs.iter().enumerate().filter(|(at, outcome)| {
                !jobs[at + 1..].iter().any(|later| later.step == outcome.step)
            });
            let cases: Vec<_> = last.map(|(_, outcome)| case(outcome, &jobs)).collect();
            let failed = |kind: &str| cases.iter().filter(|case| case["state"] == kind).count();
            serde_json::json!({
                "name": text(&customer.customer),
                "time": seconds(customer.seconds),
                "failures": failed("failure"),
                "errors": failed("error"),
                "skipped": usize::from(customer.verdict == Verdict::Waiting),
                "tests": cases.len() + usize::from(customer.verdict == Verdict::Waiting),
                "cases": cases,
            })
        })
        .collect();
    let sum = |key: &str| suites.iter().filter_map(|s| s[key].as_u64()).sum::<u64>();
    let mut values = Context::new();
    for key in ["tests", "failures", "errors", "skipped"] {
        values.insert(key, &sum(key));
    }
    values.insert("night", &report.night);
    values.insert("time", &seconds(report.seconds));
    values.insert("timestamp", &moment(report.began));
    values.insert("suites", &suites);
    render(Language::Html, "junit.xml", TEMPLATE, &values)
}

fn case(outcome: &Outcome, jobs: &[&Outcome]) -> serde_json::Value {
    let state = match (outcome.is_good(), outcome.blame) {
        (true, _) => "good",
        (false, Some(Blame::Infrastructure)) => "error",
        (false, _) => "failure",
    };
    let told = |outcome: &Outcome| match &outcome.error {
        Some(told) => (text(&told.headline()), text(&told.to_string())),
        None => (String::new(), String::new()),
    };
    let (message, whole) = told(outcome);
    let first =
        jobs.iter().find(|o| o.step == outcome.step && o.job == outcome.job && !o.is_good());
    let flaky = first.filter(|_| outcome.is_good()).map(|first| told(first));
    let (flaky_message, flaky_text) = flaky.clone().unwrap_or_default();
    serde_json::json!({
        "name": outcome.step.name(),
        "time": seconds(outcome.seconds),
        "state": state,
        "message": message,
        "text": whole,
        "flaky": flaky.is_some(),
        "flaky_message": flaky_message,
        "flaky_text": flaky_text,
    })
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// Without a zone, as the format has it; in UTC.
fn moment(at: Timestamp) -> String {
    at.to_string().trim_end_matches('Z').to_owned()
}

/// XML 1.0 has no control characters, and what programs say has some.
pub(super) fn text(value: &str) -> String {
    let clean = |c: char| match c {
        '\n' => c,
        '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        c => c,
    };
    value.chars().map(clean).collect()
}
