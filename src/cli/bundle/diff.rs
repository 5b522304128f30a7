//! `slipway bundle diff`.

use std::path::PathBuf;

use serde_json::json;

use crate::bundle::{self, Bundle, Change};
use crate::error::Result;
use crate::project::Surroundings;

use super::super::terminal;

/// Arguments of `slipway bundle diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first bundle's .tgz.
    before: PathBuf,
    /// The second bundle's .tgz.
    after: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, _: &Surroundings) -> Result<u8> {
    let before = Bundle::verify(&args.before)?.manifest;
    let after = Bundle::verify(&args.after)?.manifest;
    let diff = bundle::diff(&before, &after);
    if args.json {
        let (from, to) = (&before.release, &after.release);
        terminal::print_json(&json!({ "before": from, "after": to, "differs": diff }))?;
        return Ok(0);
    }
    let mut text = format!("{} -> {}", before.release, after.release);
    for (kind, changes) in [
        ("app", &diff.apps),
        ("module", &diff.modules),
        ("package", &diff.packages),
        ("file", &diff.files),
    ] {
        changes.iter().for_each(|change| text += &line(kind, change));
    }
    if diff.is_empty() {
        text += "\n  no app, module, package or file differs";
    }
    terminal::print(text).map(|()| 0)
}

fn line(kind: &str, change: &Change) -> String {
    let Change { name, before, after } = change;
    let what = match (before, after) {
        (None, Some(after)) => format!("+ {kind:<8} {name}  {after}"),
        (Some(before), None) => format!("- {kind:<8} {name}  {before}"),
        (before, after) => {
            let side = |s: &Option<String>| s.clone().unwrap_or_default();
            format!("~ {kind:<8} {name}  {} -> {}", side(before), side(after))
        }
    };
    format!("\n  {what}")
}
