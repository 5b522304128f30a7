//! `slipway new`.

mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Input, Select};

use crate::error::{Context as _, Error, Kind, Result};
use crate::file;
use crate::profile::{self, Answers, Loaded, Question};
use crate::project::{Project, Surroundings};
use crate::whole;

use super::project::{self, shown};
use super::terminal;
use settings::Whom;

/// As any text file, less the umask: a temporary file would be readable by its owner alone.
const MODE: u32 = 0o666;

/// What a new profile starts from, where it is known.
const PREFERRED_BASE: &str = "ubuntu-24.04";

/// Arguments of `slipway new`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The customer's short name: a-z, 0-9 and hyphens; it names the file
    customer: String,
    /// The customer's name for people
    #[arg(long)]
    name: Option<String>,
    /// Whom to ask
    #[arg(long)]
    contact: Option<String>,
    /// The shared parent to inherit from: a file in profiles/shared/, without .toml
    #[arg(long, value_name = "PARENT")]
    extends: Option<String>,
    /// The base image, as in debian-12: one that comes with slipway, or a file in images/, without .toml
    #[arg(long)]
    base: Option<String>,
    /// The site: which configuration bundle converges the machine
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
    /// A value for a parameter of the site, as in profile::app::workers=4
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Ask nothing, also on a terminal
    #[arg(long)]
    no_input: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let project = args.project.open(surroundings)?;
    let path = place(args, &project)?;
    let mut answers = given(args);
    let interactive = terminal::is_interactive() && !args.no_input;
    if interactive {
        terminal::with_interrupt_as_error(|| ask(&mut answers, &project))?;
    } else {
        complete(&mut answers)?;
    }
    let draft = load(&path, &profile::write(&answers, &header(&project)?), &project)?.profile;
    let whom = if interactive { Whom::Terminal } else { Whom::Nobody };
    answers.settings = settings::of(draft, &args.settings, whom, &project)?;
    let text = profile::write(&answers, &header(&project)?);
    save(&path, &text, &project)?;
    let shown = shown(&path).display().to_string();
    terminal::print(format!("{shown}: written; look at it, then: slipway plan {}", args.customer))?;
    Ok(0)
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

fn given(args: &Args) -> Answers {
    Answers {
        name: args.name.as_deref().map(profile::name_from),
        contact: args.contact.as_deref().map(profile::name_from),
        extends: args.extends.clone(),
        base: args.base.clone(),
        site: args.site.clone(),
        channel: args.channel.clone(),
        bundle: args.bundle.clone(),
        store: args.store.clone(),
        settings: BTreeMap::new(),
    }
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

/// Asks for what was not given.
fn ask(answers: &mut Answers, project: &Project) -> Result<()> {
    if answers.name.is_none() {
        answers.name = Some(line("The customer's name", Question::Name, "")?);
    }
    if answers.contact.is_none() {
        answers.contact =
            Some(line("Whom to ask", Question::Name, NOBODY)?).filter(|c| c != NOBODY);
    }
    let shared = project.profiles.join(profile::SHARED);
    let parents = if file::is_folder(&shared)? { profile::names(&shared)? } else { Vec::new() };
    if answers.extends.is_none() && answers.base.is_none() && !parents.is_empty() {
        answers.extends = choose("Inherit from", parents, 0, Some("nothing"))?;
    }
    if answers.extends.is_some() {
        return Ok(());
    }
    if answers.base.is_none() {
        let bases = project.known()?.bases;
        let preferred = bases.iter().position(|base| base == PREFERRED_BASE).unwrap_or(0);
        answers.base = choose("Base image", bases, preferred, None)?;
    }
    if answers.site.is_none() {
        answers.site = Some(line("Site", Question::Site, "demo")?);
    }
    if answers.channel.is_none() && answers.bundle.is_none() {
        answers.channel = Some(line("Channel", Question::Channel, "stable")?);
    }
    if answers.store.is_none() {
        answers.store = Some(line("Where bundles are", Question::Store, "file:out/store")?);
    }
    Ok(())
}

/// The answer that leaves the contact out.
const NOBODY: &str = "-";

fn line(prompt: &str, question: Question, default: &str) -> Result<String> {
    let theme = ColorfulTheme::default();
    let mut input = Input::<String>::with_theme(&theme)
        .with_prompt(prompt)
        .validate_with(|answer: &String| question.check(&tidy(question, answer)));
    if !default.is_empty() {
        input = input.default(default.to_owned());
    }
    Ok(tidy(question, &input.interact_text().map_err(asked)?))
}

fn tidy(question: Question, answer: &str) -> String {
    match question {
        Question::Name => profile::name_from(answer),
        Question::Id | Question::Site | Question::Channel | Question::Store => {
            answer.trim().to_owned()
        }
    }
}

/// `none` is offered last, where nothing may be chosen.
fn choose(
    prompt: &str,
    mut names: Vec<String>,
    preferred: usize,
    none: Option<&str>,
) -> Result<Option<String>> {
    names.extend(none.map(str::to_owned));
    let last = names.len().saturating_sub(1);
    let theme = ColorfulTheme::default();
    let select = Select::with_theme(&theme).with_prompt(prompt).items(&names).default(preferred);
    let chosen = select.interact().map_err(asked)?;
    Ok(if none.is_some() && chosen == last { None } else { names.into_iter().nth(chosen) })
}

fn asked(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(error) = error;
    match error.kind() {
        std::io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, "nothing was written"),
        _ => Error::new(Kind::Io, "cannot ask on this terminal").because(error),
    }
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
        let message = "the answers make no valid profile; nothing was written";
        diagnostics.behind(Error::new(Kind::Input, message).at(shown(path)), shown)
    })
}

/// Checks the text, writes it beside the target, and gives it its name without replacing anything.
fn save(path: &Path, text: &str, project: &Project) -> Result<()> {
    load(path, text, project)?;
    if whole::create(path, MODE, text.as_bytes())? { Ok(()) } else { Err(taken(path)) }
}
