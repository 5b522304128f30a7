//! `slipway history`: what a customer's channel had, and what each release was made of.

use serde::Serialize;

use crate::error::Result;
use crate::progress::Progress;
use crate::project::Surroundings;
use crate::release::{Change, Lane, Maker, Release, ReleasePointer, Shelf, Statement, Tested};
use crate::smoke::{Accelerator, BootReport, Firmware};

use super::project;
use super::release::Options;
use super::terminal::{self, Terminal, clean};

/// Arguments of `slipway history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A customer
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    /// The most changes to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: usize,
    #[command(flatten)]
    place: Options,
    /// Print it as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// One change of a channel, and the release that it went to.
#[derive(Debug, Serialize)]
struct Told {
    pointer: ReleasePointer,
    /// The key that signed the pointer.
    by: String,
    release: Release,
    /// What its smoke tests ran in.
    booted: Vec<Booted>,
    /// Who built it again, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilt: Option<Rebuilt>,
    /// Why a statement that somebody did is not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_believed: Option<String>,
}

/// Who built a release again.
#[derive(Debug, Serialize)]
struct Rebuilt {
    by: String,
    at: String,
}

/// A smoke test, by its report.
#[derive(Debug, Serialize)]
struct Booted {
    firmware: Firmware,
    qemu: String,
    accelerator: Accelerator,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let profile = project.load(&args.customer)?.profile;
    let outlet = args.place.of(&project, &profile)?;
    let (store, lane, progress) = (outlet.open()?, outlet.lane(), Terminal::new());
    let shelf = outlet.shelf(store.as_ref());
    let mut changes = Vec::new();
    for Change { pointer, by } in shelf.changes(&lane, args.most, &progress)? {
        let release = shelf.record(&lane, &pointer, &progress)?;
        let booted = booted(&shelf, &lane, &pointer, &release, &progress)?;
        let (rebuilt, not_believed) = match shelf.rebuilt(&lane, &pointer, &release, &progress)? {
            Statement::Nothing => (None, None),
            Statement::Proven { rebuilt, .. } => {
                let by = outlet.name_of(&rebuilt.by);
                (Some(Rebuilt { by, at: rebuilt.at }), None)
            }
            Statement::NotBelieved(why) => (None, Some(why)),
        };
        let by = outlet.name_of(&by);
        changes.push(Told { pointer, by, release, booted, rebuilt, not_believed });
    }
    progress.done();
    if args.json {
        terminal::print_json(&changes)?;
        return Ok(0);
    }
    for change in &changes {
        tell(change)?;
    }
    if changes.is_empty() {
        terminal::advise(&format!("nothing was published to {} yet", lane.name()));
    }
    Ok(0)
}

/// What the reports say that a release's record names.
fn booted(
    shelf: &Shelf<'_>,
    lane: &Lane<'_>,
    pointer: &ReleasePointer,
    release: &Release,
    progress: &dyn Progress,
) -> Result<Vec<Booted>> {
    let Tested::Booted(boots) = &release.smoke else { return Ok(Vec::new()) };
    let mut booted = Vec::new();
    for boot in boots {
        let Some(part) = release.files.iter().find(|part| part.name == boot.report) else {
            continue;
        };
        let report = BootReport::parse(&shelf.part(lane, pointer, part, progress)?)?;
        let BootReport { firmware, qemu, accelerator, .. } = report;
        booted.push(Booted { firmware, qemu, accelerator });
    }
    Ok(booted)
}

fn tell(change: &Told) -> Result<()> {
    let Told { pointer, by, release, booted, rebuilt, not_believed } = change;
    terminal::print(format!("{}  change {}  {}", pointer.issued, pointer.seq, pointer.release))?;
    let Release { created, builder, base, bundle, .. } = release;
    terminal::print(format!(
        "  made {created} by slipway {builder} of {} and {}",
        base.name, bundle.release
    ))?;
    let Maker { builder, run } = release.maker.clone().unwrap_or_default();
    for (what, name) in [("by", builder), ("in the run", run)] {
        if let Some(name) = name {
            terminal::print(format!("  {what} {}", clean(&name)))?;
        }
    }
    terminal::print(format!("  published by {by}"))?;
    match &release.smoke {
        Tested::Booted(_) => {
            for Booted { firmware, qemu, accelerator } in booted {
                let (name, qemu) = (firmware.name(), clean(qemu));
                let slow = match accelerator {
                    Accelerator::Kvm => "",
                    Accelerator::Tcg => ", without KVM",
                };
                terminal::print(format!("  booted with {name} in QEMU {qemu}{slow}"))?;
            }
        }
        Tested::Without(reason) => terminal::print(format!("  not booted: {}", clean(reason)))?,
    }
    if let Some(Rebuilt { by, at }) = rebuilt {
        terminal::print(format!("  built again {at}, every byte the same, says {by}"))?;
    }
    if let Some(why) = not_believed {
        terminal::complain(&format!("what is said of a rebuild is not believed: {}", clean(why)));
    }
    Ok(())
}
