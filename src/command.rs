//! Runs the few programs that we depend on, and says what to install when one is missing.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::error::{Error, Kind, Result};

/// How many bytes of a failed program's stderr an error carries: its end says why it failed.
const STDERR_TAIL: usize = 2000;

/// Runs to the end and gives stdout; a status other than 0 is an error with the end of stderr.
///
/// `package` names what to install when the program is missing.
pub fn output(command: &mut Command, package: &str) -> Result<Vec<u8>> {
    let name = shown(command.get_program());
    let result = command.output().map_err(|e| cannot_start(&name, package, e))?;
    check(&name, &result)?;
    Ok(result.stdout)
}

/// The error for a program that does not start.
pub fn cannot_start(name: &str, package: &str, error: std::io::Error) -> Error {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let failure = Error::new(Kind::Tool, format!("cannot start {name}")).because(error);
    if missing { failure.remedy(format!("install the package {package}")) } else { failure }
}

/// An error unless the program ended with 0.
pub fn check(name: &str, result: &Output) -> Result<()> {
    if result.status.success() {
        return Ok(());
    }
    let message = format!("{name} failed ({})\n{}", result.status, tail(&result.stderr));
    Err(Error::new(Kind::Tool, message.trim_end()))
}

fn tail(stderr: &[u8]) -> String {
    let start = stderr.len().saturating_sub(STDERR_TAIL);
    String::from_utf8_lossy(&stderr[start..]).trim().to_owned()
}

fn shown(program: &OsStr) -> String {
    let name = program.to_string_lossy();
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        let error = output(&mut Command::new("no-such-program"), "some-package").unwrap_err();
        assert_eq!(error.find_remedy(), Some("install the package some-package"));
    }

    #[test]
    fn a_failed_program_shows_the_end_of_its_complaint() {
        let error =
            output(Command::new("sh").args(["-c", "echo broken >&2; exit 3"]), "dash").unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }
}
