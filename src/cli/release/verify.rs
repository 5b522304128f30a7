//! `slipway release verify`.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::desk::{Desk, Pulling};
use crate::error::{Error, Kind, Result};
use crate::key::{Namespace, SecretKey, Trust};
use crate::project::Surroundings;
use crate::release::{self, Believing, Compared, Examined, REBUILT, Release};
use crate::whole;

use super::super::project::{self, shown};
use super::super::signing;
use super::super::terminal::{self, Terminal};
use super::store::Options;
use super::target::{Found, Target};

/// Arguments of `slipway release verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
CUSTOMER means the release of the newest image in out/; if that has none, or with --store or --channel, what the
customer's channel has, which is fetched for this. CUSTOMER@RELEASE and CUSTOMER@CHANNEL are of the store, too. An image
that lies alone is compared with the record of the release that it says it is of, in out/ or in the store.

Exit codes: 0 nothing is wrong; 1 something is, or an image that was built again differs.")]
pub(super) struct Args {
    /// A release's folder, an image, or a customer
    #[arg(value_name = "DIR|IMAGE|CUSTOMER")]
    target: String,
    #[command(flatten)]
    place: Options,
    /// Build it again from what its record names, without the cache of encoded regions, and compare every byte; if all
    /// are the same, sign a statement that says so
    #[arg(long)]
    rebuild: bool,
    /// Sign no statement about the rebuild
    #[arg(long, requires = "rebuild")]
    unsigned: bool,
    /// Where the statement goes [default: rebuilt.dsse.json in the release's folder; of a release of the store,
    /// RELEASE.rebuilt.dsse.json here]
    #[arg(long, value_name = "FILE", requires = "rebuild", conflicts_with = "unsigned")]
    statement: Option<PathBuf>,
    #[command(flatten)]
    signing: signing::Options,
    /// Print what was found as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// What an interrupted run leaves.
const STAYS: &str = "nothing was changed";
/// Everybody may read what proves a release.
const MODE: u32 = 0o644;

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    let target = Target::of(&args.target, &args.place, &args.project, &surroundings)?;
    if args.rebuild && matches!(target, Target::Image(_)) {
        return Err(Error::new(Kind::Input, "an image alone cannot be built again")
            .remedy("name the customer, or the folder of the image's release"));
    }
    let key = match args.rebuild && !args.unsigned {
        true => Some(args.signing.open(&surroundings)?),
        false => None,
    };
    let trust = Trust::read(&surroundings.trust_file()?)?;
    let progress = Terminal::stoppable(STAYS)?;
    let believing = Believing { trust: &trust, now: signing::now() };
    let open = || args.project.open(&surroundings);
    let found = target.examine(&args.place, &open, &believing, &progress)?;
    let mut again = None;
    if let (Some(release), true, Some(folder)) =
        (&found.examined.release, args.rebuild && found.examined.faults.is_empty(), &found.folder)
    {
        may_say(key.as_ref(), release, &believing)?;
        let compared = rebuild(args, &surroundings, release, folder, &progress)?;
        if let (Some(key), false) = (&key, differs(&compared)) {
            state(args, &found, release, key, &believing)?;
        }
        again = Some(compared);
    }
    progress.done();
    tell(args, &target, &found, again.as_deref())
}

/// Refuses a key whose statement nobody here would believe, before the work: the release's folder would be spoilt.
fn may_say(key: Option<&SecretKey>, release: &Release, by: &Believing<'_>) -> Result<()> {
    let Some(key) = key.map(SecretKey::public) else { return Ok(()) };
    if by.trust.holds(&key.id(), &release.site, Namespace::Rebuild, by.now) {
        return Ok(());
    }
    let message = format!(
        "the key {} is not trusted to say that releases of {} were built again",
        key.comment(),
        release.site
    );
    Err(Error::new(Kind::Refused, message).remedy(
        "trust it with `slipway key trust` (again, if it was trusted before), or pass --unsigned",
    ))
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
    let work = release::work_folder(&desk.project.out)?;
    release::rebuild(&desk, &ticket, release, folder, work.path(), progress)
}

/// Signs and writes that the release was built again.
fn state(
    args: &Args,
    found: &Found,
    release: &Release,
    key: &SecretKey,
    by: &Believing<'_>,
) -> Result<()> {
    let Some(record) = found.examined.sha256 else { return Ok(()) };
    let statement = release::attest(release, record, key, by.now)?;
    let path = match (&args.statement, &found.folder, &found.fetched) {
        (Some(path), _, _) => path.clone(),
        (None, Some(folder), None) => folder.join(REBUILT),
        _ => PathBuf::from(format!("{}.{REBUILT}", release.id)),
    };
    whole::replace(&path, MODE, statement.as_bytes())?;
    terminal::advise(&format!("signed: {}", shown(&path).display()));
    Ok(())
}

fn differs(compared: &[Compared]) -> bool {
    compared.iter().any(|compared| compared.differs.is_some())
}

fn tell(args: &Args, target: &Target, found: &Found, again: Option<&[Compared]>) -> Result<u8> {
    let Found { examined: Examined { release, faults, .. }, with, folder, fetched } = found;
    // of a folder that is removed at once nobody wants to know
    let folder = folder.as_deref().filter(|_| fetched.is_none());
    if args.json {
        let told = json!({
            "folder": folder, "release": release, "compared": with, "faults": faults,
            "rebuilt": again,
        });
        terminal::print_json(&told)?;
    }
    let Some(release) = release.as_ref().filter(|_| faults.is_empty()) else {
        super::complain(&format!("{} ({with})", target.shown()), faults);
        return Ok(1);
    };
    if !args.json {
        match (target, folder) {
            (Target::Image(path), _) => {
                terminal::print(format!("{}  {}", shown(path).display(), release.id))?;
            }
            (_, Some(folder)) => super::tell(release, folder)?,
            (_, None) => super::tell(release, Path::new(&release.id))?,
        }
        terminal::print(format!("  {with}"))?;
    }
    for Compared { file, differs, .. } in again.unwrap_or_default() {
        match differs {
            None => terminal::advise(&format!("{file}: built again, every byte is the same")),
            Some(what) => {
                terminal::complain(&format!("{file}: built again, it differs first in {what}"));
            }
        }
    }
    Ok(u8::from(again.is_some_and(differs)))
}
