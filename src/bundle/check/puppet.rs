//! Puppet's own parser over every manifest.

use std::path::{Path, PathBuf};

use super::super::files::Files;
use crate::command::{self, Sees};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;

/// How many manifests puppet gets at once: far below what an argument list holds, and its start is paid
/// seldom.
const AT_ONCE: usize = 1000;
/// How many of its complaints an error carries.
const COMPLAINTS: usize = 20;

pub(super) fn check(files: &Files, work: &Path, progress: &dyn Progress) -> Result<()> {
    let manifests: Vec<PathBuf> =
        files.paths().filter(|path| is_manifest(path)).map(|path| files.place(path)).collect();
    progress.step(&format!("checking {} manifests", manifests.len()), None);
    let state = work.join("puppet");
    std::fs::create_dir_all(&state).at("cannot create the folder", &state)?;
    manifests.chunks(AT_ONCE).try_for_each(|some| validate(some, &state))
}

/// Plans are for Bolt, and have a syntax of their own.
fn is_manifest(path: &str) -> bool {
    let below = match path.strip_prefix("modules/") {
        Some(rest) => rest.split_once('/').map_or("", |(_, below)| below),
        None => path,
    };
    below.starts_with("manifests/") && path.ends_with(".pp")
}

fn validate(manifests: &[PathBuf], state: &Path) -> Result<()> {
    // a module's types and functions are Ruby, which puppet loads
    let mut puppet = command::seeing("puppet", Sees::Plain);
    puppet.args(["parser", "validate", "--color=false"]);
    // the builder's own puppet.conf and state have no say
    for folder in ["--confdir", "--vardir", "--codedir", "--logdir", "--rundir"] {
        puppet.arg(folder).arg(state);
    }
    puppet.args(manifests).env("LC_ALL", "C.UTF-8");
    let output = puppet.output().map_err(|e| {
        command::cannot_start("puppet", "puppet-agent", e).remedy(
            "install the package puppet-agent (Ubuntu 22.04: puppet), or leave the check out with --no-puppet-check",
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let useful = |line: &&str| {
        line.starts_with("Error:") && !line.ends_with("Try 'puppet help parser validate' for usage")
    };
    let mut lines: Vec<&str> = said.lines().filter(useful).take(COMPLAINTS).collect();
    if lines.is_empty() {
        lines = said.lines().rev().take(COMPLAINTS).collect();
    }
    let message = format!("puppet finds errors in the manifests\n{}", lines.join("\n"));
    Err(Error::new(Kind::Input, message))
}
