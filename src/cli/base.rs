//! `slipway base`.

use std::path::PathBuf;

use crate::base::{Cache, Definition, Root};
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;

/// Arguments of `slipway base`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the cache.
    #[arg(long, env = "SLIPWAY_CACHE", global = true)]
    cache: Option<PathBuf>,
    /// Folder of the bases' definitions.
    #[arg(long, default_value = "images", global = true)]
    images: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a base, or take it from the cache.
    Build {
        /// Name of a definition, as in debian-12.
        name: String,
        /// Make it anew from what the archives hold now.
        #[arg(long)]
        fresh: bool,
    },
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args) -> Result<u8> {
    let cache = Cache::open(cache_folder(args.cache.clone())?)?;
    match &args.verb {
        Verb::Build { name, fresh } => {
            let definition = Definition::find(&args.images, name)?;
            let root = if *fresh {
                cache.rebuild(&definition, &Lines)?
            } else {
                cache.ensure(&definition, &Lines)?
            };
            show(&root);
        }
    }
    Ok(0)
}

/// The cache's folder: what was asked for, or the user's own.
pub fn cache_folder(asked: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(folder) = asked {
        return Ok(folder);
    }
    let below_home = |home: std::ffi::OsString| PathBuf::from(home).join(".cache");
    let folder = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| std::env::var_os("HOME").map(below_home));
    let folder = folder.ok_or_else(|| {
        Error::new(Kind::Input, "there is no home folder for the cache").remedy("set SLIPWAY_CACHE")
    })?;
    Ok(folder.join("slipway"))
}

fn show(root: &Root) {
    anstream::println!("{} {}", root.definition.name, root.digest);
    anstream::println!(
        "{} packages, {} names, of {}",
        root.packages.len(),
        root.tree.len(),
        root.time
    );
}

/// Plain lines on stderr.
struct Lines;

impl Progress for Lines {
    fn step(&self, name: &str, _: Option<u64>) {
        anstream::eprintln!("{name}");
    }

    fn advance(&self, _: u64) {}

    fn note(&self, line: &str) {
        anstream::eprintln!("note: {line}");
    }
}
