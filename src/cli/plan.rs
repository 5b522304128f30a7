//! `slipway plan`: show everything that will go into a customer's image.

use crate::build;
use crate::bundle::Bundle;
use crate::desk::Desk;
use crate::error::Result;
use crate::format;
use crate::manifest::{Package, ProfileRecord};
use crate::plan::{self, Order, Outlook, Plan};
use crate::platform::{Format, Platform};
use crate::project::Surroundings;
use crate::units::ByteSize;

use super::project;
use super::pulling;
use super::signing;
use super::summary::{self, Group, Values};
use super::terminal::{self, Terminal};

/// Arguments of `slipway plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A customer, or the path of a profile
    #[arg(value_name = "PROFILE")]
    profile: String,
    /// Print the plan as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pulling: pulling::Options,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let desk = Desk::open(args.project.open(surroundings)?, args.pulling.read())?;
    let ticket = desk.order(&args.profile, signing::now())?;
    desk.look_up(&ticket)?;
    let progress = Terminal::new();
    let bundle = desk.fetch(&ticket, &progress)?;
    let found = match desk.look(&ticket, &bundle, &progress)? {
        Err(missing) => Found::Missing(missing),
        Ok(prepared) => {
            let contents = desk.contents(&ticket, prepared, &progress)?;
            let disk = build::assemble(&contents)?;
            let formats = &ticket.order.profile.formats;
            let needed = formats.iter().map(|&f| format::needed_bytes(f, &disk)).sum();
            Found::All(Box::new(Ready {
                write: ByteSize(disk.allocated()),
                needed: ByteSize(needed),
                plan: contents.plan,
                packages: contents.record.packages,
            }))
        }
    };
    drop(progress);
    if args.json {
        return terminal::print_json(&record(&ticket.order, &bundle, &found)?).map(|()| 0);
    }
    terminal::print(as_text(&ticket.order, &bundle, &found)?)?;
    Ok(0)
}

/// How much is known without making anything.
enum Found {
    /// All is cached: the plan is exact.
    All(Box<Ready>),
    /// These are to be made first.
    Missing(Vec<String>),
}

struct Ready {
    plan: Plan,
    packages: Vec<Package>,
    write: ByteSize,
    needed: ByteSize,
}

/// For programs; a plan as its digest is of has the profile's secrets in it, and what is printed ends up in logs.
fn record(order: &Order, bundle: &Bundle, found: &Found) -> Result<Outlook> {
    let bundle = plan::kept(&bundle.manifest)?;
    Ok(match found {
        Found::All(ready) => Outlook {
            cached: true,
            digest: Some(ready.plan.digest()?),
            name: Some(ready.plan.stem()?),
            plan: Some(ready.plan.shown()?),
            profile: None,
            missing: Vec::new(),
            packages: ready.packages.clone(),
            bundle,
            bytes: Some(ready.write),
            disk_needed: Some(ready.needed),
        },
        Found::Missing(missing) => Outlook {
            cached: false,
            digest: None,
            name: None,
            plan: None,
            profile: Some(ProfileRecord::of(&order.profile, &order.digests())?),
            missing: missing.clone(),
            packages: Vec::new(),
            bundle,
            bytes: None,
            disk_needed: None,
        },
    })
}

fn as_text(order: &Order, bundle: &Bundle, found: &Found) -> Result<String> {
    let profile = &order.profile;
    let manifest = &bundle.manifest;
    let mut ports = summary::probed(&profile.probes);
    ports.extend(manifest.health.iter().map(|health| (health.port, health.path.clone())));
    let record = ProfileRecord::of(profile, &order.digests())?;
    let mut table = Table::default();
    let values = Values { given: &profile.hiera, declared: manifest.parameters.as_ref() };
    for group in summary::of(&record, Some(&values), &ports) {
        table.group(group);
    }
    table.heading("contents");
    table.row("base", format!("{} — {}", order.definition.name, order.definition.title));
    for layer in plan::layers(order, bundle)? {
        table.row("layer", format!("{}: {}", layer.name, layer.packages.join(" ")));
    }
    let size = ByteSize(bundle.size);
    table.row("bundle", format!("{} ({size}, sha256 {})", manifest.release, bundle.digest.short()));
    for app in &manifest.apps {
        table.row("app", format!("{} {}", app.name, app.version));
    }
    for module in &manifest.modules {
        table.row("module", format!("{} {}", module.name, module.version.as_deref().unwrap_or("")));
    }
    let formats: Vec<String> =
        profile.formats.iter().map(|format| format_row(*format, &profile.platforms)).collect();
    table.row("formats", formats.join(", "));
    if profile.formats.contains(&Format::Vhdx) {
        // a VHDX leaves out blocks of zeros, and cannot be compressed
        table.row(
            "",
            "vhdx is not compressed: the file is as large as the data in the image,".into(),
        );
        table.row("", "and a zip of it about as large as the qcow2".into());
    }
    table.heading("build");
    match found {
        Found::All(ready) => ready.rows(&mut table)?,
        Found::Missing(missing) => {
            table.row("to be made", missing.join(", "));
            table.row("", "the first build of a base takes some minutes; the plan's digest".into());
            table.row("", "and the disk needed are known once it is cached".into());
        }
    }
    Ok(table.text)
}

/// A format, and the platforms that it was asked for.
fn format_row(format: Format, platforms: &[Platform]) -> String {
    let here = platforms.iter().filter(|platform| platform.format() == format);
    let names: Vec<_> = here.map(|platform| platform.name()).collect();
    match names.is_empty() {
        true => format.to_string(),
        false => format!("{format} for {}", names.join(" and ")),
    }
}

impl Ready {
    fn rows(&self, table: &mut Table) -> Result<()> {
        let plan = &self.plan;
        table
            .row("root", format!("{}, {} packages", plan.base.digest.short(), self.packages.len()));
        table.row("time", plan.time.to_string());
        table.row("plan", plan.digest()?.to_string());
        table.row("artifacts", plan.stem()?);
        table.row("cached", "base and layers".into());
        table.row("bytes", format!("{} of data in the image", self.write));
        table.row("disk needed", format!("at most {}", self.needed));
        Ok(())
    }
}

#[derive(Default)]
struct Table {
    text: String,
}

impl Table {
    /// The rows of one group; an empty one is left out.
    fn group(&mut self, group: Group) {
        if group.rows.is_empty() {
            return;
        }
        self.heading(group.title);
        for (name, value) in group.rows {
            self.row(&name, value);
        }
    }

    fn heading(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(&title.to_uppercase());
    }

    fn row(&mut self, name: &str, value: String) {
        self.text.push_str(&format!("\n  {name:<13} {value}"));
    }
}
