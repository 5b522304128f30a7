//! Runs npm, and says in few lines why it failed.

use std::path::Path;
use std::process::Output;

use crate::command::{self, Sees};
use crate::error::{Error, Kind, Result};

/// The number of lines of output that an error shows: enough to say why it failed.
const LINES: usize = 20;
/// Lines of npm's output that say nothing about the cause: where its log is, which script ran in
/// which shell.
const NOISE: [&str; 6] =
    ["A complete log", "npm warn", "npm WARN", "Lifecycle script", "error path ", "error command "];

/// Variables that npm itself sees: its settings, and the names that .npmrc files use for a
/// registry's token.
const ITS_OWN: [&str; 4] = ["npm_config_*", "NPM_CONFIG_*", "NPM_*", "NODE_AUTH_TOKEN"];

/// npm in a folder, with settings that make it work the same everywhere.
pub(super) struct Npm<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Variables that the app's own scripts and tests see in addition to the plain ones.
    pub variables: &'a [String],
}

impl Npm<'_> {
    /// Installs exactly what the lock file says. Install scripts are not run: they would run
    /// whatever a dependency's publisher likes on the builder.
    pub(super) fn install(&self, omit: Option<&str>) -> Result<()> {
        // include=dev: npm's own settings may say "production", which would leave out what the
        // tests need
        let which = omit.map_or("--include=dev".to_owned(), |what| format!("--omit={what}"));
        let fixed = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--include=optional"];
        let output = self.run(&[&fixed[..], &[&which]].concat(), Sees::Network(&ITS_OWN))?;
        check("npm ci", &output)
    }

    /// Runs one of the app's own scripts, if it exists.
    pub(super) fn script(&self, name: &str) -> Result<()> {
        let output = self.run_theirs(&["run", "--if-present", name])?;
        if output.status.success() {
            return Ok(());
        }
        let message = format!("the app's script `{name}` failed\n{}", last_lines(&output));
        Err(Error::new(Kind::Input, message.trim_end())
            .remedy(format!("make `npm run {name}` pass in a clean checkout")))
    }

    /// Runs the app's tests.
    pub(super) fn test(&self) -> Result<()> {
        let output = self.run_theirs(&["test"])?;
        if output.status.success() {
            return Ok(());
        }
        let message = format!("the app's tests failed\n{}", last_lines(&output));
        Err(Error::new(Kind::Input, message.trim_end()).remedy(
            "make `npm ci && npm test` pass in a clean checkout, or skip them with --no-test",
        ))
    }

    /// Packs the folder into `to`.
    pub(super) fn pack(&self, to: &Path) -> Result<()> {
        let to = format!("--pack-destination={}", to.display());
        let output = self.run(&["pack", "--ignore-scripts", &to], Sees::Network(&ITS_OWN))?;
        check("npm pack", &output)
    }

    /// Runs npm for commands that execute the code of the app and of its development dependencies.
    fn run_theirs(&self, args: &[&str]) -> Result<Output> {
        let variables: Vec<&str> = self.variables.iter().map(String::as_str).collect();
        self.run(args, Sees::Also(&variables))
    }

    fn run(&self, args: &[&str], sees: Sees<'_>) -> Result<Output> {
        let mut npm = command::seeing("npm", sees);
        npm.args(args).current_dir(self.folder);
        npm.env("NO_UPDATE_NOTIFIER", "1").env("NO_COLOR", "1");
        npm.output().map_err(|e| command::cannot_start("npm", "npm", e))
    }
}

fn check(what: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    // npm reports the cause first, and may continue with pages of its manual
    let said = first_lines(output);
    let (kind, remedy) = advice(&said);
    let error = Error::new(kind, format!("{what} failed ({})\n{said}", output.status).trim_end());
    Err(match remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    })
}

/// The remedies for npm's own error codes.
fn advice(said: &str) -> (Kind, Option<&'static str>) {
    let network =
        ["ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENOTCACHED"];
    let has = |code: &str| said.contains(code);
    if network.iter().any(|code| has(code)) {
        return (Kind::Network, Some("check the network and npm's `registry`, then try again"));
    }
    let known = [
        (
            "EUSAGE",
            "run `npm install` and commit package-lock.json: it must agree with package.json",
        ),
        ("E401", "give npm its token through .npmrc, as for `npm ci` by hand"),
        ("E403", "give npm a token that may read the package through .npmrc"),
        ("E404", "a package in package-lock.json is not in the registry that .npmrc names"),
        (
            "EINTEGRITY",
            "a package is not what package-lock.json says: run `npm cache verify`, then see who changed it",
        ),
        ("EBADENGINE", "use the Node version that the app's `engines` asks for"),
        ("ENOSPC", "make room on the disk"),
    ];
    let found = known.iter().find(|(code, _)| has(code));
    (Kind::Tool, found.map(|(_, remedy)| *remedy))
}

/// The beginning of npm's own complaint.
fn first_lines(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let manual = |line: &&str| line.contains("Usage:") || line.contains("Clean install a project");
    let lines: Vec<&str> =
        said.lines().filter(is_useful).take_while(|line| !manual(line)).take(LINES).collect();
    lines.join("\n")
}

/// The end of a script's output, where a test's summary is.
fn last_lines(output: &Output) -> String {
    let said = [&output.stdout[..], b"\n", &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(is_useful).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn is_useful(line: &&str) -> bool {
    let empty = matches!(line.trim(), "" | "npm error" | "npm ERR!");
    !empty && !NOISE.iter().any(|noise| line.contains(noise))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npms_codes_have_remedies() {
        assert_eq!(advice("npm error code ENOTFOUND").0, Kind::Network);
        assert!(advice("npm error code EUSAGE").1.is_some_and(|r| r.contains("package-lock.json")));
        assert_eq!(advice("something else"), (Kind::Tool, None));
    }
}
