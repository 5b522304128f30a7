//! `slipway bundle show`.

use std::path::PathBuf;

use crate::bundle::{Bundle, Health};
use crate::error::Result;
use crate::units::ByteSize;

use super::super::terminal;
use super::print_json;

/// Arguments of `slipway bundle show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle's .tgz.
    file: PathBuf,
    /// Print the whole manifest as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Bundle { manifest, digest, size, .. } = Bundle::verify(&args.file)?;
    if args.json {
        return print_json(&manifest);
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
        let package = module.package.as_deref().unwrap_or("the site's own");
        text += &row("module", &format!("{:<14} {version:<8} {package}", module.name));
    }
    for app in &manifest.apps {
        text += &row("app", &format!("{:<14} {:<8} {}", app.name, app.version, app.file));
    }
    terminal::print(text.trim_end())
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

fn or_any(words: &[String]) -> String {
    if words.is_empty() { "any".to_owned() } else { words.join(" ") }
}
