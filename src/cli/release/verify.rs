//! `slipway release verify`.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::desk::{Desk, Pulling};
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::key::Trust;
use crate::project::Surroundings;
use crate::release::{self, Believing, Compared, Examined, RECORD, Release};

use super::super::project::{self, shown};
use super::super::signing;
use super::super::terminal::{self, Terminal};
use super::store;

/// Arguments of `slipway release verify`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong; 1 something is, or an image that was built again differs."
)]
pub(super) struct Args {
    /// A release's folder, an image in one, or a customer, which means the release of the newest image in out/
    #[arg(value_name = "DIR|IMAGE|CUSTOMER")]
    target: String,
    /// Build it again from what its record names, without the cache of encoded regions, and compare every byte
    #[arg(long)]
    rebuild: bool,
    /// Print what was found as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// What an interrupted run leaves.
const STAYS: &str = "nothing was changed";

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    let folder = folder(args, &surroundings)?;
    let trust = Trust::read(&surroundings.trust_file()?)?;
    let progress = Terminal::stoppable(STAYS)?;
    let believing = Believing { trust: &trust, now: signing::now() };
    let Examined { release, faults, .. } = release::examine(&folder, &believing, &progress)?;
    let again = match &release {
        Some(release) if args.rebuild && faults.is_empty() => {
            Some(rebuild(args, &surroundings, release, &folder, &progress)?)
        }
        _ => None,
    };
    progress.done();
    if args.json {
        let told =
            json!({ "folder": folder, "release": release, "faults": faults, "rebuilt": again });
        terminal::print_json(&told)?;
    }
    match release {
        Some(release) if faults.is_empty() => {
            if !args.json {
                super::tell(&release, &folder)?;
            }
            Ok(u8::from(again.is_some_and(|compared| differs(&compared))))
        }
        _ => {
            super::complain(&shown(&folder).display().to_string(), &faults);
            Ok(1)
        }
    }
}

/// Builds a release again in a folder of its own.
fn rebuild(
    args: &Args,
    surroundings: &Surroundings,
    release: &Release,
    folder: &Path,
    progress: &Terminal,
) -> Result<Vec<Compared>> {
    let desk = Desk::open(args.project.open(surroundings)?, Pulling::default())?;
    let ticket = desk.order(&release.customer, signing::now())?;
    let work = release::work_folder(&desk)?;
    release::rebuild(&desk, &ticket, release, folder, work.path(), progress)
}

/// Says how the images compare; whether any differs.
fn differs(compared: &[Compared]) -> bool {
    for Compared { file, differs, .. } in compared {
        match differs {
            None => terminal::advise(&format!("{file}: built again, every byte is the same")),
            Some(what) => {
                terminal::complain(&format!("{file}: built again, it differs first in {what}"));
            }
        }
    }
    compared.iter().any(|compared| compared.differs.is_some())
}

fn folder(args: &Args, surroundings: &Surroundings) -> Result<PathBuf> {
    let path = Path::new(&args.target);
    if file::is_folder(path)? {
        return Ok(path.to_owned());
    }
    if file::is_file(path)? {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if file::is_file(&folder.join(RECORD))? {
            return Ok(folder.to_owned());
        }
        return Err(Error::new(Kind::NotFound, "beside the image is no release.json")
            .at(path)
            .remedy("name the folder of its release"));
    }
    if args.target.contains('/') {
        return Err(Error::new(Kind::NotFound, "there is no such folder or image").at(path));
    }
    let project = args.project.open(surroundings)?;
    let customer = project.load(&args.target)?.profile.customer.id;
    store::newest(&project, &customer)
}
