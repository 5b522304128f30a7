//! `slipway doctor`: what is missing on this machine and in this project, each with the remedy.

use std::collections::BTreeSet;
use std::path::Path;

use anstyle::AnsiColor;
use serde_json::json;

use crate::doctor::{self, Finding, Place, State};
use crate::error::{Context as _, Error, Result};
use crate::profile::Release;
use crate::project::{Project, Surroundings};

use super::project::{self, counted, shown};
use super::terminal::{self, Terminal};
use super::{signing, smoke};

/// Arguments of `slipway doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask no store
    #[arg(long)]
    offline: bool,
    /// Print what was found as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code: 1 when something is missing.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open_if_any(surroundings)?;
    let mut findings = of_the_machine(project.as_ref(), surroundings)?;
    match &project {
        Some(project) => findings.extend(of_the_project(project, args.offline)?),
        None => findings.push(Finding::limited(
            "project",
            "none here or above",
            "go to its folder, or name it with --project",
        )),
    }
    if args.json {
        terminal::print_json(&json!({ "findings": findings }))?;
    } else {
        findings.iter().try_for_each(tell)?;
    }
    Ok(u8::from(findings.iter().any(|finding| finding.state == State::Missing)))
}

fn of_the_machine(project: Option<&Project>, surroundings: &Surroundings) -> Result<Vec<Finding>> {
    let file = Path::new("/etc/os-release");
    let os_release = std::fs::read_to_string(file).at("cannot read", file)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cache = surroundings.cache()?;
    let here = surroundings.absolute(Path::new("."))?;
    let scratch = tempfile::tempdir().doing("cannot make a scratch folder")?;
    let place = Place {
        cache: &cache,
        out: project.map_or(&here, |project| &project.out),
        scratch: scratch.path(),
        path: &path.to_string_lossy(),
        os_release: &os_release,
        now: signing::now(),
    };
    doctor::machine(&place, &*smoke::stop_on_signals()?, &Terminal::new())
}

fn of_the_project(project: &Project, offline: bool) -> Result<Vec<Finding>> {
    let failed = |subject| move |e: Error| Finding::failed(subject, &e, "fix it");
    let mut findings = vec![
        keys(&project.surroundings).unwrap_or_else(failed(KEYS)),
        trust(project).unwrap_or_else(failed(TRUST)),
    ];
    let (mut stores, mut broken) = (BTreeSet::new(), 0);
    let profiles = project.load_all()?;
    for (_, loaded) in &profiles {
        match loaded {
            Ok(loaded) => {
                let profile = &loaded.profile;
                if let Release::Newest(channel) = profile.release()? {
                    let url = profile.store_url(&project.root);
                    stores.insert((url, profile.site.clone(), channel.to_owned()));
                }
            }
            Err(_) => broken += 1,
        }
    }
    let count = counted(profiles.len(), "profile");
    findings.push(match broken {
        0 => Finding::good("profiles", count),
        _ => Finding::missing(
            "profiles",
            format!("{broken} of {count} wrong"),
            "slipway check --all",
        ),
    });
    if !offline {
        for (url, site, channel) in &stores {
            let (site, channel) = (site.parse()?, channel.parse()?);
            findings.push(doctor::store(url, &site, &channel, &project.surroundings.stores));
        }
    }
    Ok(findings)
}

/// What is said of keys, also when they cannot be read.
const KEYS: &str = "keys to sign with";
const TRUST: &str = "trusted keys";

/// Whoever only builds needs none.
fn keys(surroundings: &Surroundings) -> Result<Finding> {
    let keyring = surroundings.keyring()?;
    let own = keyring.list()?;
    let folder = shown(keyring.folder());
    Ok(match own.len() {
        0 => Finding::limited(
            KEYS,
            format!("none in {}: bundles and apps cannot be published", folder.display()),
            "slipway key new NAME, if this machine publishes",
        ),
        count => Finding::good(KEYS, format!("{count} in {}", folder.display())),
    })
}

fn trust(project: &Project) -> Result<Finding> {
    let file = project.trust_file()?;
    let count = crate::key::Trust::read(&file)?.keys().count();
    let name = shown(&file).display().to_string();
    Ok(match count {
        0 => Finding::missing(
            TRUST,
            format!("none in {name}: no bundle will be trusted"),
            "slipway key trust FILE.pub --site SITE, with the vendor's public key",
        ),
        count => Finding::good(TRUST, format!("{count} in {name}")),
    })
}

fn tell(finding: &Finding) -> Result<()> {
    let (word, color) = match finding.state {
        State::Good => ("good", AnsiColor::Green),
        State::Limited => ("limited", AnsiColor::Yellow),
        State::Missing => ("missing", AnsiColor::BrightRed),
    };
    let color = color.on_default();
    terminal::print(format!(
        "{color}{word:<8}{color:#} {:<26} {}",
        finding.subject, finding.detail
    ))?;
    match &finding.remedy {
        Some(remedy) => terminal::print(format!("{:>8} {:<26} → {remedy}", "", "")),
        None => Ok(()),
    }
}
