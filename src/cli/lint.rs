//! `slipway lint`: what a platform would refuse in an image, or trip over.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;

use super::project::counted;
use super::terminal;
use crate::error::Result;
use crate::lint::{self, Finding, Platform, Severity};

/// The exit code for an image that the platform refuses.
const REFUSED: u8 = 1;

/// Arguments of `slipway lint`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The image, in any format that slipway writes
    image: PathBuf,
    /// Where it is meant to run: vmware, virtualbox, hyperv, azure, gce, aws, kvm
    #[arg(long = "for", value_name = "PLATFORM", value_parser = parse_platform)]
    platform: Platform,
    /// Print the findings as JSON on stdout
    #[arg(long)]
    json: bool,
}

/// Runs the verb; the number is the process's exit code: 1 when there are errors.
pub fn run(args: &Args) -> Result<u8> {
    let findings = lint::lint(&args.image, args.platform)?;
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if args.json {
        let value = json!({
            "image": args.image, "platform": args.platform,
            "errors": errors, "warnings": warnings, "findings": findings,
        });
        terminal::print_json(&value)?;
    } else {
        terminal::print(people(&findings, args.platform, errors, warnings))?;
    }
    Ok(if errors == 0 { 0 } else { REFUSED })
}

fn people(findings: &[Finding], platform: Platform, errors: usize, warnings: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let (rule, reason) = (finding.rule, terminal::clean(&finding.reason));
        // writing to a string does not fail
        let _ = writeln!(text, "{severity}: {reason} [{rule}]");
        let _ = writeln!(text, "  fix: {}", finding.fix);
    }
    let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
    text.push_str(&format!("{}: {errors}, {warnings}", platform.name()));
    text
}

fn parse_platform(text: &str) -> Result<Platform, String> {
    Platform::ALL.into_iter().find(|platform| platform.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Platform::ALL.iter().map(|platform| platform.name()).collect();
        format!("the platforms are {}", names.join(", "))
    })
}
