//! `slipway nightly submit`: one night on many machines, by Slurm or Kubernetes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bundle::Name;
use crate::command;
use crate::error::{Context as _, Error, Kind, Result};
use crate::fleet::{self, Ground, Script, Shared, array};
use crate::project::{Project, Surroundings};
use crate::whole;

use super::super::{project, terminal};

/// Arguments of `slipway nightly submit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
All machines must see the project's folder under the same path. A night that was submitted already is
submitted again only for the shards that are not over, by their journals.")]
#[group(id = "scheduler", required = true, args = ["slurm", "kubernetes"])]
pub struct Args {
    /// Submit an array to Slurm, and behind it the report
    #[arg(long, conflicts_with = "kubernetes")]
    slurm: bool,
    /// Write an Indexed Job and a CronJob for Kubernetes
    #[arg(long)]
    kubernetes: bool,
    /// How many machines share the customers
    #[arg(long, value_name = "N")]
    shards: usize,
    /// The night's name
    #[arg(long, value_name = "NAME")]
    night: Name,
    /// The image of the containers, which has slipway and what `slipway doctor` asks for
    #[arg(long, value_name = "IMAGE", default_value = "slipway:latest", conflicts_with = "slurm")]
    image: String,
    /// The volume claim with the project
    #[arg(long, value_name = "CLAIM", default_value = "slipway-project", conflicts_with = "slurm")]
    claim: String,
    /// Show the files, and submit nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Where sbatch and sacct come from.
const SLURM: &str = "slurm-client";

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let policy = super::policy(&project)?;
    let customers = match &policy.customers {
        Some(named) => named.len(),
        None => fleet::names(&project)?.len(),
    };
    let shared = Shared::new(args.night.to_string(), args.shards, customers)?;
    let ground = Ground::of(&project.out);
    let open = shared.open(&ground)?;
    if open.is_empty() {
        terminal::advise("all shards of this night are over: nothing is submitted");
        return Ok(super::IDLE);
    }
    let scripts = match args.slurm {
        true => shared.slurm(&program()?, &absolute(&project.root)?)?.to_vec(),
        false => vec![shared.kubernetes(&args.image, &args.claim)?],
    };
    if args.dry_run {
        scripts.iter().try_for_each(|script| terminal::print(&script.text))?;
        return Ok(0);
    }
    let folder = ground.make(&shared.night)?;
    let paths = written(&folder, &scripts)?;
    match paths.as_slice() {
        [shard, report] => slurm(&folder, &shared, &open, shard, report)?,
        _ => kubernetes(&project, &paths)?,
    }
    Ok(0)
}

fn program() -> Result<PathBuf> {
    std::env::current_exe().doing("cannot find out where this program is")
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).at("cannot make the path absolute", path)
}

fn written(folder: &Path, scripts: &[Script]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for script in scripts {
        let path = folder.join(script.name);
        whole::replace(&path, 0o700, script.text.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}

fn slurm(
    folder: &Path,
    shared: &Shared,
    open: &[usize],
    shard: &Path,
    report: &Path,
) -> Result<()> {
    let mut tasks = Command::new("sbatch");
    tasks.arg("--parsable").arg(format!("--job-name=slipway-{}", shared.night));
    tasks.arg(format!("--array={}", array(open)));
    tasks.arg("--output").arg(folder.join("slurm-%a.log")).arg(shard);
    let tasks = submitted(&mut tasks)?;
    // said at once: if what follows fails, the array runs all the same
    terminal::print(format!("{tasks}: {} of {} shards", open.len(), shared.shards))?;
    let mut last = Command::new("sbatch");
    last.arg("--parsable").arg(format!("--job-name=slipway-{}-report", shared.night));
    // also behind shards that failed: the report is about them
    last.arg(format!("--dependency=afterany:{tasks}"));
    last.arg("--output").arg(folder.join("slurm-report.log")).arg(report);
    let last = submitted(&mut last)?;
    terminal::print(format!("{last}: the report, behind them"))?;
    terminal::advise("when they are over, the same command submits again what is missing");
    Ok(())
}

/// The number that Slurm gives a job; behind a semicolon there may be the cluster's name (sbatch(1), --parsable).
fn submitted(command: &mut Command) -> Result<String> {
    let said = command::output(command, SLURM)?;
    let said = String::from_utf8_lossy(&said);
    let id = said.trim().split(';').next().unwrap_or_default();
    match !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(id.to_owned()),
        false => Err(Error::new(
            Kind::Tool,
            format!("sbatch answered {:?}, no job's number", said.trim()),
        )),
    }
}

fn kubernetes(project: &Project, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        let shown = project.surroundings.shown(path);
        terminal::print(shown.display())?;
        terminal::advise(&format!("look at it, then: kubectl apply -f {}", shown.display()));
    }
    Ok(())
}
