//! `slipway new`.

mod ask;
mod keys;
mod settings;

use std::path::{Path, PathBuf};

use dialoguer::Confirm;
use dialoguer::theme::ColorfulTheme;

use crate::error::{Context as _, Error, Kind, Result};
use crate::file;
use crate::profile::{self, Answers, Diagnostic, Loaded, Question};
use crate::project::{Project, Surroundings};
use crate::whole;

use super::project::{self, shown};
use super::terminal;
use settings::Whom;

/// As any text file, less the umask: a temporary file would be readable by its owner alone.
const MODE: u32 = 0o666;

/// Arguments of `slipway new`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The customer's short name: a-z, 0-9 and hyphens; it names the file
    customer: String,
    /// The customer's name for people
    #[arg(long)]
    name: Option<String>,
    /// The customer's contact person
    #[arg(long)]
    contact: Option<String>,
    /// The shared parent to inherit from: a file in profiles/shared/, without .toml
    #[arg(long, value_name = "PARENT")]
    extends: Option<String>,
    /// The base image, as in debian-12: one that comes with slipway, or a file in images/, without .toml
    #[arg(long)]
    base: Option<String>,
    /// The site: the configuration bundle that converges the machine
    #[arg(long)]
    site: Option<String>,
    /// The channel whose newest release is taken
    #[arg(long, conflicts_with = "bundle")]
    channel: Option<String>,
    /// One pinned bundle version, as in 1.4.0+b17
    #[arg(long, value_name = "VERSION")]
    bundle: Option<String>,
    /// Where bundles are: azure://account/container/folder, s3://bucket/folder, gs://bucket/folder,
    /// https://host/path, file:///folder, or file:folder in the project
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Where it will run, as in vmware or hyper-v, or an image format; separate several with commas
    #[arg(long = "format", value_name = "PLATFORM", value_delimiter = ',')]
    formats: Vec<String>,
    /// A fixed address with its prefix, as in 192.0.2.10/24
    #[arg(long, requires = "gateway")]
    address: Option<String>,
    /// The router, for a fixed address
    #[arg(long, requires = "address")]
    gateway: Option<String>,
    /// A name server; separate several with commas
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    dns: Vec<String>,
    /// The proxy, as in http://proxy.example:3128
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// The time zone, as in Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// A public key of the user admin, or a file with some; can be given several times
    #[arg(long = "ssh-key", value_name = "KEY|FILE")]
    ssh_keys: Vec<String>,
    /// The product's name, which the console shows
    #[arg(long)]
    title: Option<String>,
    /// Size of the virtual disk, as in "40 GiB"
    #[arg(long, value_name = "SIZE")]
    disk: Option<String>,
    /// A value for a parameter of the site, as in profile::app::workers=4
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Ask nothing, even on a terminal
    #[arg(long)]
    no_input: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let path = place(args, &project)?;
    let mut answers = given(args, surroundings)?;
    let header = header(&project)?;
    let interactive = terminal::is_interactive() && !args.no_input;
    if interactive {
        terminal::with_interrupt_as_error(|| ask::whence(&mut answers, &project))?;
    } else {
        complete(&mut answers)?;
    }
    let draft = load(&path, &profile::write(&answers, &header), &project)?.profile;
    if interactive {
        let fits = |answers: &Answers| fits(&path, &profile::write(answers, &header), &project);
        terminal::with_interrupt_as_error(|| {
            ask::differences(&mut answers, &draft, surroundings, &fits)
        })?;
    }
    let whom = if interactive { Whom::Terminal } else { Whom::Nobody };
    let chosen = settings::of(draft, &args.settings, whom, &project)?;
    answers.settings = chosen.values;
    let text = profile::write(&answers, &header);
    if interactive {
        answers.settings.extend(chosen.shown);
        confirm(&profile::write(&answers, &header))?;
    }
    save(&path, &text, &project)?;
    let shown = shown(&path).display().to_string();
    let customer = &args.customer;
    terminal::print(format!("{shown}: written; look at it, then: slipway plan {customer}"))?;
    if interactive {
        terminal::advise(&format!(
            "`slipway plan {customer}` shows everything that will be in the image: verify it with the customer.\n\
             Then `slipway build {customer}` builds it, and `slipway smoke {customer}` tries it."
        ));
    }
    Ok(0)
}

/// Shows the profile, and asks whether it is to be written.
fn confirm(text: &str) -> Result<()> {
    terminal::complain(&format!("\n{text}"));
    let theme = ColorfulTheme::default();
    let question = Confirm::with_theme(&theme).with_prompt("Write this profile?").default(true);
    match terminal::with_interrupt_as_error(|| question.interact().map_err(ask::asked))? {
        true => Ok(()),
        false => Err(Error::new(Kind::Interrupted, "nothing was written")),
    }
}

/// What is wrong with a profile, in one line; none where it is good.
fn fits(path: &Path, text: &str, project: &Project) -> Result<(), String> {
    let known = project.known().map_err(|e| e.to_string())?;
    profile::load_text(path, text, &known).map(drop).map_err(|diagnostics| {
        let said = |error: &Diagnostic| format!("{} ({})", error.message, error.label);
        diagnostics.errors.iter().map(said).collect::<Vec<_>>().join("; ")
    })
}

/// Where the profile goes; a name that may not be a customer's, or is taken, is refused before any
/// question is asked.
fn place(args: &Args, project: &Project) -> Result<PathBuf> {
    if let Err(why) = Question::Id.check(&args.customer) {
        let message = format!("{:?} is not a customer's short name", args.customer);
        return Err(Error::new(Kind::Input, message).remedy(why));
    }
    let path = project.profiles.join(format!("{}.toml", args.customer));
    if path.try_exists().at("cannot look at", &path)? {
        return Err(taken(&path));
    }
    Ok(path)
}

fn taken(path: &Path) -> Error {
    Error::new(Kind::Refused, "this profile exists already, and is not overwritten")
        .at(shown(path))
        .remedy("choose another name, or edit the file")
}

fn given(args: &Args, surroundings: &Surroundings) -> Result<Answers> {
    let ssh_keys = args.ssh_keys.iter().map(|typed| keys::read(typed, surroundings));
    let ssh_keys = ssh_keys.collect::<Result<Vec<_>>>()?.concat();
    Ok(Answers {
        name: args.name.as_deref().map(profile::name_from),
        contact: args.contact.as_deref().map(profile::name_from),
        extends: args.extends.clone(),
        base: args.base.clone(),
        site: args.site.clone(),
        channel: args.channel.clone(),
        bundle: args.bundle.clone(),
        store: args.store.clone(),
        formats: args.formats.clone(),
        timezone: args.timezone.clone(),
        address: args.address.clone(),
        gateway: args.gateway.clone(),
        dns: args.dns.clone(),
        proxy: args.proxy.clone(),
        disk: args.disk.clone(),
        ssh_keys,
        product: args.title.as_deref().map(profile::name_from),
        ..Answers::default()
    })
}

/// Without a terminal, what is needed must have been given.
fn complete(answers: &mut Answers) -> Result<()> {
    let inherits = answers.extends.is_some();
    let mut missing = Vec::new();
    for (flag, value, inherited) in [
        ("--name", &answers.name, false),
        ("--base", &answers.base, inherits),
        ("--site", &answers.site, inherits),
        ("--store", &answers.store, inherits),
    ] {
        if value.is_none() && !inherited {
            missing.push(flag);
        }
    }
    if !missing.is_empty() {
        let message = format!("there is nobody to ask for {}", missing.join(", "));
        return Err(Error::new(Kind::Input, message)
            .remedy("give them as flags, or --extends PARENT for all but the name"));
    }
    if !inherits && answers.channel.is_none() && answers.bundle.is_none() {
        answers.channel = Some("stable".to_owned());
    }
    Ok(())
}

/// The editor's hint, when the schema lies where it belongs.
fn header(project: &Project) -> Result<String> {
    Ok(match file::is_file(&project.profiles.join(profile::SCHEMA_FILE))? {
        true => format!("#:schema {}\n", profile::SCHEMA_FILE),
        false => String::new(),
    })
}

fn load(path: &Path, text: &str, project: &Project) -> Result<Loaded> {
    profile::load_text(path, text, &project.known()?).map_err(|diagnostics| {
        let message = "the answers do not make a valid profile; nothing was written";
        diagnostics.behind(Error::new(Kind::Input, message).at(shown(path)), shown)
    })
}

/// Checks the text, writes it beside the target, and gives it its name without replacing anything.
fn save(path: &Path, text: &str, project: &Project) -> Result<()> {
    load(path, text, project)?;
    if whole::create(path, MODE, text.as_bytes())? { Ok(()) } else { Err(taken(path)) }
}
