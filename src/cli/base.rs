//! `slipway base`.

use std::path::{Path, PathBuf};

use crate::base::{Cache, Definition, Listed, Root};
use crate::error::{Context as _, Error, Kind, Result};
use crate::file;
use crate::progress::Progress as _;
use crate::project::Surroundings;
use crate::units::ByteSize;
use crate::whole;

use super::terminal::Terminal;
use super::{project, terminal};

/// Arguments of `slipway base`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the cache [default: $SLIPWAY_CACHE, else slipway/ in the user's cache folder]
    #[arg(long, global = true)]
    cache: Option<PathBuf>,
    /// Folder of your own bases' definitions [default: images/ of the project]
    #[arg(long, global = true)]
    images: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show what the cache holds.
    List {
        /// Read every byte, and say what is damaged.
        #[arg(long)]
        verify: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Build a base, or take it from the cache.
    Build {
        /// Name of a definition, as in debian-12.
        name: String,
        /// Build it again from what the archives have now.
        #[arg(long)]
        fresh: bool,
        #[command(flatten)]
        project: project::Options,
    },
    /// Print a base's definition; without a name, list the bases.
    Show {
        /// Name of a definition, as in debian-12.
        name: Option<String>,
        #[command(flatten)]
        project: project::Options,
    },
    /// Copy the definition of a base that comes with slipway into images/, to change it there: that file takes
    /// precedence.
    Adopt {
        /// Name of a definition, as in debian-12.
        name: String,
        #[command(flatten)]
        project: project::Options,
    },
    /// Remove old bases and layers: all but the newest of each kind, what those build on, and what is in use.
    Prune {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let mut surroundings = surroundings.clone();
    surroundings.cache = args.cache.clone().or(surroundings.cache);
    let cache = || Cache::open(surroundings.cache()?);
    match &args.verb {
        Verb::List { verify, json } => list(&cache()?, *verify, *json),
        Verb::Build { name, fresh, project } => {
            let definition = Definition::find(images(args, project, &surroundings)?, name)?;
            build(&cache()?, &definition, *fresh)
        }
        Verb::Show { name, project } => {
            show_definition(&images(args, project, &surroundings)?, name.as_deref())
        }
        Verb::Adopt { name, project } => {
            let images = match &args.images {
                Some(folder) => folder.clone(),
                None => project.open(&surroundings)?.images,
            };
            adopt(&images, name)
        }
        Verb::Prune { json } => prune(&cache()?, *json),
    }
}

/// Where definitions are that do not come with the program.
fn images(args: &Args, project: &project::Options, surroundings: &Surroundings) -> Result<PathBuf> {
    let Some(folder) = &args.images else {
        // the program has definitions of its own: a base is made without a project, too
        let project = project.open_if_any(surroundings)?;
        return Ok(project.map_or_else(|| PathBuf::from("images"), |project| project.images));
    };
    match file::is_folder(folder)? {
        true => Ok(folder.clone()),
        false => Err(Error::new(Kind::NotFound, "there is no such folder").at(folder)),
    }
}

fn show_definition(images: &Path, name: Option<&str>) -> Result<u8> {
    if let Some(name) = name {
        let (_, text) = Definition::text(images, name)?;
        return terminal::print(text.trim_end()).map(|()| 0);
    }
    for name in Definition::names(images)? {
        let (path, _) = Definition::text(images, &name)?;
        let path = project::shown(&path).display().to_string();
        // one that is wrong is among those that there are
        let title = Definition::find(images, &name).map_or("(cannot be read)".into(), |d| d.title);
        terminal::print(format!("{name:<14} {title}  {path}"))?;
    }
    Ok(0)
}

/// A shell's `base show > FILE` would not do: the empty file that it makes first would win already.
fn adopt(images: &Path, name: &str) -> Result<u8> {
    let (_, text) = Definition::text(images, name)?;
    std::fs::create_dir_all(images).at("cannot create the folder", images)?;
    let path = images.join(format!("{name}.toml"));
    // as any text file, less the umask
    if !whole::create(&path, 0o666, text.as_bytes())? {
        return Err(Error::new(Kind::Refused, "the project has this definition already")
            .at(project::shown(&path)));
    }
    let shown = project::shown(&path).display().to_string();
    terminal::print(format!("{shown}: written; the next build makes the base that it describes"))?;
    Ok(0)
}

/// 1 when something is damaged.
fn list(cache: &Cache, verify: bool, json: bool) -> Result<u8> {
    let all = cache.list(verify)?;
    if json {
        terminal::print_json(&all)?;
    } else {
        all.iter().try_for_each(show_listed)?;
    }
    Ok(u8::from(all.iter().any(|root| root.damage.is_some())))
}

/// What an interrupted build leaves.
const STAYS: &str = "the cache has what it had before; the next build removes what was half made";

fn build(cache: &Cache, definition: &Definition, fresh: bool) -> Result<u8> {
    let progress = Terminal::stoppable(STAYS)?;
    let root = match fresh {
        true => cache.rebuild(definition, &progress)?,
        false => cache.ensure(definition, &progress)?,
    };
    // one that was made before names were kept; the base is good without them
    if let Err(e) = cache.ensure_names(definition, &progress) {
        progress.note(&format!("the names of its archives' packages are not known: {e}"));
    }
    progress.done();
    show(&root).map(|()| 0)
}

fn prune(cache: &Cache, json: bool) -> Result<u8> {
    let pruned = cache.prune()?;
    if json {
        terminal::print_json(&pruned)?;
        return Ok(0);
    }
    for root in &pruned.in_use {
        terminal::print(format!("in use   {} {}", root.digest.short(), root.name))?;
    }
    for root in &pruned.removed {
        terminal::print(format!("removed  {} {} {}", root.digest.short(), root.bytes, root.name))?;
    }
    let freed = ByteSize(pruned.removed.iter().map(|root| root.bytes.bytes()).sum());
    terminal::print(format!("freed {freed}")).map(|()| 0)
}

fn show_listed(root: &Listed) -> Result<()> {
    let age = root.made.and_then(|made| made.elapsed().ok()).map(age).unwrap_or_default();
    let Listed { name, digest, bytes, packages, time, .. } = root;
    let mark = if root.newest { "" } else { ", replaced" };
    terminal::print(format!(
        "{} {name}: {bytes}, {packages} packages, archives of {time}, made {age} ago{mark}",
        digest.short()
    ))?;
    match &root.damage {
        Some(damage) => terminal::print(format!("    damaged, will be made again: {damage}")),
        None => Ok(()),
    }
}

/// The largest unit that fits once.
fn age(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    let units = [("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1)];
    let fitting = units.into_iter().find(|(_, length)| seconds >= *length);
    fitting.map_or("0 seconds".into(), |(name, length)| format!("{} {name}", seconds / length))
}

fn show(root: &Root) -> Result<()> {
    terminal::print(format!("{} {}", root.definition.name, root.digest))?;
    terminal::print(format!(
        "{} packages, {} names, of {}",
        root.packages.len(),
        root.tree.len(),
        root.time
    ))
}
