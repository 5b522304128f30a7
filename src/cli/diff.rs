//! `slipway diff`: what differs between two images or releases.

use std::path::Path;
use std::sync::Arc;

use super::project::{self, counted};
use super::release::{Named, Options};
use super::terminal::{self, Terminal, clean};
use super::{Output, images, report};
use crate::build;
use crate::difference::{self, CONTENTS, Change, Difference, Fate, FileChange, Side};
use crate::error::Result;
use crate::file;
use crate::inspect::{Image, damage};
use crate::progress::Progress;
use crate::project::{Project, Surroundings};
use crate::release::Current;

/// The exit codes, as diff(1) has them.
const DIFFERENT: u8 = 1;
const TROUBLE: u8 = 2;
/// How many files are named to people; JSON names all.
const FILES: usize = 40;

/// Arguments of `slipway diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Values of settings are never shown, only their keys. Of two releases, files that not everybody on the machine
may read are compared by size, because a release has no digests of them. Of a release of the store only the
signed lists are fetched, and no image.

Exit codes, as diff(1) has them: 0 nothing differs; 1 something does; 2 something cannot be read.")]
pub struct Args {
    /// An image, a release's folder, a customer, which means its newest image in out/, or a release of the store, as in
    /// acme@acme-1.4.0+b17-0a1b2c3d; acme@stable is what that channel has
    before: String,
    /// The other one; without it, what the customer's channel has is compared with the newest image in out/
    after: Option<String>,
    #[command(flatten)]
    place: Options,
    /// Print JSON, with every file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    match compare(args, surroundings) {
        Ok(difference) => {
            show(&difference, args.json)?;
            Ok(if difference.is_empty() { 0 } else { DIFFERENT })
        }
        Err(error) => {
            report(&error, if args.json { Output::Json } else { Output::Text });
            Ok(TROUBLE)
        }
    }
}

fn compare(args: &Args, surroundings: &Surroundings) -> Result<Difference> {
    let surroundings = args.project.within(surroundings);
    let progress = Terminal::stoppable("nothing was written")?;
    let looking = Looking { args, surroundings: &surroundings, progress: &progress };
    let (before, after) = match &args.after {
        Some(after) => (looking.side(&args.before)?, looking.side(after)?),
        None => (looking.published(&args.before)?, looking.side(&args.before)?),
    };
    progress.done();
    Ok(difference::between(&before, &after))
}

/// What looks for the two sides.
struct Looking<'a> {
    args: &'a Args,
    surroundings: &'a Surroundings,
    progress: &'a dyn Progress,
}

impl Looking<'_> {
    fn side(&self, wanted: &str) -> Result<Side> {
        let path = Path::new(wanted);
        if file::is_file(&path.join(CONTENTS))? {
            return Side::of_release(path);
        }
        if wanted.contains('/') || file::is_file(path)? {
            let image = open(&images::find(wanted, self.surroundings)?)?;
            return Side::of_image(&image, self.progress);
        }
        if Named::of(wanted).is_precise() {
            return self.published(wanted);
        }
        let path = images::find(wanted, self.surroundings)?;
        let image = open(&path)?;
        let project = Project::open(self.surroundings)?;
        let customer = project.load(wanted)?.profile.customer.id;
        let (_, built) = build::latest(&project.out, &customer)?;
        Side::of_build(built, &image, self.progress)
    }

    /// A release of the store, by its signed lists.
    fn published(&self, wanted: &str) -> Result<Side> {
        let (named, project) = (Named::of(wanted), Project::open(self.surroundings)?);
        let profile = project.load(named.customer)?.profile;
        let (outlet, current) = named.find(&self.args.place, &project, &profile, self.progress)?;
        let store = outlet.open()?;
        let Current { pointer, release } = &current;
        let shelf = outlet.shelf(store.as_ref());
        shelf.side(&outlet.lane(), pointer, release, self.progress)
    }
}

fn open(path: &Path) -> Result<Arc<Image>> {
    let image = Arc::new(Image::open(path)?);
    damage::refuse_changed(&image)?;
    Ok(image)
}

fn show(difference: &Difference, json: bool) -> Result<()> {
    if json {
        return terminal::print_json(difference);
    }
    let before = difference.before.as_deref().unwrap_or_default();
    let mut text = format!("{} -> {}", clean(before), clean(&difference.after));
    for (kind, changes) in [
        ("image", &difference.image),
        ("app", &difference.apps),
        ("module", &difference.modules),
        ("library", &difference.libraries),
        ("package", &difference.packages),
        ("setting", &difference.settings),
        ("size", &difference.sizes),
    ] {
        changes.iter().for_each(|change| text += &line(kind, change));
    }
    difference.files.iter().take(FILES).for_each(|file| text += &file_line(file));
    let more = difference.files.len().saturating_sub(FILES);
    if more > 0 {
        text += &format!("\n  and {} (--json names them)", counted(more, "more file"));
    }
    if difference.is_empty() {
        text += "\n  nothing differs";
    }
    terminal::print(text)
}

fn line(kind: &str, change: &Change) -> String {
    let name = clean(&change.name);
    let side = |side: &Option<String>| clean(side.as_deref().unwrap_or_default());
    let (before, after) = (side(&change.before), side(&change.after));
    match (&change.before, &change.after) {
        (None, _) => format!("\n  + {kind:<8} {name}  {after}"),
        (_, None) => format!("\n  - {kind:<8} {name}  {before}"),
        _ => format!("\n  ~ {kind:<8} {name}  {before} -> {after}"),
    }
}

fn file_line(file: &FileChange) -> String {
    let sign = match file.fate {
        Fate::Added => '+',
        Fate::Removed => '-',
        Fate::Changed => '~',
    };
    format!("\n  {sign} file     {}  {}", clean(&file.path), clean(&file.what.join(", ")))
}
