//! `slipway bundle`: build, list and show configuration bundles.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::blob::{self, Created, Settings};
use crate::bundle::{self, Bundle, Health, Name, Pointer, Record};
use crate::error::{Error, Kind, Result};
use crate::units::{ByteSize, Timestamp};

use super::inputs::Inputs;
use super::project;
use super::terminal::{self, Terminal};

/// Arguments of `slipway bundle`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Build a site's bundle, and publish it.
    Build(Build),
    /// List what a store has.
    List(List),
    /// Show what is in a bundle, and prove that it is whole.
    Show(Show),
}

/// Arguments of `slipway bundle build`.
#[derive(Debug, clap::Args)]
struct Build {
    /// The site's folder, with SITE.toml.
    site: PathBuf,
    /// Your build number.
    #[arg(long, default_value_t = 1)]
    build: u32,
    #[command(flatten)]
    inputs: Inputs,
    /// Where the bundle goes.
    #[arg(long, value_name = "FOLDER", default_value = "out/bundles")]
    out: PathBuf,
    /// Publish it to this store, as in file:///srv/store.
    #[arg(long, value_name = "STORE", requires = "channel")]
    publish: Option<String>,
    /// The channel that shall point to it.
    #[arg(long, value_name = "NAME", requires = "publish")]
    channel: Option<Name>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `slipway bundle list`.
#[derive(Debug, clap::Args)]
struct List {
    /// The store, as in file:///srv/store.
    store: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `slipway bundle show`.
#[derive(Debug, clap::Args)]
struct Show {
    /// The bundle's .tgz.
    file: PathBuf,
    /// Print the whole manifest as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args) -> Result<u8> {
    match &args.verb {
        Verb::Build(args) => build(args),
        Verb::List(args) => list(args),
        Verb::Show(args) => show(args),
    }?;
    Ok(0)
}

fn build(args: &Build) -> Result<()> {
    let now = Timestamp::from_seconds(jiff::Timestamp::now().as_second());
    let source = git(&args.site)?;
    let request = bundle::Request {
        site: &args.site,
        build: args.build,
        created: created(source.as_ref(), now)?,
        commit: source.map(|s| s.commit),
        out: &args.out,
        cache: &project::cache()?,
        inputs: args.inputs.read()?,
    };
    let bundle = bundle::build(&request, &Terminal::new())?;
    let published = match (&args.publish, &args.channel) {
        (Some(store), Some(channel)) => {
            let store = blob::open_for_publishing(store, &Settings::of_process())?;
            Some(bundle::publish(store.as_ref(), &bundle, channel, now, &Terminal::new())?)
        }
        _ => None,
    };
    if args.json {
        let published = published.as_ref().map(|p| &p.pointer);
        return print_json(&json!({
            "release": bundle.manifest.release, "file": bundle.path, "size": bundle.size,
            "sha256": bundle.digest, "published": published,
        }));
    }
    terminal::print(format!(
        "{}\n  {}, SHA-256 {}",
        bundle.path.display(),
        ByteSize(bundle.size),
        bundle.digest
    ))?;
    if let Some(p) = published {
        let Pointer { channel, seq, .. } = &p.pointer;
        let was = if p.bundle == Created::AlreadyThere { " (was there already)" } else { "" };
        terminal::print(format!(
            "  published{was}, channel {channel} points to it (change {seq})"
        ))?;
    }
    Ok(())
}

fn list(args: &List) -> Result<()> {
    let store = blob::open(&args.store, &Settings::of_process())?;
    let (records, pointers) = bundle::list(store.as_ref(), &Terminal::new())?;
    if args.json {
        return print_json(&json!({ "bundles": records, "channels": pointers }));
    }
    for record in &records {
        let size = ByteSize(record.size).to_string();
        let channels = channels_of(record, &pointers).join(", ");
        let line =
            format!("{:<32} {size:>10}  {}  {channels}", record.release, record.sha256.short());
        terminal::print(line.trim_end())?;
    }
    Ok(())
}

fn channels_of<'a>(record: &Record, pointers: &'a [Pointer]) -> Vec<&'a str> {
    let of = |p: &&Pointer| p.record.release == record.release;
    pointers.iter().filter(of).map(|p| p.channel.as_str()).collect()
}

fn show(args: &Show) -> Result<()> {
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

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Kind::Input, "cannot write JSON").because(e))?;
    terminal::print(text)
}

/// What git says of the folder's sources.
struct Source {
    commit: String,
    committed: Timestamp,
}

/// None where the folder is in no repository, or there is no git.
fn git(folder: &Path) -> Result<Option<Source>> {
    let ask = |args: &[&str]| -> Option<String> {
        let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(head) = ask(&["log", "-1", "--format=%H %ct"]) else { return Ok(None) };
    let wrong = || Error::new(Kind::Tool, format!("git says {head:?} of the last commit"));
    let (commit, seconds) = head.split_once(' ').ok_or_else(wrong)?;
    let committed = Timestamp::from_seconds(seconds.parse().map_err(|_| wrong())?);
    // what differs anywhere in the repository counts: apps and modules lie beside the site
    let dirty = ask(&["status", "--porcelain"]).is_none_or(|s| !s.is_empty());
    let commit = format!("{commit}{}", if dirty { "-dirty" } else { "" });
    Ok(Some(Source { commit, committed }))
}

/// SOURCE_DATE_EPOCH, then the commit's time, then now.
fn created(source: Option<&Source>, now: Timestamp) -> Result<Timestamp> {
    if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
        let seconds = text.parse().map_err(|_| {
            Error::new(Kind::Input, format!("SOURCE_DATE_EPOCH is {text:?}"))
                .remedy("set it to a number of seconds, or not at all")
        })?;
        return Ok(Timestamp::from_seconds(seconds));
    }
    // the commit's time also where files differ from it: the same sources give the same bytes, whenever
    Ok(source.map_or(now, |s| s.committed))
}
