//! `slipway cache`: what the cache holds, and making it smaller.

use std::path::Path;

use serde_json::json;

use crate::error::{Context, Result};
use crate::format::encode::{Stored, Trimmed};
use crate::project::Surroundings;
use crate::units::ByteSize;

use super::{project, terminal};

/// Arguments of `slipway cache`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show what the cache holds.
    Show {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove encoded regions, the least recently used first; builds make them again.
    Prune {
        /// Keep at most this much, as in "5 GiB" [default: $SLIPWAY_ENCODED_LIMIT, else 20 GiB]
        #[arg(long, value_name = "SIZE", conflicts_with = "all")]
        max_size: Option<ByteSize>,
        /// Remove all of them
        #[arg(long)]
        all: bool,
        /// Print what was removed as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let (folder, encoded) = (surroundings.cache()?, surroundings.encoded()?);
    match &args.verb {
        Verb::Show { json } => show(&folder, &encoded.stored()?, *json)?,
        Verb::Prune { max_size, all, json } => {
            let asked = max_size.map_or(encoded.limit(), ByteSize::bytes);
            let limit = if *all { 0 } else { asked };
            removed(encoded.trim(limit)?, *json)?;
        }
    }
    Ok(0)
}

fn show(folder: &Path, encoded: &[Stored], json: bool) -> Result<()> {
    let others = others(folder)?;
    if json {
        let others: Vec<_> = others.iter().map(|(n, b)| json!({ "name": n, "bytes": b })).collect();
        let value = json!({ "folder": folder, "encoded": encoded, "folders": others });
        return terminal::print_json(&value);
    }
    terminal::print(folder.display())?;
    for Stored { codec, entries, bytes } in encoded {
        terminal::print(format!(
            "{:>12}  encoded regions, {codec} ({entries})",
            bytes.to_string()
        ))?;
    }
    for (name, bytes) in others {
        terminal::print(format!("{:>12}  {name}", bytes.to_string()))?;
    }
    Ok(())
}

fn removed(trimmed: Trimmed, json: bool) -> Result<()> {
    if json {
        return terminal::print_json(&json!({ "removed": trimmed }));
    }
    let Trimmed { entries, bytes } = trimmed;
    let regions = project::counted(entries as usize, "encoded region");
    terminal::print(format!("removed {regions}, {bytes}"))
}

/// What the cache's other folders take: bases and layers, bundles and what was unpacked from them.
fn others(folder: &Path) -> Result<Vec<(String, ByteSize)>> {
    let mut others = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(others),
        entries => entries.at("cannot read the folder", folder)?,
    };
    for entry in entries {
        let entry = entry.at("cannot read the folder", folder)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != crate::format::CACHE
            && entry.file_type().at("cannot look at", entry.path())?.is_dir()
        {
            others.push((name, ByteSize(crate::format::encode::disk_usage(&entry.path())?)));
        }
    }
    others.sort();
    Ok(others)
}
