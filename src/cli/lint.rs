//! `slipway lint`: what a platform would refuse in an image, or trip over.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::project::counted;
use super::terminal;
use crate::error::Result;
use crate::lint::{self, Finding, Platform, Severity};
use crate::project::Surroundings;

/// The exit code for an image that the platform refuses.
const REFUSED: u8 = 1;

/// Arguments of `slipway lint`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The image, in any format that slipway writes
    image: PathBuf,
    /// Where it is meant to run; the `formats` of a profile may have the same names
    #[arg(long = "for", value_name = "PLATFORM", value_parser = platforms())]
    platform: Platform,
    /// Print the findings as JSON on stdout
    #[arg(long)]
    json: bool,
}

/// Runs the verb; the number is the process's exit code: 1 when there are errors.
pub fn run(args: &Args, _: &Surroundings) -> Result<u8> {
    let findings = lint::lint(&args.image, args.platform)?;
    let (errors, warnings) = count(&findings);
    if args.json {
        let value = json!({
            "image": args.image, "platform": args.platform,
            "errors": errors, "warnings": warnings, "findings": findings,
        });
        terminal::print_json(&value)?;
    } else {
        terminal::print(people(&findings, args.platform))?;
    }
    Ok(if errors == 0 { 0 } else { REFUSED })
}

/// Errors and warnings.
fn count(findings: &[Finding]) -> (usize, usize) {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    (count(Severity::Error), count(Severity::Warning))
}

/// Findings as people read them, the sum last.
pub(super) fn people(findings: &[Finding], platform: Platform) -> String {
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
    let (errors, warnings) = count(findings);
    let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
    text.push_str(&format!("{}: {errors}, {warnings}", platform.name()));
    text
}

/// The platforms, each with all its names, for the parser and for shells that complete.
fn platforms() -> impl TypedValueParser<Value = Platform> {
    let value = |platform: Platform| {
        PossibleValue::new(platform.name()).aliases(platform.aliases()).help(platform.title())
    };
    PossibleValuesParser::new(Platform::ALL.map(value)).try_map(|name| {
        Platform::named(&name).ok_or_else(|| format!("there is no platform {name:?}"))
    })
}
