//! A night's report for people on a terminal: a line for each customer, and then what failed.

use std::path::Path;

use anstyle::{AnsiColor, Style};

use crate::error::Result;
use crate::fleet::report::{Customer, PAGE, Report, Verdict};

use super::super::project::{counted, shown};
use super::super::terminal::{self, clean};

/// Prints it on stdout; where the page is, on stderr.
pub(super) fn show(report: &Report, folder: &Path) -> Result<()> {
    let width =
        report.customers.iter().map(|c| c.customer.chars().count()).max().unwrap_or_default();
    for customer in &report.customers {
        let (color, verdict) = verdict(customer);
        let style = Style::new().fg_color(Some(color.into())).bold();
        let about = about(customer);
        terminal::print(format!(
            "{:width$}  {style}{verdict:8}{style:#}  {about}",
            customer.customer
        ))?;
    }
    for customer in report.customers.iter().filter(|c| c.verdict == Verdict::Failed) {
        if let (Some(step), Some(told)) = (customer.failed_at, &customer.error) {
            let lines = told
                .to_string()
                .lines()
                .map(|line| format!("  {}\n", clean(line)))
                .collect::<String>();
            terminal::complain(&format!(
                "\n{} failed at {step}:\n{}",
                customer.customer,
                lines.trim_end()
            ));
        }
    }
    terminal::advise(&format!("\nthe page: {}", shown(&folder.join(PAGE)).display()));
    Ok(())
}

fn verdict(customer: &Customer) -> (AnsiColor, &'static str) {
    match (customer.verdict, customer.flaky) {
        (Verdict::Failed, _) => (AnsiColor::Red, "failed"),
        (Verdict::Waiting, _) => (AnsiColor::Magenta, "waiting"),
        (_, true) => (AnsiColor::Yellow, "flaky"),
        (Verdict::Built, _) => (AnsiColor::Green, "built"),
        (Verdict::Reused, _) => (AnsiColor::Blue, "reused"),
    }
}

fn about(customer: &Customer) -> String {
    let mut parts = Vec::new();
    parts.extend(customer.failed_at.map(|step| format!("at {step}")));
    parts.extend(customer.planned.as_ref().map(|planned| planned.id.clone()));
    let ready = customer.runs.iter().filter_map(|run| run.boot.as_ref()?.seconds);
    parts.extend(ready.map(|seconds| format!("READY after {seconds:.0} s")));
    let changes = &customer.changes;
    for (count, noun) in [
        (changes.apps.len(), "app"),
        (changes.modules.len(), "module"),
        (changes.packages.len(), "package"),
    ] {
        if count > 0 {
            parts.push(format!("{} changed", counted(count, noun)));
        }
    }
    parts.join(", ")
}
