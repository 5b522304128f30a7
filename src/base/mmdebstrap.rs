//! Runs mmdebstrap: as root, or for everybody else in a user namespace.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::mirror::{self, Chosen};
use super::supervise::{self, Group};
use super::{Definition, diagnose};
use crate::command;
use crate::console::Splitter;
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::progress::Progress;
use crate::tree::Tree;
use crate::tree::tar::{self, Archive};
use crate::units::{ByteSize, GIB, Timestamp};
use crate::whole;

/// The program, and the package with the same name.
const PROGRAM: &str = "mmdebstrap";

/// Installs a layer's packages in the root.
pub const INSTALL: &str = include_str!("files/install.sh");
/// Runs a script in the root.
pub const IN_ROOT: &str = include_str!("files/in-root.sh");

/// apt's list of archives.
const SOURCES: &str = "etc/apt/sources.list";

/// How often a build is tried when the network fails.
const ATTEMPTS: usize = 3;

/// One run.
pub struct Run<'a> {
    /// What is being made, for people.
    pub what: &'a str,
    /// The definition with the archives.
    pub definition: &'a Definition,
    /// Whether the essential packages are installed first; otherwise the seed has them.
    pub bootstrap: bool,
    /// The root's content before the run.
    pub seed: &'a Tree,
    /// The packages to install.
    pub packages: &'a [String],
    /// The script that runs in the root afterwards.
    pub script: Option<&'a str>,
    /// A folder for temporary files.
    pub scratch: &'a Path,
    /// Where the complete output of a failed run is kept.
    pub logs: &'a Path,
}

/// Space that a run needs in the cache in addition to the seed, in bytes: for the resulting archive
/// and its pack.
const ROOM: u64 = 3 * GIB;

/// Refuses to start a run that would fail halfway with a full disk.
fn require_room(run: &Run<'_>) -> Result<()> {
    let stat = rustix::fs::statvfs(run.scratch).map_err(std::io::Error::from);
    let stat = stat.at("cannot ask for the free space", run.scratch)?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let seed: u64 = run.seed.iter().map(|(_, entry)| entry.length()).sum();
    let need = ROOM + 2 * seed;
    if free >= need {
        return Ok(());
    }
    let (free, need) = (ByteSize(free), ByteSize(need));
    Err(Error::new(Kind::NoSpace, format!("{free} are free, and {need} are needed"))
        .at(run.scratch)
        .remedy("run slipway base prune, or set SLIPWAY_CACHE to a folder with room"))
}

/// Returns the finished root as an archive, and its time: the archives' newest date, but not
/// earlier than `time`.
pub fn run(
    run: &Run<'_>,
    time: Timestamp,
    progress: &dyn Progress,
) -> Result<(Archive, Timestamp)> {
    let mode = diagnose::mode()?;
    require_room(run)?;
    let mut attempt = 0;
    loop {
        progress.go_on()?;
        let (chosen, newest) = if run.bootstrap || !run.packages.is_empty() {
            mirror::choose(run.definition, attempt, run.scratch, progress)?
        } else {
            (Vec::new(), time)
        };
        let time = newest.max(time);
        attempt += 1;
        match once(run, mode, &chosen, time, progress) {
            Ok(path) => return Ok((opened(run, &path)?, time)),
            Err(e) if e.kind() == Kind::Network && attempt < ATTEMPTS => {
                progress.note(&format!("{e}; trying again"));
            }
            Err(e) => return Err(e),
        }
    }
}

fn opened(run: &Run<'_>, path: &Path) -> Result<Archive> {
    let mut archive = Archive::open(path)?;
    // a run without archives leaves a list that mmdebstrap guessed, unless the seed had one
    if !run.bootstrap && run.seed.get(SOURCES).is_none() {
        archive.retain(|path| path.as_bytes() != SOURCES.as_bytes());
    }
    Ok(archive)
}

fn once(
    run: &Run<'_>,
    mode: diagnose::Mode,
    chosen: &[Chosen<'_>],
    time: Timestamp,
    progress: &dyn Progress,
) -> Result<PathBuf> {
    let seed = run.scratch.join("seed.tar");
    let target = run.scratch.join("root.tar");
    let sources = sources(run.definition, chosen)?;
    write_seed(run, &sources, &seed, time)?;
    let mut command = command(run, mode, &sources, &seed, &target, time);
    let (group, stderr) = Group::start(&mut command, PROGRAM)?;
    let mut log = String::new();
    let status = supervise::listen(group, stderr, progress, |stderr| {
        follow(run.what, stderr, &mut log, progress);
    })?;
    if status.code() == Some(supervise::NOT_FOUND) {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(command::cannot_start(PROGRAM, PROGRAM, missing));
    }
    if !status.success() {
        let path = run.logs.join(format!("{}.log", run.what.replace(' ', "-")));
        std::fs::create_dir_all(run.logs).at("cannot make the folder", run.logs)?;
        whole::replace(&path, 0o644, log.as_bytes())?;
        return Err(diagnose::failure(&log, run.definition, &path));
    }
    Ok(target)
}

/// Reports what mmdebstrap is doing, and keeps the whole text in case of a failure. Packages'
/// scripts write to it, too.
pub fn follow(what: &str, stderr: impl Read, log: &mut String, progress: &dyn Progress) {
    let mut splitter = Splitter::default();
    let mut hear = |line: String| {
        if let Some(step) = line.strip_prefix("I: ").map(str::trim).filter(step_that_takes_time) {
            progress.step(&format!("{what}: {}", step.trim_end_matches('.')), None);
        }
        log.push_str(&line);
        log.push('\n');
    };
    let mut stderr = BufReader::new(stderr);
    while let Ok(bytes) = stderr.fill_buf() {
        let taken = bytes.len();
        if taken == 0 {
            break;
        }
        splitter.push(bytes).into_iter().for_each(&mut hear);
        stderr.consume(taken);
    }
    splitter.finish().into_iter().for_each(&mut hear);
}

/// mmdebstrap ends the announcement of a step with dots, even for steps that it then leaves out.
fn step_that_takes_time(said: &&str) -> bool {
    said.ends_with("...") && !said.ends_with("skipping...")
}

/// apt's list for the chosen mirrors.
pub fn sources(definition: &Definition, chosen: &[Chosen<'_>]) -> Result<String> {
    if chosen.is_empty() {
        return Ok(String::new());
    }
    let keyring = definition
        .keyring
        .as_ref()
        .ok_or_else(|| Error::new(Kind::Input, "the definition has no [keyring]"))?;
    let path = definition.folder.join(&keyring.file);
    let path = std::path::absolute(&path).at("cannot find", &path)?;
    if file::look(&path)?.is_none() {
        return Err(Error::new(Kind::NotFound, "the archive's keyring is missing")
            .at(&path)
            .remedy(format!("install the package {}", keyring.package)));
    }
    Ok(mirror::sources(chosen, &path))
}

fn write_seed(run: &Run<'_>, sources: &str, path: &Path, time: Timestamp) -> Result<()> {
    let mut seed = run.seed.clone();
    if !run.bootstrap && !sources.is_empty() {
        seed.put_file(SOURCES, 0o644, time, sources)?;
    }
    let file = File::create(path).at("cannot create", path)?;
    tar::write(&seed, std::io::BufWriter::with_capacity(1 << 20, file))
}

fn command(
    run: &Run<'_>,
    mode: diagnose::Mode,
    sources: &str,
    seed: &Path,
    target: &Path,
    time: Timestamp,
) -> Command {
    let mut command = supervise::command(PROGRAM.as_ref());
    command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("SOURCE_DATE_EPOCH", time.seconds.to_string())
        .env_remove("APT_CONFIG")
        .args(["--format=tar", "--architectures=amd64", "--aptopt=Acquire::Retries \"3\""])
        // dpkg flushes every file, which takes most of the time; this root is thrown away if the
        // power fails
        .arg("--dpkgopt=force-unsafe-io")
        .arg(format!("--mode={}", mode.name()))
        .arg(format!("--setup-hook=tar-in {} /", quoted(&seed.display().to_string())));
    if run.bootstrap {
        let filters = super::seed::DPKG.lines().filter(|line| line.starts_with("path-"));
        command.arg("--variant=minbase").args(filters.map(|line| format!("--dpkgopt={line}")));
    } else {
        // a file of the layer's stays even if a package has one in its place: dpkg would ask, and
        // nobody would answer
        command.args(["--variant=custom", "--dpkgopt=force-confdef", "--dpkgopt=force-confold"]);
        // without packages there is no archive to ask
        if run.packages.is_empty() {
            command.args(["--skip=update", "--skip=cleanup/apt"]);
        }
    }
    if run.bootstrap {
        command.arg(format!("--include={}", run.packages.join(",")));
    } else if !run.packages.is_empty() {
        let packages = quoted(&run.packages.join(" "));
        command.arg(format!("--customize-hook=PACKAGES={packages}\n{INSTALL}"));
    }
    if let Some(script) = run.script {
        command.arg(format!("--customize-hook=SCRIPT={}\n{IN_ROOT}", quoted(script)));
    }
    let suite = run.definition.archives.first().and_then(|a| a.suites.first());
    command.arg(suite.map_or("none", String::as_str)).arg(target);
    command.args(sources.lines());
    command
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
