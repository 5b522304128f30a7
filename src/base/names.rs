//! Whether the archives have the packages that are asked for: their indexes tell in seconds what apt, in the root, tells
//! after everything below was made.

use std::path::Path;
use std::process::Command;

use super::{Definition, mirror, mmdebstrap};
use crate::command;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;

/// Refuses names that no archive of the definition has.
///
/// # Errors
/// [`Kind::Input`], naming every such package.
pub fn check(
    definition: &Definition,
    packages: &[String],
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<()> {
    progress.step("asking the archives for the packages", None);
    let (chosen, _) = mirror::choose(definition, 0, scratch, progress)?;
    let sources = mmdebstrap::sources(definition, &chosen)?;
    prepare(scratch, &sources)?;
    command::output(apt(scratch).args(["-o", "APT::Update::Error-Mode=any", "update"]), "apt")?;
    let mut ask = apt(scratch);
    // one by one apt would stop at the first, and it names all that it does not know
    let asked = ask.args(["--simulate", "--no-install-recommends", "install"]).args(packages);
    let asked = asked.output().map_err(|e| command::cannot_start("apt-get", "apt", e))?;
    let unknown = unknown(&String::from_utf8_lossy(&asked.stderr));
    // what else stands in the way depends on what the root has, which is not known yet
    if unknown.is_empty() {
        return Ok(());
    }
    let message = format!("the archives of {} do not have {}", definition.name, unknown.join(", "));
    Err(Error::new(Kind::Input, message)
        .remedy("correct the name, or add the archive to the base's definition"))
}

/// The packages, with a version or not, that apt says it does not know.
fn unknown(said: &str) -> Vec<String> {
    let name = |line: &str| {
        if let Some(name) = line.strip_prefix("E: Unable to locate package ") {
            return Some(name.trim().to_owned());
        }
        let (version, rest) = line.strip_prefix("E: Version '")?.split_once("' for '")?;
        Some(format!("{}={version}", rest.split_once('\'')?.0))
    };
    said.lines().filter_map(name).collect()
}

fn prepare(folder: &Path, sources: &str) -> Result<()> {
    for part in ["lists/partial", "archives/partial", "empty"] {
        let part = folder.join(part);
        std::fs::create_dir_all(&part).at("cannot create the folder", &part)?;
    }
    for (name, text) in [("sources.list", sources), ("status", "")] {
        let path = folder.join(name);
        std::fs::write(&path, text).at("cannot write", &path)?;
    }
    Ok(())
}

/// apt-get with a state of its own: nothing of the builder's is read or changed, but how it reaches the network.
fn apt(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let at = |name: &str| folder.join(name).display().to_string();
    command.env("LC_ALL", "C.UTF-8").env_remove("APT_CONFIG").args(["-q", "-y"]).args([
        format!("-oDir::Etc::sourcelist={}", at("sources.list")),
        format!("-oDir::Etc::sourceparts={}", at("empty")),
        format!("-oDir::Etc::preferencesparts={}", at("empty")),
        format!("-oDir::State={}", at("")),
        format!("-oDir::State::lists={}", at("lists")),
        format!("-oDir::State::status={}", at("status")),
        format!("-oDir::Cache={}", at("")),
        "-oAPT::Architecture=amd64".to_owned(),
        "-oAPT::Architectures::=amd64".to_owned(),
        "-oAcquire::Languages=none".to_owned(),
        "-oAPT::Sandbox::User=root".to_owned(),
    ]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_apt_does_not_know_is_told() {
        let said = "E: Unable to locate package nodejss\nE: Version '9' for 'nginx' was not found\n\
            E: Unable to locate package nginz\nE: Unable to correct problems";
        assert_eq!(unknown(said), ["nodejss", "nginx=9", "nginz"]);
    }
}
