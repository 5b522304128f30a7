//! `slipway who-has`: which customers' current releases hold a package, an app or a module.

use serde::Serialize;

use crate::error::{Error, Result, Told};
use crate::profile::Profile;
use crate::progress::Progress as _;
use crate::project::{Project, Surroundings};
use crate::release::{Holder, Stock, Wanted};

use super::project::{self, counted};
use super::release::Options;
use super::terminal::{self, Terminal};

/// Arguments of `slipway who-has`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 somebody has it; 3 nobody has it; 1 some customers' releases could not be looked at.")]
pub struct Args {
    /// A package, source package, app, npm package or Puppet module, and perhaps which versions of it: openssl,
    /// openssl@<3.0.11-1~deb12u2, @acme/ui@^1.2
    #[arg(value_name = "NAME[@RANGE]")]
    wanted: Wanted,
    /// Ask no store: look at the releases that were seen last
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    place: Options,
    /// Print it as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Nobody has it.
const NOBODY: u8 = 3;

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Answer {
    holders: Vec<Holder>,
    /// Customers that have no release.
    without: Vec<String>,
    /// Customers of whom nothing is known, and why.
    unknown: Vec<Unknown>,
}

#[derive(Debug, Serialize)]
struct Unknown {
    customer: String,
    error: Told,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let progress = Terminal::new();
    let mut answer = Answer::default();
    let stock = Stock::new(&project.surroundings.cache()?, &args.wanted);
    for (path, loaded) in project.load_all()? {
        let customer = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        progress.go_on()?;
        let found = loaded.map_err(|diagnostics| project.refused(&path, diagnostics));
        let found =
            found.and_then(|loaded| look(args, &project, &loaded.profile, &stock, &progress));
        answer.add(customer, found);
    }
    progress.done();
    if args.json {
        terminal::print_json(&answer)?;
    } else {
        tell(&args.wanted, &answer)?;
    }
    Ok(match (answer.unknown.is_empty(), answer.holders.is_empty()) {
        (false, _) => 1,
        (true, true) => NOBODY,
        (true, false) => 0,
    })
}

/// Whether a customer's release holds it; nothing where there is no release.
fn look(
    args: &Args,
    project: &Project,
    profile: &Profile,
    stock: &Stock<'_>,
    progress: &Terminal,
) -> Result<Option<Option<Holder>>> {
    let outlet = args.place.of(project, profile)?;
    let (store, lane) = (outlet.open()?, outlet.lane());
    let shelf = outlet.shelf(store.as_ref());
    let pointer = match args.offline {
        true => shelf.last(&lane)?,
        false => shelf.pointer(&lane, progress)?,
    };
    let Some(pointer) = pointer else { return Ok(None) };
    stock.find(&shelf, &lane, pointer.payload(), progress).map(Some)
}

impl Answer {
    fn add(&mut self, customer: String, found: Result<Option<Option<Holder>>, Error>) {
        match found {
            Ok(Some(holder)) => self.holders.extend(holder),
            Ok(None) => self.without.push(customer),
            Err(error) => self.unknown.push(Unknown { customer, error: error.told() }),
        }
    }
}

fn tell(wanted: &Wanted, answer: &Answer) -> Result<()> {
    for holder in &answer.holders {
        let held: Vec<_> =
            holder.components.iter().map(|c| format!("{} {}", c.name, c.version)).collect();
        terminal::print(format!("{}  {}  {}", holder.customer, holder.release, held.join(", ")))?;
    }
    if !answer.without.is_empty() {
        terminal::advise(&format!("without a release: {}", answer.without.join(", ")));
    }
    for Unknown { customer, error } in &answer.unknown {
        terminal::complain(&format!("not known of {customer}: {}", error.in_one_line()));
    }
    let count = counted(answer.holders.len(), "customer");
    terminal::advise(&format!("{count} with {wanted}"));
    Ok(())
}
