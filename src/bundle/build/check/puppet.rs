//! The builder's Puppet: what it is given, and what it says.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::super::files::Files;
use super::compiled::Answer;
use crate::command::{self, Sees};
use crate::error::{Context, Error, Kind, Result};

/// Validates and compiles, and says what came of it.
const SCRIPT: &str = include_str!("catalog.rb");
/// Its status when manifests are invalid.
const INVALID: i32 = 3;
/// How many of its complaints an error carries.
const COMPLAINTS: usize = 20;

/// All manifests, where they lie on this machine.
pub(super) fn manifests(files: &Files) -> Vec<PathBuf> {
    files.paths().filter(|path| is_manifest(path)).map(|path| files.place(path)).collect()
}

/// Plans are for Bolt, and have a syntax of their own.
fn is_manifest(path: &str) -> bool {
    let below = match path.strip_prefix("modules/") {
        Some(rest) => rest.split_once('/').map_or("", |(_, below)| below),
        None => path,
    };
    below.starts_with("manifests/") && path.ends_with(".pp")
}

/// Has Puppet validate and compile what `ask` names, below `home`.
pub(super) fn ask(home: &Path, ask: &Value) -> Result<Answer> {
    let program = ruby().map_err(|e| {
        command::cannot_start("puppet", "puppet-agent", e).remedy(
            "install the package puppet-agent (Ubuntu 22.04: puppet), or leave the check out with --no-puppet-check",
        )
    })?;
    // a module's types and functions are Ruby, which puppet loads
    let mut ruby = command::seeing(&program, Sees::Plain);
    ruby.args(["-Ku", "-e", SCRIPT]).env("LC_ALL", "C.UTF-8").current_dir(home);
    ruby.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ruby.spawn().map_err(|e| command::cannot_start("ruby", "ruby", e))?;
    if let Some(mut input) = child.stdin.take() {
        // a Ruby that fails before it has read all says why itself
        let _ = input.write_all(ask.to_string().as_bytes());
    }
    let output = child.wait_with_output().doing("cannot wait for ruby")?;
    if output.status.code() == Some(INVALID) {
        return Err(invalid(&String::from_utf8_lossy(&output.stderr)));
    }
    command::check("the program that compiles the catalog", &output)
        .map_err(|e| e.remedy("--no-puppet-check leaves the check out"))?;
    let path = home.join("answer");
    let text = fs::read(&path).at("cannot read", &path)?;
    serde_json::from_slice(&text).map_err(|e| {
        Error::new(Kind::Tool, "what Puppet says of the catalog is not valid").because(e)
    })
}

fn invalid(said: &str) -> Error {
    let complaints = said.lines().filter(|line| line.starts_with("Error:")).take(COMPLAINTS);
    let mut lines: Vec<&str> = complaints.collect();
    if lines.is_empty() {
        lines = said.lines().take(COMPLAINTS).collect();
    }
    let message = format!("puppet finds errors in the manifests\n{}", lines.join("\n"));
    Error::new(Kind::Input, message)
}

/// The Ruby that puppet itself runs with: Puppet's own packages bring one, beside the program.
fn ruby() -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let puppet =
        std::env::split_paths(&path).find_map(|folder| folder.join("puppet").canonicalize().ok());
    let puppet = puppet.ok_or(io::ErrorKind::NotFound)?;
    let beside = puppet.parent().map(|folder| folder.join("ruby"));
    Ok(beside.filter(|ruby| ruby.is_file()).unwrap_or_else(|| PathBuf::from("ruby")))
}
