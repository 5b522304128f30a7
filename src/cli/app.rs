//! `slipway app`: pack, publish and list web applications.

use std::path::PathBuf;

use serde_json::json;

use crate::app::{self, App, AppReader, Bump, Channel, Index, Numbering, Tests, Version};
use crate::blob::{self, Created};
use crate::error::Result;
use crate::project::Surroundings;
use crate::units::ByteSize;

use super::terminal::{self, Terminal};
use super::{project, signing};

/// Arguments of `slipway app`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Test an app and pack it with every production dependency, so that it installs without a network.
    Pack(Pack),
    /// Sign a packed app and put it into a store.
    Publish(Publish),
    /// List the apps and versions that a store has.
    List(List),
}

/// Arguments of `slipway app pack`.
#[derive(Debug, clap::Args)]
// its --version is the app's
#[command(disable_version_flag = true)]
struct Pack {
    /// The app's folder, with package.json and package-lock.json; it is only read.
    folder: PathBuf,
    /// Give it this version, as in 1.4.0 or 1.5.0-proto.3 [default: package.json's].
    #[arg(long, value_name = "X", conflicts_with = "bump")]
    version: Option<Version>,
    /// Give it the version after package.json's; with --from, after the newest of both.
    #[arg(long, value_name = "PART")]
    bump: Option<Part>,
    /// The store in which to look for the newest published version, as in file:///srv/store.
    #[arg(long, value_name = "STORE", requires = "bump")]
    from: Option<String>,
    /// The channel of that store.
    #[arg(long, value_name = "NAME", default_value = "main", requires = "from")]
    channel: Channel,
    #[command(flatten)]
    project: project::Options,
    /// Where the package goes.
    #[arg(long, value_name = "FOLDER", default_value = "out/apps")]
    out: PathBuf,
    /// Do not run the app's tests.
    #[arg(long)]
    no_test: bool,
    /// Let the app's tests and scripts see this variable; can be given several times. From the environment they
    /// otherwise see PATH, HOME, the language and the like, but neither keys nor tokens.
    #[arg(long = "env", value_name = "NAME")]
    variables: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    Patch,
    Minor,
    Major,
}

/// Arguments of `slipway app publish`.
#[derive(Debug, clap::Args)]
struct Publish {
    /// The package that `slipway app pack` made.
    file: PathBuf,
    /// The store, as in file:///srv/store or azure://account/container.
    #[arg(long, value_name = "STORE")]
    to: String,
    /// The channel: main, or one for a branch.
    #[arg(long, value_name = "NAME", default_value = "main")]
    channel: Channel,
    #[command(flatten)]
    signing: signing::Options,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `slipway app list`.
#[derive(Debug, clap::Args)]
struct List {
    /// The store, as in file:///srv/store.
    store: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    match &args.verb {
        Verb::Pack(args) => pack(args, surroundings),
        Verb::Publish(args) => publish(args, surroundings),
        Verb::List(args) => list(args, surroundings),
    }?;
    Ok(0)
}

fn pack(args: &Pack, surroundings: &Surroundings) -> Result<()> {
    let packed = app::pack(
        &app::Request {
            folder: &args.folder,
            numbering: &numbering(args, surroundings)?,
            tests: if args.no_test { Tests::Skip } else { Tests::Run },
            variables: &args.variables,
            out: &args.out,
            work: &surroundings.cache()?.join("work"),
        },
        &Terminal::new(),
    )?;
    let App { name, version, commit, native, path, digest, size } = &packed.app;
    if args.json {
        return terminal::print_json(&json!({
            "app": name, "version": version, "commit": commit, "file": path, "size": size,
            "sha256": digest, "tested": packed.tested, "native": native,
        }));
    }
    let commit = commit.as_deref().unwrap_or("unknown");
    let tested = if packed.tested { "its tests passed" } else { "not tested" };
    terminal::print(format!(
        "{}\n  {name} {version}, commit {commit}, {tested}\n  {}, SHA-256 {digest}",
        path.display(),
        ByteSize(*size)
    ))?;
    for module in native {
        terminal::print(format!(
            "  compiled for {} ({}): {}",
            module.platform, module.abi, module.path
        ))?;
    }
    Ok(())
}

fn numbering(args: &Pack, surroundings: &Surroundings) -> Result<Numbering> {
    let part = match (&args.version, args.bump) {
        (Some(version), _) => return Ok(Numbering::Set(version.clone())),
        (None, None) => return Ok(Numbering::AsIs),
        (None, Some(Part::Patch)) => Bump::Patch,
        (None, Some(Part::Minor)) => Bump::Minor,
        (None, Some(Part::Major)) => Bump::Major,
    };
    let published = match &args.from {
        None => None,
        Some(store) => {
            let store = blob::open(store, &surroundings.stores)?;
            let trust = args.project.within(surroundings).trust_if_any()?;
            let reader = AppReader { store: store.as_ref(), trust: &trust, now: signing::now() };
            let name = app::name_in(&args.folder)?;
            reader.newest(&name, &args.channel, &Terminal::new())?
        }
    };
    Ok(Numbering::Bump { part, published })
}

fn publish(args: &Publish, surroundings: &Surroundings) -> Result<()> {
    let app = App::open(&args.file)?;
    let store = blob::open_for_publishing(&args.to, &surroundings.stores)?;
    let key = args.signing.open(surroundings)?;
    let (cache, indexes) = (surroundings.cache()?, app::indexes(&app.name));
    blob::prove_conditions(store.as_ref(), &indexes, &cache, &Terminal::new())?;
    let (index, created) =
        app::publish(store.as_ref(), &app, &args.channel, &key, signing::now(), &Terminal::new())?;
    let App { name, version, digest, size, .. } = &app;
    if args.json {
        return terminal::print_json(&json!({
            "app": name, "version": version, "channel": index.channel, "seq": index.seq,
            "size": size, "sha256": digest, "new": created == Created::Written,
        }));
    }
    let was = if created == Created::AlreadyThere { " (was there already)" } else { "" };
    terminal::print(format!(
        "{name} {version} signed and published{was} in channel {}",
        index.channel
    ))
}

fn list(args: &List, surroundings: &Surroundings) -> Result<()> {
    let store = blob::open(&args.store, &surroundings.stores)?;
    let indexes = app::list(store.as_ref(), &Terminal::new())?;
    if args.json {
        return terminal::print_json(&json!({ "apps": indexes }));
    }
    for Index { app, channel, versions, .. } in &indexes {
        for entry in versions.iter().rev() {
            let commit = entry.commit.as_deref().unwrap_or("-");
            let (size, version) = (ByteSize(entry.size).to_string(), &entry.version);
            terminal::print(terminal::clean(&format!(
                "{:<24} {:<16} {version:<16} {size:>10}  {}  {commit}",
                app.as_str(),
                channel.as_str(),
                entry.sha256.short()
            )))?;
        }
    }
    Ok(())
}
