//! `slipway nightly --dry-run`: what a night would do, and how long it would take by earlier ones.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Result, Told};
use crate::fleet::{self, Call, Estimates, Here, Outlook, Step, Tools, Which};
use crate::progress::Quiet;
use crate::units::ByteSize;

use super::super::terminal;

/// What would be done for a customer.
#[derive(Serialize)]
struct Row {
    customer: String,
    /// The artifacts' name, where there is a plan already.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Bases and layers that would be made first.
    missing: Vec<String>,
    /// The steps that would not find everything done.
    steps: Vec<Step>,
    /// In seconds, by earlier nights; none where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// Size of the images that would be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<ByteSize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Told>,
}

/// Runs it; the number is the process's exit code.
pub(super) fn run(call: &Call, tools: Tools<'_>, as_json: bool) -> Result<u8> {
    let (policy, project) = (tools.policy.clone(), tools.project.clone());
    let estimates = fleet::estimates(&project)?;
    let here = Here::new(tools, BTreeMap::new(), &project.out)?;
    let mut rows = Vec::new();
    for customer in fleet::customers(&project, &policy, call)? {
        let row = match here.outlook(&customer, &Quiet) {
            Ok(outlook) => row(customer, outlook, &policy.smoke, &estimates),
            Err(e) => Row {
                customer,
                id: None,
                missing: Vec::new(),
                steps: vec![Step::Plan],
                seconds: None,
                bytes: None,
                error: Some(e.told()),
            },
        };
        rows.push(row);
    }
    if call.changed_only {
        rows.retain(|row| !row.steps.is_empty());
    }
    match as_json {
        true => terminal::print_json(&rows)?,
        false => tell(&rows, policy.allowed(call.processors).jobs)?,
    }
    Ok(if rows.iter().all(|row| row.steps.is_empty()) { super::IDLE } else { 0 })
}

fn row(customer: String, outlook: Outlook, smoke: &fleet::Smoke, estimates: &Estimates) -> Row {
    let mut steps = Vec::new();
    if !outlook.built {
        steps.extend([Step::Build, Step::Lint]);
    }
    if smoke.of(&customer) != Which::None {
        let open = smoke.firmware.iter().filter(|firmware| !outlook.tested.contains(firmware));
        steps.extend(open.map(|firmware| Step::Smoke(*firmware)));
    }
    let seconds: Option<f64> = steps.iter().map(|step| estimates.seconds(&customer, *step)).sum();
    let bytes = estimates.bytes(&customer).filter(|_| !outlook.built).map(ByteSize);
    Row { seconds, bytes, id: outlook.id, missing: outlook.missing, steps, error: None, customer }
}

fn tell(rows: &[Row], jobs: usize) -> Result<()> {
    let width = rows.iter().map(|row| row.customer.chars().count()).max().unwrap_or_default();
    for row in rows {
        terminal::print(format!("{:width$}  {}", row.customer, line(row)))?;
    }
    let work: Option<f64> = rows.iter().map(|row| row.seconds).sum();
    let bytes: u64 = rows.iter().filter_map(|row| row.bytes).map(ByteSize::bytes).sum();
    let time = work
        .map_or("nobody knows how long: these jobs were never done".to_owned(), |work| {
            format!("about {:.0} s of work, {jobs} jobs at once", work)
        });
    terminal::advise(&format!("{time}; images of {} would be written", ByteSize(bytes)));
    Ok(())
}

fn line(row: &Row) -> String {
    if let Some(told) = &row.error {
        return format!("would fail: {}", told.in_one_line());
    }
    let steps: Vec<String> =
        row.missing.iter().cloned().chain(row.steps.iter().map(ToString::to_string)).collect();
    let time = row.seconds.filter(|_| !row.steps.is_empty()).map(|s| format!(", about {s:.0} s"));
    match steps.is_empty() {
        true => "nothing to do".to_owned(),
        false => format!("{}{}", steps.join(", "), time.unwrap_or_default()),
    }
}
