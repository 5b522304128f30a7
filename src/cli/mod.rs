//! The command line: one file a verb. The library never sees a clap type.

mod app;
mod base;
mod build;
mod bundle;
mod cache;
mod check;
mod completions;
mod convert;
mod diff;
mod doctor;
mod history;
mod images;
mod init;
mod inputs;
mod inspect;
mod key;
mod leaks;
mod lint;
mod list;
mod man;
mod new;
mod nightly;
mod plan;
mod project;
mod pulling;
mod reference;
mod release;
mod rollback;
mod sbom;
mod schema;
mod signing;
mod smoke;
mod summary;
mod terminal;
mod who_has;

use anstyle::AnsiColor;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use serde_json::json;

use crate::error::{Error, Kind, Result};
use crate::profile::Diagnostics;

pub use reference::reference;

/// Turns one small text file per customer into a bootable virtual appliance.
#[derive(Debug, clap::Parser)]
#[command(name = "slipway", version = VERSION, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    speech: terminal::Speech,
}

/// The version, and the commit that it was built from where that is known (`build.rs`).
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("SLIPWAY_COMMIT"));

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Create a new project: profiles, a site, and files for CI.
    Init(init::Args),
    /// Write a customer's profile from your answers.
    New(Box<new::Args>),
    /// List the customers' profiles.
    List(list::Args),
    /// Check profiles, and show every error in them.
    Check(check::Args),
    /// Print the JSON Schema of profiles.
    Schema(schema::Args),
    /// Show everything that will go into a customer's image.
    Plan(plan::Args),
    /// Build customers' images.
    Build(build::Args),
    /// Show what went into an image, without booting or mounting it.
    Inspect(inspect::Args),
    /// List an image's components: packages, npm packages, Puppet modules, with licences.
    Sbom(sbom::Args),
    /// Find what a platform would refuse in an image, or trip over.
    Lint(lint::Args),
    /// Find secrets and other customers' data in an image.
    Leaks(leaks::Args),
    /// Show what differs between two images or releases.
    Diff(diff::Args),
    /// Write an image in another format.
    Convert(convert::Args),
    /// Boot a copy of an image and check that it converges.
    Smoke(smoke::Args),
    /// Make, verify and publish customers' image releases.
    Release(release::Args),
    /// Show what a customer's channel had, and what each release was made of.
    History(history::Args),
    /// Point a customer's channel at an earlier release.
    Rollback(rollback::Args),
    /// Find the customers whose current releases hold a package, an app or a module.
    WhoHas(who_has::Args),
    /// Plan, build, check and boot every customer's image, and write one report: for CI.
    Nightly(Box<nightly::Args>),
    /// List, build and prune base images.
    Base(base::Args),
    /// Pack, publish and list web applications.
    App(app::Args),
    /// Build, sign, publish, pull and compare configuration bundles.
    Bundle(bundle::Args),
    /// Create the keys that sign releases, and say whose keys are trusted.
    Key(key::Args),
    /// Show and prune the cache.
    Cache(cache::Args),
    /// Find what is missing on this machine and in this project, with the remedies.
    Doctor(doctor::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
    /// Write the manual pages.
    Man(man::Args),
}

impl Cli {
    /// Runs the verb; the number is the process's exit code.
    pub fn run(&self) -> Result<u8> {
        let surroundings = project::surroundings();
        self.speech.begin(&surroundings);
        match &self.verb {
            Verb::Init(args) => init::run(args, &surroundings),
            Verb::New(args) => new::run(args, &surroundings),
            Verb::List(args) => list::run(args, &surroundings),
            Verb::Check(args) => check::run(args, &surroundings),
            Verb::Schema(args) => schema::run(args, &surroundings),
            Verb::Plan(args) => plan::run(args, &surroundings),
            Verb::Build(args) => build::run(args, &surroundings),
            Verb::Inspect(args) => inspect::run(args, &surroundings),
            Verb::Sbom(args) => sbom::run(args, &surroundings),
            Verb::Lint(args) => lint::run(args, &surroundings),
            Verb::Leaks(args) => leaks::run(args, &surroundings),
            Verb::Diff(args) => diff::run(args, &surroundings),
            Verb::Convert(args) => convert::run(args, &surroundings),
            Verb::Smoke(args) => smoke::run(args, &surroundings),
            Verb::Release(args) => release::run(args, &surroundings),
            Verb::History(args) => history::run(args, &surroundings),
            Verb::Rollback(args) => rollback::run(args, &surroundings),
            Verb::WhoHas(args) => who_has::run(args, &surroundings),
            Verb::Nightly(args) => nightly::run(args, &surroundings),
            Verb::Base(args) => base::run(args, &surroundings),
            Verb::App(args) => app::run(args, &surroundings),
            Verb::Bundle(args) => bundle::run(args, &surroundings),
            Verb::Key(args) => key::run(args, &surroundings),
            Verb::Cache(args) => cache::run(args, &surroundings),
            Verb::Doctor(args) => doctor::run(args, &surroundings),
            Verb::Completions(args) => completions::run(args, &surroundings),
            Verb::Man(args) => man::run(args, &surroundings),
        }
    }
}

/// The command line as it was typed; help, and what is no command line, end the process here.
pub fn parse() -> (Cli, Output) {
    let as_json = std::env::args_os().any(|argument| argument == "--json");
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(wrong) if as_json && wrong.use_stderr() => {
            let text = wrong.render().to_string();
            let error = Error::new(Kind::Input, text.trim_start_matches("error: ").trim_end());
            report(&error, Output::Json);
            std::process::exit(wrong.exit_code());
        }
        Err(wrong) => wrong.exit(),
    };
    let output = if wants_json(&matches) { Output::Json } else { Output::Text };
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => (cli, output),
        Err(wrong) => wrong.exit(),
    }
}

/// What a shell reports for a program that Ctrl-C ended: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// Whom a verb speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// People.
    Text,
    /// Programs: `--json` was given.
    Json,
}

/// Whether the verb that was asked for has `--json`, and got it. One place for all verbs: none can forget it.
fn wants_json(matches: &ArgMatches) -> bool {
    let own = matches.try_get_one::<bool>("json");
    own.ok().flatten().copied().unwrap_or_default()
        || matches.subcommand().is_some_and(|(_, below)| wants_json(below))
}

/// Prints an error, its causes and what to do about it: for people on stderr, for programs on stdout, where
/// they look for the result.
pub fn report(error: &Error, output: Output) {
    match output {
        Output::Text => report_text(error),
        Output::Json => {
            // nobody is left to tell when stdout is closed
            let _ = terminal::print_json(&json!({ "error": error.told() }));
        }
    }
}

fn report_text(error: &Error) {
    let red = AnsiColor::BrightRed.on_default().bold();
    let blue = AnsiColor::BrightCyan.on_default().bold();
    let mut text = format!("{red}error{red:#}: {error}");
    for cause in error.causes() {
        match cause.downcast_ref::<Diagnostics>() {
            Some(diagnostics) => project::show(diagnostics),
            None => text.push_str(&format!("\n  because: {cause}")),
        }
    }
    if let Some(remedy) = error.find_remedy() {
        text.push_str(&format!("\n  {blue}help{blue:#}: {remedy}"));
    }
    terminal::complain(&text);
}

/// The exit code for work that was stopped: what a shell reports for the signal that did it.
pub fn interrupted() -> u8 {
    terminal::stopped_by().unwrap_or(INTERRUPTED)
}

/// Whether an error only says that the reader of our output went away, as in `slipway schema | head`.
pub fn is_closed_pipe(error: &Error) -> bool {
    let io = error.causes().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_arguments_of_a_verb_have_one_name() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
