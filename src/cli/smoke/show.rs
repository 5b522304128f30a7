//! The end of a smoke test for people: what happened, the evidence, what to do.

use std::path::Path;

use anstyle::{AnsiColor, Style};

use crate::appliance::kernel::Complaint;
use crate::smoke::{Accelerator, BootRecord, BootReport, Firmware, TestNetwork, Verdict};

/// How many of the console's last lines are shown; the report has more, the log all of them.
const LINES: usize = 15;

/// How many of the kernel's complaints are shown.
const COMPLAINTS: usize = 5;

/// A longer line of the console is cut here, in characters.
const COLUMNS: usize = 160;

/// What is shown on stderr.
pub(super) fn report(report: &BootReport, folder: &Path) -> String {
    let passed = report.verdict == Verdict::Ready;
    let color = if passed { AnsiColor::Green } else { AnsiColor::Red };
    let loud = Style::new().bold().fg_color(Some(color.into()));
    let mut lines = vec![String::new(), format!("{loud}{}{loud:#}", report.summary)];
    lines.push(machine(report));
    lines.push(network(report));
    lines.extend(complaints(report));
    if let Verdict::Failed { line } = &report.verdict {
        lines.extend(line.failed.iter().map(|resource| format!("  failed: {resource}")));
    }
    if !passed {
        lines.extend(report.boots.last().into_iter().flat_map(last_lines));
    }
    if let Some(advice) = &report.advice {
        lines.push(format!("  help: {advice}"));
    }
    let pictures: Vec<&str> = report.boots.iter().filter_map(|b| b.screen.as_deref()).collect();
    let logs: Vec<&str> = report.boots.iter().map(|b| b.serial.as_str()).collect();
    let files = [&["report.json"], pictures.as_slice(), logs.as_slice()].concat().join(", ");
    lines.push(format!("  report: {}/ with {files}", folder.display()));
    lines.join("\n")
}

fn machine(report: &BootReport) -> String {
    let firmware = match report.firmware {
        Firmware::Bios => "BIOS",
        Firmware::Uefi => "UEFI",
        Firmware::SecureBoot => "UEFI with Secure Boot",
    };
    let accelerator = match report.accelerator {
        Accelerator::Kvm => "KVM",
        Accelerator::Tcg => "TCG",
    };
    let times: Vec<String> =
        report.boots.iter().map(|boot| format!("{:.0} s", boot.seconds)).collect();
    format!(
        "  {} by {firmware}, QEMU {} with {accelerator}, {}",
        report.release,
        report.qemu,
        times.join(" and ")
    )
}

/// Which address was asked, for a machine that expects its customer's network.
fn network(report: &BootReport) -> String {
    let TestNetwork { fixed, address, prefix, gateway, .. } = report.network;
    let how = if fixed { "its own fixed address" } else { "given by DHCP" };
    format!("  asked at {address}, {how}, in a network of /{prefix} with the gateway {gateway}")
}

/// The kernel's complaints, whatever the verdict: a machine that is READY may have lost a driver.
fn complaints(report: &BootReport) -> Vec<String> {
    let loud = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
    let all: Vec<&Complaint> = report.boots.iter().flat_map(|boot| &boot.complaints).collect();
    let shown = all.iter().take(COMPLAINTS).map(|complaint| cut(&complaint.text));
    let mut lines: Vec<String> =
        shown.map(|text| format!("  {loud}the kernel complains:{loud:#} {text}")).collect();
    if all.len() > COMPLAINTS {
        lines.push(format!("  and {} more in the report", all.len() - COMPLAINTS));
    }
    lines
}

/// A line of the console as far as it is shown.
fn cut(line: &str) -> String {
    line.chars().take(COLUMNS).collect()
}

fn last_lines(boot: &BootRecord) -> Vec<String> {
    if boot.last_lines.is_empty() {
        return vec!["  the console: nothing".to_owned()];
    }
    let skipped = boot.last_lines.len().saturating_sub(LINES);
    let shown = boot.last_lines.iter().skip(skipped).map(|line| format!("    | {}", cut(line)));
    std::iter::once("  the console's last lines:".to_owned()).chain(shown).collect()
}
