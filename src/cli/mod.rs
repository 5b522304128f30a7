//! The command line: one file a verb. The library never sees a clap type.

mod app;
mod base;
mod build;
mod bundle;
mod cache;
mod check;
mod convert;
mod inputs;
mod inspect;
mod key;
mod lint;
mod list;
mod new;
mod order;
mod plan;
mod project;
mod pulling;
mod schema;
mod signing;
mod smoke;
mod terminal;

use anstyle::AnsiColor;

use crate::error::{Error, Result};

/// Turns one small text file per customer into a bootable virtual appliance.
#[derive(Debug, clap::Parser)]
#[command(name = "slipway", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Write a customer's profile from answers.
    New(new::Args),
    /// List the customers' profiles.
    List(list::Args),
    /// Check profiles, and show every error in them.
    Check(check::Args),
    /// Print the JSON Schema of profiles.
    Schema(schema::Args),
    /// Show everything that will go into a customer's image.
    Plan(plan::Args),
    /// Build a customer's image.
    Build(build::Args),
    /// Show what went into an image, without booting or mounting it.
    Inspect(inspect::Args),
    /// Find what a platform would refuse in an image, or trip over.
    Lint(lint::Args),
    /// Write an image in another format.
    Convert(convert::Args),
    /// Boot a copy of an image and check that it converges.
    Smoke(smoke::Args),
    /// List, build and prune base images.
    Base(base::Args),
    /// Pack, publish and list web applications.
    App(app::Args),
    /// Build, sign, publish, pull and compare configuration bundles.
    Bundle(bundle::Args),
    /// Make the keys that releases are signed with, and say whose are trusted.
    Key(key::Args),
    /// Show and prune the cache.
    Cache(cache::Args),
}

impl Cli {
    /// Runs the verb; the number is the process's exit code.
    pub fn run(&self) -> Result<u8> {
        match &self.verb {
            Verb::New(args) => new::run(args),
            Verb::List(args) => list::run(args),
            Verb::Check(args) => check::run(args),
            Verb::Schema(args) => schema::run(args),
            Verb::Plan(args) => plan::run(args),
            Verb::Build(args) => build::run(args),
            Verb::Inspect(args) => inspect::run(args),
            Verb::Lint(args) => lint::run(args),
            Verb::Convert(args) => convert::run(args),
            Verb::Smoke(args) => smoke::run(args),
            Verb::Base(args) => base::run(args),
            Verb::App(args) => app::run(args),
            Verb::Bundle(args) => bundle::run(args),
            Verb::Key(args) => key::run(args),
            Verb::Cache(args) => cache::run(args),
        }
    }
}

/// Prints an error, its causes and what to do about it on stderr.
pub fn report(error: &Error) {
    let red = AnsiColor::BrightRed.on_default().bold();
    let blue = AnsiColor::BrightCyan.on_default().bold();
    let mut text = format!("{red}error{red:#}: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!("\n  because: {inner}"));
        cause = inner.source();
    }
    if let Some(remedy) = error.find_remedy() {
        text.push_str(&format!("\n  {blue}help{blue:#}: {remedy}"));
    }
    terminal::complain(&text);
}

/// Whether an error only says that the reader of our output went away, as in `slipway schema | head`.
pub fn is_closed_pipe(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::BrokenPipe;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_arguments_of_a_verb_have_one_name() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
