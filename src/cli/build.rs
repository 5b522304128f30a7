//! `slipway build`: build customers' images.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use crate::build::{self, Built};
use crate::desk::Desk;
use crate::error::{Kind, Result};
use crate::lint::{self, Judged};
use crate::progress::Progress as _;
use crate::project::Surroundings;
use crate::units::ByteSize;

use super::Output;
use super::lint::people;
use super::project::{self, shown};
use super::pulling;
use super::signing;
use super::terminal::{self, Terminal};

/// Arguments of `slipway build`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Customers, or paths of profiles; if one fails, the others are still built
    #[arg(value_name = "PROFILE", required_unless_present = "all")]
    profiles: Vec<String>,
    /// Build the image of every customer of the project
    #[arg(long, conflicts_with = "profiles")]
    all: bool,
    /// Where artifacts go, in a folder for each customer [default: out/ of the project]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do not compute the SHA-256 of artifacts: for a large raw disk, that takes longer than writing it
    #[arg(long)]
    no_digest: bool,
    /// Read the whole base and its layers first, and compare them with their SHA-256
    #[arg(long)]
    verify: bool,
    /// How many threads work on an image [default: as many as this machine has]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Print what was built as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulling: pulling::Options,
    #[command(flatten)]
    project: project::Options,
}

/// What an interrupted build leaves.
const STAYS: &str = "earlier artifacts have not changed, and finished bases, bundles and encoded regions stay in \
     the cache: the next build continues from them, and removes unfinished files";

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let mut desk = Desk::open(args.project.open(surroundings)?, args.pulling.read())?;
    (desk.workshop.digests, desk.workshop.verify) = (!args.no_digest, args.verify);
    desk.workshop.threads = args.threads.unwrap_or(desk.workshop.threads);
    if let Some(out) = &args.out {
        desk.workshop.out.clone_from(out);
    }
    let progress = Terminal::stoppable(STAYS)?;
    if let ([wanted], false) = (&args.profiles[..], args.all) {
        let one = build(&desk, wanted, &progress)?;
        progress.done();
        one.tell(args.json)?;
        return Ok(u8::from(one.is_refused()));
    }
    let mut outcomes = Vec::new();
    for wanted in wanted(args, &desk)? {
        progress.step(&format!("customer {wanted}"), None);
        match build(&desk, &wanted, &progress) {
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            outcome => outcomes.push((wanted, outcome)),
        }
    }
    progress.done();
    if args.json {
        tell_programs(&outcomes)?
    } else {
        tell_people(&outcomes)?
    }
    let bad = |(_, outcome): &Outcome| outcome.as_ref().map_or(true, Image::is_refused);
    Ok(u8::from(outcomes.iter().any(bad)))
}

/// What is to be built, as the user would name it.
fn wanted(args: &Args, desk: &Desk) -> Result<Vec<String>> {
    if !args.all {
        return Ok(args.profiles.clone());
    }
    let name = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(desk.project.paths()?.iter().map(name).collect())
}

fn build(desk: &Desk, wanted: &str, progress: &Terminal) -> Result<Image> {
    let begun = Instant::now();
    let ticket = desk.order(wanted, signing::now())?;
    let (record, built) = desk.build(&ticket, progress)?;
    let folder = record.parent().unwrap_or(&desk.workshop.out).to_owned();
    let platforms = &ticket.order.profile.platforms;
    if !platforms.is_empty() {
        let names: Vec<_> = platforms.iter().map(|platform| platform.name()).collect();
        progress.step(&format!("lint for {}", names.join(", ")), None);
    }
    let judged = lint::judge_built(&folder, &built, platforms)?;
    Ok(Image { record, folder, built, judged, seconds: begun.elapsed().as_secs_f64() })
}

/// A customer's image.
struct Image {
    record: PathBuf,
    folder: PathBuf,
    built: Built,
    /// What the platforms say that it was asked for.
    judged: Vec<Judged>,
    seconds: f64,
}

impl Image {
    /// Whoever asked for a platform did not get what they asked for when that refuses the image: the build ends with 1,
    /// though its files are whole and stay.
    fn is_refused(&self) -> bool {
        self.judged.iter().any(Judged::is_refused)
    }

    fn json(&self) -> Value {
        let Self { record, folder, built, judged, .. } = self;
        json!({ "record": record, "folder": folder, "built": built, "platforms": judged })
    }

    fn tell(&self, as_json: bool) -> Result<()> {
        if as_json {
            return terminal::print_json(&self.json());
        }
        for artifact in &self.built.artifacts {
            let file = self.folder.join(&artifact.file);
            let digest = artifact.sha256.map(|d| format!("  sha256:{d}")).unwrap_or_default();
            let size = ByteSize(artifact.size.0);
            terminal::print(format!("{}  {size}{digest}", shown(&file).display()))?;
        }
        let page = self.folder.join(build::PAGE);
        terminal::advise(&format!("how to import it: {}", shown(&page).display()));
        for Judged { platform, file, findings } in &self.judged {
            terminal::complain(&format!("\n{file}\n{}", people(findings, *platform)));
        }
        Ok(())
    }
}

type Outcome = (String, Result<Image>);

/// The errors last: whoever looks at the end of a long log sees what is to be done.
fn tell_people(outcomes: &[Outcome]) -> Result<()> {
    for (_, outcome) in outcomes {
        if let Ok(image) = outcome {
            image.tell(false)?;
        }
    }
    let width = outcomes.iter().map(|(wanted, _)| wanted.len()).max().unwrap_or_default();
    for (wanted, outcome) in outcomes {
        let line = |said: &str| format!("{wanted:width$}  {said}");
        match outcome {
            Ok(image) if image.is_refused() => {
                terminal::complain(&line("built, and refused by a platform: see above"));
            }
            Ok(image) => {
                let next = format!("built in {:.0} s; next: slipway smoke {wanted}", image.seconds);
                terminal::advise(&line(&next));
            }
            Err(_) => terminal::complain(&line("failed, see below")),
        }
    }
    for (wanted, outcome) in outcomes {
        if let Err(error) = outcome {
            terminal::complain(&format!("\n{wanted}:"));
            super::report(error, Output::Text);
        }
    }
    Ok(())
}

fn tell_programs(outcomes: &[Outcome]) -> Result<()> {
    let built: Vec<_> =
        outcomes.iter().filter_map(|(_, o)| o.as_ref().ok()).map(Image::json).collect();
    let failed = |(wanted, outcome): &Outcome| {
        let error = outcome.as_ref().err()?;
        Some(json!({ "profile": wanted, "error": error.told() }))
    };
    let failed: Vec<_> = outcomes.iter().filter_map(failed).collect();
    terminal::print_json(&json!({ "images": built, "failed": failed }))
}
