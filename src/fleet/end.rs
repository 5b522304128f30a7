//! How a night ends, and who is told.

use std::path::Path;

use super::job::Blame;
use super::night::Night;
use super::policy::{Policy, When};
use super::report::{REPORT, Report, Verdict};
use super::standing::Standing;
use crate::command::{self, Sees};
use crate::error::Result;

/// Names report.json for the program that is told when a night is over.
const REPORT_VARIABLE: &str = "SLIPWAY_REPORT";

/// How a night ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Everything that was to be done was done.
    Good,
    /// There was nothing to do.
    Idle,
    /// Some customers failed.
    Failed,
    /// This machine, the network or a disk failed.
    Infrastructure,
}

/// How a night ended.
pub fn conclude(night: &Night) -> Conclusion {
    let standings: Vec<Standing> =
        night.customers().map(|(name, _)| night.standing(name)).collect();
    let failed = |blame: Blame| {
        standings.iter().any(|s| matches!(s, Standing::Failed(o) if o.blame == Some(blame)))
    };
    let is_idle = |s: &Standing| matches!(s, Standing::Good { idle: true, .. });
    match () {
        () if failed(Blame::Infrastructure) => Conclusion::Infrastructure,
        () if failed(Blame::Customer) || standings.contains(&Standing::Waiting) => {
            Conclusion::Failed
        }
        () if standings.iter().all(is_idle) => Conclusion::Idle,
        () => Conclusion::Good,
    }
}

/// Runs the program that the policy names.
pub(super) fn notify(
    policy: &Policy,
    root: &Path,
    report: &Report,
    folder: &Path,
    conclusion: Conclusion,
) -> Result<()> {
    let Some(notify) = &policy.notify else { return Ok(()) };
    let Some((program, arguments)) = notify.command.split_first() else { return Ok(()) };
    let bad = report.totals.flaky > 0
        || report.customers.iter().any(|c| matches!(c.verdict, Verdict::Failed | Verdict::Waiting));
    let wanted = match notify.when {
        When::Always => true,
        When::Change => bad || conclusion != Conclusion::Idle,
        When::Failure => bad,
    };
    if !wanted {
        return Ok(());
    }
    let mut command = command::seeing(program, Sees::Network(&[]));
    command.args(arguments).current_dir(root).env(REPORT_VARIABLE, folder.join(REPORT));
    command::output(&mut command, program).map(drop)
}
