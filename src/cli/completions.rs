//! `slipway completions`: what a shell completes the command line with.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::error::Result;
use crate::project::Surroundings;

use super::terminal;

/// Arguments of `slipway completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Where shells look for it:
  bash  slipway completions bash > ~/.local/share/bash-completion/completions/slipway
  zsh   slipway completions zsh > \"${fpath[1]}/_slipway\"
  fish  slipway completions fish > ~/.config/fish/completions/slipway.fish")]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, _: &Surroundings) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "slipway", &mut script);
    terminal::print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(0)
}
