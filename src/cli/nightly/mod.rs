//! `slipway nightly`: every customer's image planned, built, checked, booted, in one call that CI starts.

mod dry;
mod init;
mod report;
mod show;
mod submit;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::desk::Pulling;
use crate::error::{Context as _, Error, Kind, Result};
use crate::fleet::{self, Call, Conclusion, Policy, Shard, Tools};
use crate::project::{Project, Surroundings};
use crate::units::Timestamp;

use super::Output;
use super::project;
use super::pulling;
use super::signing;
use super::smoke::{random, scratch};
use super::terminal::{self, Terminal};
use watch::Lines;

/// Arguments of `slipway nightly`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    override_usage = "slipway nightly [OPTIONS] [COMMAND]",
    after_help = "\
Exit codes: 0 all is good; 3 there was nothing to do; 4 some customers failed; 5 this machine, the
network or a disk failed; 2 the command line or nightly.toml is wrong; 1 the night could not begin,
as when another one runs; 130 and 143 stopped by a signal: the next call goes on."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Only this customer; can be repeated
    #[arg(long, value_name = "CUSTOMER")]
    only: Vec<String>,
    /// Leave customers out of the reports for whom there was nothing to do
    #[arg(long)]
    changed: bool,
    /// Begin nothing more after the first failure
    #[arg(long)]
    fail_fast: bool,
    /// Show what would be done and how long it would take, and do nothing but ask the channels
    #[arg(long)]
    dry_run: bool,
    /// Only a part of the customers, as in 2/8; auto/8 takes the part from JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// The night's name, which shards share [default: today's date, or the night that was cut off]
    #[arg(long, value_name = "NAME")]
    night: Option<crate::bundle::Name>,
    /// Print the report as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulling: pulling::Options,
    #[command(flatten)]
    project: project::Options,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Write nightly.toml, with every key explained, and its schema for editors.
    Init(init::Args),
    /// Make the reports of a night again, from all shards whose journals are there.
    Report(report::Args),
    /// Share a night among many machines, by Slurm or Kubernetes.
    Submit(submit::Args),
}

/// Nothing failed, and nothing was done.
const IDLE: u8 = 3;
/// Some customers failed.
const FAILED: u8 = 4;
/// Whatever they all need failed.
const INFRASTRUCTURE: u8 = 5;
/// As clap has it for what it cannot read.
const MISUSED: u8 = 2;

/// What a night leaves that is stopped.
const STAYS: &str = "what was finished is written down: the next call goes on behind it";

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    match &args.verb {
        Some(Verb::Init(args)) => init::run(args, surroundings),
        Some(Verb::Report(args)) => report::run(args, surroundings),
        Some(Verb::Submit(args)) => submit::run(args, surroundings),
        None => match night(args, surroundings) {
            Err(e) if e.kind() == Kind::Input => {
                super::report(&e, if args.json { Output::Json } else { Output::Text });
                Ok(MISUSED)
            }
            code => code,
        },
    }
}

fn night(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let policy = policy(&project)?;
    let array = surroundings.array_index.as_deref();
    let call = Call {
        only: args.only.clone(),
        changed_only: args.changed,
        fail_fast: args.fail_fast,
        shard: args.shard.as_deref().map(|text| Shard::read(text, array)).transpose()?,
        night: args.night.as_ref().map(ToString::to_string),
        process: std::process::id(),
        processors: surroundings.threads().get(),
    };
    // a customer's name that is wrong is found before anything is done
    fleet::customers(&project, &policy, &call)?;
    let stop = stop_on_signals()?;
    let mut tools = tools(project.clone(), policy.clone(), args.pulling.read(), Arc::clone(&stop));
    if let (Some(releasing), false) = (&policy.release, args.dry_run) {
        tools.key = Some(signing::Options::named(releasing.key.clone()).open(surroundings)?);
    }
    if args.dry_run {
        return dry::run(&call, tools, args.json);
    }
    let jobs = policy.allowed(call.processors).jobs;
    let lines = Lines::new(fleet::estimates(&project)?, jobs);
    let left = fleet::night(&call, tools, &lines).map_err(|e| match e.kind() {
        Kind::Interrupted => e.remedy(STAYS),
        _ => e,
    })?;
    drop(lines);
    left.complaints.iter().for_each(|line| terminal::complain(line));
    match args.json {
        true => terminal::print_json(&left.report)?,
        false => show::show(&left.report, &left.folder)?,
    }
    Ok(match left.conclusion {
        Conclusion::Good => 0,
        Conclusion::Idle => IDLE,
        Conclusion::Failed => FAILED,
        Conclusion::Infrastructure => INFRASTRUCTURE,
    })
}

/// The project's policy.
fn policy(project: &Project) -> Result<Policy> {
    let read = Policy::read(&project.root, &fleet::names(project)?)?;
    let path = Policy::path(&project.root);
    read.map_err(|diagnostics| {
        let shown = |path: &std::path::Path| project.surroundings.shown(path);
        let count = project::counted(diagnostics.errors.len(), "error");
        let error = Error::new(Kind::Input, format!("the policy has {count}")).at(shown(&path));
        diagnostics.behind(error, shown)
    })
}

fn tools(
    project: Project,
    policy: Policy,
    pulling: Pulling,
    stop: Arc<AtomicBool>,
) -> Tools<'static> {
    let (clock, nonce, scratch) = (&now, &random, scratch());
    Tools { project, pulling, policy, clock, nonce, scratch, key: None, accelerator: None, stop }
}

/// With its fractions: what jobs take is measured with it.
fn now() -> Timestamp {
    let now = jiff::Timestamp::now();
    let nanos = now.subsec_nanosecond().unsigned_abs();
    Timestamp { seconds: now.as_second(), nanos }
}

/// The first signal lets the night end in order; a second one ends the process, and the machines with it.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    // it says so, and knows the signal for the exit code, as long as the process lives
    Terminal::stoppable(STAYS)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let registered = signal_hook::flag::register(signal, Arc::clone(&stop));
        registered.doing("cannot watch for signals")?;
    }
    Ok(stop)
}
