//! The `slipway` program: parse, call, print the error chain, exit code.

use std::process::ExitCode;

use slipway::cli;
use slipway::error::Kind;

/// What a shell reports for a program that a closed pipe ended: 128 and the number of SIGPIPE.
const CLOSED_PIPE: u8 = 141;

fn main() -> ExitCode {
    let (cli, output) = cli::parse();
    match cli.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) if cli::is_closed_pipe(&error) => ExitCode::from(CLOSED_PIPE),
        Err(error) => {
            cli::report(&error, output);
            match error.kind() {
                Kind::Interrupted => ExitCode::from(cli::interrupted()),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
