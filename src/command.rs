//! Runs the few programs that we depend on, and says what to install when one is missing.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::error::{Error, Kind, Result};

/// How many bytes of a failed program's stderr an error carries: its end says why it failed.
const STDERR_TAIL: usize = 2000;

/// What a program that runs code of others sees of our environment: names, and beginnings of names. Everything
/// else stays behind. A list of what is secret was rejected: nobody knows all names that clouds, registries and
/// builders have for their keys.
const PLAIN: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];
/// What a program needs besides to reach the network as its user does: proxies and certificates.
const NETWORK: [&str; 11] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

/// How much of our environment a program sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees<'a> {
    /// Where programs, the home folder and temporary files are, the language and the time zone.
    Plain,
    /// That, and these: names, or beginnings of names with a star behind them.
    Also(&'a [&'a str]),
    /// That, and what the network is reached with, and these.
    Network(&'a [&'a str]),
}

impl Sees<'_> {
    fn holds(self, name: &str) -> bool {
        let (network, more): (&[&str], &[&str]) = match self {
            Self::Plain => (&[], &[]),
            Self::Also(more) => (&[], more),
            Self::Network(more) => (&NETWORK, more),
        };
        let fits = |known: &&str| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *known,
        };
        PLAIN.iter().chain(network).chain(more).any(fits)
    }
}

/// A command whose program sees that part of our environment.
pub fn seeing(program: impl AsRef<OsStr>, sees: Sees<'_>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    // a name that is no text is none of those
    command
        .envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(|n| sees.holds(n))));
    command
}

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
    fn what_clouds_and_builders_keep_secret_is_in_no_list() {
        for name in
            ["AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_KEY", "SLIPWAY_KEY_PASSPHRASE_FILE", "X"]
        {
            for sees in [Sees::Plain, Sees::Also(&["npm_config_*"]), Sees::Network(&["NPM_*"])] {
                assert!(!sees.holds(name), "{name}");
            }
        }
        assert!(Sees::Plain.holds("LC_ALL") && !Sees::Plain.holds("HTTPS_PROXY"));
        assert!(Sees::Network(&["NPM_*"]).holds("NPM_TOKEN"));
        let mut command = seeing("env", Sees::Plain);
        let said = String::from_utf8(output(&mut command, "coreutils").unwrap()).unwrap();
        assert!(said.contains("PATH=") && !said.contains("CARGO"), "{said}");
    }

    #[test]
    fn a_failed_program_shows_the_end_of_its_complaint() {
        let error =
            output(Command::new("sh").args(["-c", "echo broken >&2; exit 3"]), "dash").unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }
}
