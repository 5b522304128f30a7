//! `slipway bundle show`.

use std::path::PathBuf;

use crate::bundle::{Bundle, Health};
use crate::error::Result;
use crate::project::Surroundings;
use crate::units::ByteSize;

use super::super::terminal;

/// Arguments of `slipway bundle show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle's .tgz.
    file: PathBuf,
    /// Print the whole manifest as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, _: &Surroundings) -> Result<u8> {
    let Bundle { manifest, digest, size, .. } = Bundle::verify(&args.file)?;
    if args.json {
        terminal::print_json(&manifest)?;
        return Ok(0);
    }
    let row = |name: &str, value: &str| format!("{name:<9} {value}\n");
    let count = manifest.files.len();
    let mut text = format!("{}  {}, {count} files\n", manifest.release, ByteSize(size));
    text += &row("sha256", &digest.to_string());
    text += &row("commit", manifest.commit.as_deref().unwrap_or("unknown"));
    text += &row("created", &manifest.created.to_string());
    text += &row("bases", &or_any(&manifest.needs.os));
    text += &row("packages", &or_none(&manifest.needs.packages));
    for health in &manifest.health {
        let Health { port, path, status, .. } = health;
        text += &row("health", &format!("port {port} {path} -> {status}"));
    }
    for module in &manifest.modules {
        let version = module.version.as_deref().unwrap_or("-");
        let from = module.package.as_deref().or(module.source.as_deref());
        let from = from.unwrap_or("the site's own").to_owned() + &at(module.commit.as_deref());
        text += &row("module", &format!("{:<14} {version:<8} {from}", module.name));
    }
    for app in &manifest.apps {
        let from = app.channel.as_deref().map_or_else(
            || "packed with the bundle".to_owned(),
            |channel| format!("channel {channel}"),
        );
        let from = from + &at(app.commit.as_deref());
        text += &row("app", &format!("{:<14} {:<8} {from}", app.name, app.version));
    }
    terminal::print(text.trim_end()).map(|()| 0)
}

/// A commit in the length that `git log --oneline` shows, and whether files differed from it.
fn at(commit: Option<&str>) -> String {
    const SHOWN: usize = 12;
    let Some(commit) = commit else { return String::new() };
    let (id, dirty) = match commit.strip_suffix("-dirty") {
        Some(id) => (id, "-dirty"),
        None => (commit, ""),
    };
    format!(" at {}{dirty}", id.chars().take(SHOWN).collect::<String>())
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

fn or_any(words: &[String]) -> String {
    if words.is_empty() { "any".to_owned() } else { words.join(" ") }
}
