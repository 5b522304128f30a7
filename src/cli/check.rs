//! `slipway check`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::Definition;
use crate::desk::{self, Bundles, Unread};
use crate::error::{FileError, Kind, Result};
use crate::file;
use crate::fleet::Policy;
use crate::profile::{self, Diagnostics, Known, Profile};
use crate::project::{Project, Surroundings};

use super::project::{self, counted, shown};
use super::signing;
use super::terminal;

/// Arguments of `slipway check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Customers, or paths of profiles
    #[arg(value_name = "PROFILE", required_unless_present = "all")]
    profiles: Vec<String>,
    /// Check every profile of the project, and the shared parents
    #[arg(long, conflicts_with = "profiles")]
    all: bool,
    /// Print the errors as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let known = project.known()?;
    let mut bundles = Bundles::new(&project, signing::now());
    let check = |path| check(path, &known, &project, &mut bundles);
    let mut results =
        paths(args, &project)?.into_iter().map(check).collect::<Result<Vec<Checked>>>()?;
    if args.all {
        results.extend(policy(&project)?);
    }
    let broken = tell(&results, &bundles.unread(), args.json)?;
    Ok(u8::from(broken))
}

struct Checked {
    path: PathBuf,
    result: Result<Vec<PathBuf>, Diagnostics>,
}

fn paths(args: &Args, project: &Project) -> Result<Vec<PathBuf>> {
    if !args.all {
        return args.profiles.iter().map(|wanted| project.profile_path(wanted)).collect();
    }
    let shared = project.profiles.join(profile::SHARED);
    let parents = if file::is_folder(&shared)? { profile::all(&shared)? } else { Vec::new() };
    match project.paths() {
        // a project may begin with what its profiles will share
        Err(e) if e.kind() == Kind::NotFound && !parents.is_empty() => Ok(parents),
        paths => paths.map(|paths| [paths, parents].concat()),
    }
}

fn check(
    path: PathBuf,
    known: &Known,
    project: &Project,
    bundles: &mut Bundles<'_>,
) -> Result<Checked> {
    if profile::is_parent(&path) {
        let result = profile::check_parent(&path, known);
        return Ok(Checked { path, result });
    }
    let result = match profile::load(&path, known) {
        Ok(loaded) => bundles
            .check(&path, &loaded.profile)
            .and(look_up(&path, &loaded.profile, project)?)
            .map(|()| loaded.files),
        Err(diagnostics) => Err(diagnostics),
    };
    Ok(Checked { path, result })
}

/// nightly.toml, where there is one.
fn policy(project: &Project) -> Result<Option<Checked>> {
    let path = Policy::path(&project.root);
    if !file::is_file(&path)? {
        return Ok(None);
    }
    let known = profile::names(&project.profiles)?;
    let result = Policy::read(&project.root, &known)?.map(|_| vec![path.clone()]);
    Ok(Some(Checked { path, result }))
}

fn look_up(path: &Path, profile: &Profile, project: &Project) -> Result<Result<(), Diagnostics>> {
    // a definition that cannot be read is an error where the base is used; without a cache nothing is at hand
    let (Ok(definition), Ok(cache)) =
        (Definition::find(&project.images, &profile.base), project.surroundings.cache())
    else {
        return Ok(Ok(()));
    };
    desk::look_up(path, profile, &definition, &cache)
}

/// Shows what was found; an error of a parent only once. True when anything is broken.
fn tell(results: &[Checked], unread: &[Unread], as_json: bool) -> Result<bool> {
    let mut seen = BTreeSet::new();
    let mut reports: Vec<FileError> = Vec::new();
    for checked in results {
        match &checked.result {
            Ok(files) if !as_json => terminal::print(good(&checked.path, files))?,
            Ok(_) => {}
            Err(diagnostics) => {
                let fresh = diagnostics.clone().retain(|report| {
                    seen.insert((
                        report.file.clone(),
                        report.line,
                        report.column,
                        report.message.clone(),
                    ))
                });
                reports.extend(fresh.reports());
                if !as_json && !fresh.errors.is_empty() {
                    project::show(&fresh);
                }
            }
        }
    }
    let broken = results.iter().filter(|checked| checked.result.is_err()).count();
    if as_json {
        let reports: Vec<FileError> = reports
            .into_iter()
            .map(|report| FileError { file: shown(&report.file), ..report })
            .collect();
        terminal::print_json(&json!({
            "profiles": results.len(), "broken": broken, "errors": reports, "unchecked": unread,
        }))?;
        return Ok(broken > 0);
    }
    for unread in unread {
        terminal::complain(&unread.to_string());
    }
    if broken > 0 {
        terminal::complain(&summary(reports.len(), broken, results));
    }
    Ok(broken > 0)
}

fn summary(errors: usize, broken: usize, results: &[Checked]) -> String {
    let errors = counted(errors, "error");
    match results {
        [only] => format!("{errors} in {}", shown(&only.path).display()),
        _ => format!("{errors}; {broken} of {} profiles cannot be used", results.len()),
    }
}

fn good(path: &Path, files: &[PathBuf]) -> String {
    let parents: Vec<String> =
        files.iter().skip(1).map(|file| shown(file).display().to_string()).collect();
    let path = shown(path).display().to_string();
    if parents.is_empty() {
        return format!("{path}: good");
    }
    format!("{path}: good, with {}", parents.join(" and "))
}
