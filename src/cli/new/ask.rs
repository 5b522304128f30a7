//! The questions of `slipway new`, in the order in which people have the answers.

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Completion, Input, MultiSelect, Select};

use super::keys;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::platform::Platform;
use crate::profile::{self, Answers, Profile, Question};
use crate::project::{Project, Surroundings};

/// What a new profile starts from, where it is known.
const PREFERRED_BASE: &str = "ubuntu-24.04";

/// Who it is for, and what its image comes from: what the parent does not say already.
pub(super) fn whence(answers: &mut Answers, project: &Project) -> Result<()> {
    if answers.name.is_none() {
        answers.name = Some(line("The customer's name", Question::Name, "")?);
    }
    if answers.contact.is_none() {
        answers.contact =
            Some(line("The contact person", Question::Name, NOBODY)?).filter(|c| c != NOBODY);
    }
    let shared = project.profiles.join(profile::SHARED);
    let parents = if file::is_folder(&shared)? { profile::names(&shared)? } else { Vec::new() };
    if answers.extends.is_none() && answers.base.is_none() && !parents.is_empty() {
        answers.extends = choose("Inherit from", parents, 0, Some("nothing"))?;
    }
    let parent = answers.extends.as_ref().map(|name| shared.join(format!("{name}.toml")));
    let inherited = parent.map(|path| profile::keys(&path)).unwrap_or_default();
    let lacks = |key: &str| !inherited.iter().any(|known| known == key);
    if answers.base.is_none() && lacks("base") {
        let bases = project.known()?.bases;
        let preferred = bases.iter().position(|base| base == PREFERRED_BASE).unwrap_or(0);
        answers.base = choose("Base image", bases, preferred, None)?;
    }
    if answers.site.is_none() && lacks("site") {
        answers.site = Some(line("Site", Question::Site, "demo")?);
    }
    let release = answers.channel.is_some() || answers.bundle.is_some();
    if !release && lacks("channel") && lacks("bundle") {
        answers.channel = Some(line("Channel", Question::Channel, "stable")?);
    }
    if answers.store.is_none() && lacks("store") {
        answers.store = Some(line("Where bundles are", Question::Store, "file:out/store")?);
    }
    Ok(())
}

/// What one customer's machine has otherwise than another's. `draft` is the profile without these answers: what nobody
/// answers stays as it has it. `fits` says of a gateway whether it is in the address's network.
pub(super) fn differences(
    answers: &mut Answers,
    draft: &Profile,
    surroundings: &Surroundings,
    fits: &dyn Fn(&Answers) -> Result<(), String>,
) -> Result<()> {
    if answers.formats.is_empty() {
        answers.formats = platforms(draft)?;
    }
    if answers.address.is_none() && draft.network.address.is_none() {
        let prompt = "Fixed address with its prefix, as in 192.0.2.10/24";
        answers.address = optional(prompt, Question::Address, "from DHCP")?;
        if answers.address.is_some() {
            answers.gateway = Some(gateway(answers, fits)?);
        }
    }
    if answers.dns.is_empty() {
        let none = or(&draft.network.dns.join(", "), "from DHCP, or none");
        answers.dns = list("Name servers, separated by commas", Question::Server, &none)?;
    }
    if answers.proxy.is_none() {
        let none = or(draft.network.proxy.as_deref().unwrap_or_default(), "none");
        answers.proxy = optional("Proxy, as in http://proxy.example:3128", Question::Proxy, &none)?;
    }
    if answers.timezone.is_none() {
        answers.timezone = zone(draft.timezone())?;
    }
    if answers.ssh_keys.is_empty() {
        answers.ssh_keys = public_keys(draft, surroundings)?;
    }
    if answers.product.is_none() {
        answers.product = optional("Title on the console", Question::Name, draft.product())?;
    }
    if answers.disk.is_none() {
        let size = draft.hardware.disk.to_string();
        answers.disk = optional("Size of the disk, as in 40 GiB", Question::Disk, &size)?;
    }
    Ok(())
}

fn or(text: &str, none: &str) -> String {
    if text.is_empty() { none.to_owned() } else { text.to_owned() }
}

fn platforms(draft: &Profile) -> Result<Vec<String>> {
    let formats: Vec<_> = draft.formats.iter().map(|format| format.name()).collect();
    let prompt = format!(
        "Where will it run? Space selects, Enter continues; with no selection: {}",
        formats.join(", ")
    );
    let titles = Platform::ALL.map(Platform::title);
    let theme = ColorfulTheme::default();
    let select = MultiSelect::with_theme(&theme).with_prompt(prompt).items(titles);
    let chosen = select.interact().map_err(asked)?;
    Ok(chosen.into_iter().map(|index| Platform::ALL[index].name().to_owned()).collect())
}

fn gateway(answers: &Answers, fits: &dyn Fn(&Answers) -> Result<(), String>) -> Result<String> {
    let check = |answer: &String| {
        let gateway = tidy(Question::Server, answer);
        Question::Server.check(&gateway)?;
        fits(&Answers { gateway: Some(gateway), ..answers.clone() })
    };
    let theme = ColorfulTheme::default();
    let input = Input::<String>::with_theme(&theme).with_prompt("Its gateway");
    let answer = input.validate_with(check).interact_text().map_err(asked)?;
    Ok(tidy(Question::Server, &answer))
}

/// Completes a time zone as far as it is clear; a city alone is enough.
struct Zones;

impl Completion for Zones {
    fn get(&self, input: &str) -> Option<String> {
        let typed = input.to_lowercase();
        let begins = |zone: &&str| zone.to_lowercase().starts_with(&typed);
        let city = |zone: &&str| {
            let city = zone.rsplit('/').next().unwrap_or_default();
            !typed.is_empty() && city.to_lowercase().starts_with(&typed)
        };
        let mut found: Vec<_> = profile::time_zones().filter(begins).collect();
        if found.is_empty() {
            found = profile::time_zones().filter(city).collect();
        }
        let (first, rest) = found.split_first()?;
        let common = |length: usize, zone: &&str| {
            first.bytes().zip(zone.bytes()).take(length).take_while(|(a, b)| a == b).count()
        };
        let shared = &first[..rest.iter().fold(first.len(), common)];
        (shared.len() > input.len() || rest.is_empty()).then(|| shared.to_owned())
    }
}

fn zone(now: &str) -> Result<Option<String>> {
    let theme = ColorfulTheme::default();
    let prompt = format!("Time zone, completed by Tab (empty: {now})");
    let check = |answer: &String| empty_or(Question::TimeZone, answer);
    let input = Input::<String>::with_theme(&theme).with_prompt(prompt).allow_empty(true);
    let input = input.completion_with(&Zones).validate_with(check);
    let answer = tidy(Question::TimeZone, &input.interact_text().map_err(asked)?);
    Ok((!answer.is_empty()).then_some(answer))
}

fn public_keys(draft: &Profile, surroundings: &Surroundings) -> Result<Vec<String>> {
    let mut all = Vec::new();
    loop {
        let none = match (draft.access.ssh_keys.len(), all.len()) {
            (0, 0) => "none; the console shows a first password".to_owned(),
            (count, 0) => format!("the parent's {count}"),
            (_, _) => "no more".to_owned(),
        };
        let theme = ColorfulTheme::default();
        let prompt = format!("Public key of admin, or a file with some (empty: {none})");
        let check = |answer: &String| match answer.trim() {
            "" => Ok(()),
            typed => keys::read(typed, surroundings).map(drop).map_err(|e| said(&e)),
        };
        let input = Input::<String>::with_theme(&theme).with_prompt(prompt).allow_empty(true);
        let answer = input.validate_with(check).interact_text().map_err(asked)?;
        if answer.trim().is_empty() {
            return Ok(all);
        }
        let more = keys::read(&answer, surroundings)?;
        all.extend(more.into_iter().filter(|key| !all.contains(key)).collect::<Vec<_>>());
    }
}

/// An error and its causes in one line.
fn said(error: &Error) -> String {
    let causes = error.causes().map(ToString::to_string);
    std::iter::once(error.to_string()).chain(causes).collect::<Vec<_>>().join(": ")
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

/// A question that may be left without an answer; `none` is what holds then.
fn optional(prompt: &str, question: Question, none: &str) -> Result<Option<String>> {
    let theme = ColorfulTheme::default();
    let input = Input::<String>::with_theme(&theme)
        .with_prompt(format!("{prompt} (empty: {none})"))
        .allow_empty(true)
        .validate_with(|answer: &String| empty_or(question, answer));
    let answer = tidy(question, &input.interact_text().map_err(asked)?);
    Ok((!answer.is_empty()).then_some(answer))
}

fn empty_or(question: Question, answer: &str) -> Result<(), String> {
    match tidy(question, answer) {
        empty if empty.is_empty() => Ok(()),
        answer => question.check(&answer),
    }
}

/// The same for several answers in one line.
fn list(prompt: &str, question: Question, none: &str) -> Result<Vec<String>> {
    let parts = |answer: &str| {
        let parts = answer.split([',', ' ']).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    let theme = ColorfulTheme::default();
    let check = |answer: &String| parts(answer).iter().try_for_each(|part| question.check(part));
    let input = Input::<String>::with_theme(&theme)
        .with_prompt(format!("{prompt} (empty: {none})"))
        .allow_empty(true)
        .validate_with(check);
    Ok(parts(&input.interact_text().map_err(asked)?))
}

fn tidy(question: Question, answer: &str) -> String {
    match question {
        Question::Name => profile::name_from(answer),
        Question::Id
        | Question::Site
        | Question::Channel
        | Question::Store
        | Question::Address
        | Question::Server
        | Question::Proxy
        | Question::TimeZone
        | Question::Disk
        | Question::Key => answer.trim().to_owned(),
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

pub(super) fn asked(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(error) = error;
    match error.kind() {
        std::io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, "nothing was written"),
        _ => Error::new(Kind::Io, "cannot ask on this terminal").because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_is_completed_as_far_as_it_is_clear() {
        let done = |typed: &str| Zones.get(typed);
        assert_eq!(done("europe/berl").as_deref(), Some("Europe/Berlin"));
        assert_eq!(done("Lisb").as_deref(), Some("Europe/Lisbon"));
        assert_eq!(done("America/Arg").as_deref(), Some("America/Argentina/"));
        assert_eq!(done("nowhere"), None);
    }
}
