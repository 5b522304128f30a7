//! `slipway leaks`: what must not be in an image.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;

use super::images;
use super::project::{self, counted, shown};
use super::terminal::{self, Terminal, clean};
use crate::error::Result;
use crate::inspect::{self, Image, damage};
use crate::leak::{self, Against, Finding};
use crate::project::Surroundings;

/// The exit code for an image with something in it that must not be there.
const FOUND: u8 = 1;

/// Arguments of `slipway leaks`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What may stay gets a reason in the profile:

  [[release.allow]]
  rule = \"private-key\"
  path = \"/opt/app/test/key.pem\"
  reason = \"a key of the library's own tests\"

Exit codes: 0 nothing was found; 1 something was, or the image cannot be read.")]
pub struct Args {
    /// An image, or a profile, which means its newest image in out/
    #[arg(value_name = "IMAGE|PROFILE")]
    target: String,
    /// Print the findings as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code: 1 when something was found.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    let image = Arc::new(Image::open(&images::find(&args.target, &surroundings)?)?);
    damage::refuse_changed(&image)?;
    let customer = inspect::record(&image)?.map(|record| record.profile.customer.id);
    let against = match args.project.open_if_any(&surroundings)? {
        Some(project) => Against::project(&project, customer.as_deref())?,
        None => Against::machine(&surroundings),
    };
    for path in &against.unread {
        let path = shown(path);
        terminal::complain(&format!(
            "{}: has errors, so nothing in it is looked for",
            path.display()
        ));
    }
    let progress = Terminal::stoppable("nothing was written")?;
    crate::progress::Progress::step(&progress, "look for leaks", None);
    let findings = leak::check(&image, &against.needles, &against.allowed, &progress)?;
    progress.done();
    if args.json {
        let value = json!({ "image": image.path(), "customer": customer, "findings": findings });
        terminal::print_json(&value)?;
    } else {
        terminal::print(people(&findings))?;
    }
    Ok(if findings.is_empty() { 0 } else { FOUND })
}

fn people(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let rule = serde_json::to_value(finding.rule).unwrap_or_default();
        let (place, what) = (clean(&finding.place()), clean(&finding.what));
        let rule = rule.as_str().unwrap_or_default();
        // writing to a string does not fail
        let _ = writeln!(text, "error: {place}: {what} [{rule}]\n  fix: {}", finding.fix);
    }
    text + &counted(findings.len(), "leak")
}
