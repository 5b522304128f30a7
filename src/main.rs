//! The `slipway` program: parse, call, print the error chain, exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match slipway::cli::Cli::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            slipway::cli::report(&error);
            ExitCode::FAILURE
        }
    }
}
