//! How much is said, and in which colours: asked once, on the command line.

use crate::project::Surroundings;

use super::complain;
use super::level::Level;
use super::steps::remember_in;

/// How a verb speaks: every verb has these.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Messages")]
pub(in crate::cli) struct Speech {
    /// Print only warnings and errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Also print where the cache is, and how long each step took
    #[arg(short, long, global = true)]
    verbose: bool,
    /// When to use colours: auto means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    color: Color,
}

/// When to use colours. Without comments: clap would give each verb's help a paragraph of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Speech {
    /// From here on the process speaks like this.
    pub fn begin(&self, surroundings: &Surroundings) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => Level::Quiet,
            (_, true) => Level::Everything,
            _ => Level::Steps,
        };
        level.set();
        match self.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        if let Ok(cache) = surroundings.cache() {
            remember_in(&cache);
            if level == Level::Everything {
                complain(&format!("cache    {}", cache.display()));
            }
        }
    }
}
