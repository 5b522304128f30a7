//! Values of the site's parameters for a new profile.

use std::collections::BTreeMap;

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Input, MultiSelect, Password};

use crate::bundle::{self, Fault, Misfit, Parameter, Parameters, Takes};
use crate::desk::Bundles;
use crate::error::{Context as _, Error, Kind, Result};
use crate::profile::Profile;
use crate::project::Project;

use super::super::signing;
use super::super::terminal;
use super::ask::asked;

/// Settings by their Hiera keys.
type Settings = BTreeMap<String, toml::Value>;

/// Whom to ask for what was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// Who sits there.
    Terminal,
    /// Nobody does.
    Nobody,
}

/// What was given and answered.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The settings.
    pub values: Settings,
    /// Those of them that may not be shown, with what is shown instead.
    pub shown: Settings,
}

/// The settings that were given, and those that the site needs, as far as its bundle is at hand. `draft` is the profile
/// without them: its parent may say which site it is, and have some of the values.
pub(super) fn of(
    draft: Profile,
    given: &[String],
    whom: Whom,
    project: &Project,
) -> Result<Chosen> {
    let mut bundles = Bundles::new(project, signing::now());
    let declared = bundles.parameters(&draft);
    let none = Parameters::new();
    let mut settings = read(given, declared.unwrap_or(&none))?;
    let Some(parameters) = declared else {
        return Ok(Chosen { values: settings, ..Chosen::default() });
    };
    let mut all = draft.hiera;
    for (key, value) in &settings {
        let value = serde_json::to_value(value).map_err(std::io::Error::other);
        all.insert(key.clone(), value.doing("cannot read a setting")?);
    }
    for misfit in bundle::misfits(parameters, &all) {
        match (&misfit.fault, parameters.get(&misfit.key)) {
            (Fault::Missing { .. }, Some(parameter)) if whom == Whom::Terminal => {
                let value = terminal::with_interrupt_as_error(|| ask(&misfit.key, parameter))?;
                settings.insert(misfit.key, value);
            }
            _ => return Err(refusal(&misfit)),
        }
    }
    if whom == Whom::Terminal {
        let open: Vec<_> = parameters
            .iter()
            .filter(|(key, _)| !settings.contains_key(*key) && !all.contains_key(*key))
            .collect();
        settings.extend(terminal::with_interrupt_as_error(|| ask_for_others(&open))?);
    }
    let secret = |key: &&String| parameters.get(*key).is_some_and(|parameter| parameter.secret);
    let hidden = |key: &String| (key.clone(), toml::Value::from("(secret, not shown)"));
    let shown = settings.keys().filter(secret).map(hidden).collect();
    Ok(Chosen { values: settings, shown })
}

/// Those that the site has a value for already: most customers keep it.
fn ask_for_others(open: &[(&String, &Parameter)]) -> Result<Settings> {
    if open.is_empty() {
        return Ok(Settings::new());
    }
    let about = |(key, parameter): &(&String, &Parameter)| {
        let about = parameter.about.trim().trim_end_matches('.');
        match &parameter.default {
            Some(default) if !parameter.secret => format!("{about} ({key}, now {default})"),
            _ => format!("{about} ({key})"),
        }
    };
    let theme = ColorfulTheme::default();
    let select = MultiSelect::with_theme(&theme)
        .with_prompt("What should be different for this customer? Space selects, Enter continues")
        .items(open.iter().map(about));
    let chosen = select.interact().map_err(asked)?;
    let chosen = chosen.into_iter().filter_map(|index| open.get(index));
    chosen.map(|(key, parameter)| Ok(((*key).clone(), ask(key, parameter)?))).collect()
}

fn refusal(misfit: &Misfit) -> Error {
    let key = &misfit.key;
    match &misfit.fault {
        Fault::Missing { about } => {
            Error::new(Kind::Input, format!("there is nobody to ask for {key}: {about}"))
                .remedy(format!("give it as --set {key}=VALUE"))
        }
        Fault::Unknown { near: Some(_), .. } => {
            Error::new(Kind::Input, misfit.message()).remedy(misfit.label())
        }
        Fault::Unknown { .. } | Fault::Kind(_) => {
            Error::new(Kind::Input, misfit.message()).remedy(misfit.help())
        }
    }
}

/// Reads `KEY=VALUE`s.
fn read(pairs: &[String], known: &Parameters) -> Result<Settings> {
    let mut settings = Settings::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::new(Kind::Input, format!("--set {pair:?} has no value"))
                .remedy("write --set profile::app::workers=4")
        })?;
        let takes = known.get(key).map(|parameter| parameter.takes);
        let value = typed(takes, value)
            .map_err(|why| Error::new(Kind::Input, format!("--set {key}: the value {why}")))?;
        settings.insert(key.to_owned(), value);
    }
    Ok(settings)
}

fn ask(key: &str, parameter: &Parameter) -> Result<toml::Value> {
    let theme = ColorfulTheme::default();
    let takes = Some(parameter.takes);
    let prompt = format!("{} ({key})", parameter.about.trim().trim_end_matches('.'));
    let check = move |answer: &String| typed(takes, answer).map(drop);
    let answer = if parameter.secret {
        Password::with_theme(&theme).with_prompt(prompt).validate_with(check).interact()
    } else {
        Input::<String>::with_theme(&theme).with_prompt(prompt).validate_with(check).interact_text()
    };
    typed(takes, &answer.map_err(asked)?).map_err(|why| Error::new(Kind::Input, why))
}

/// A value as somebody types it: a text without quotes, anything else as in TOML. What no site declares is what it
/// looks like.
fn typed(takes: Option<Takes>, text: &str) -> Result<toml::Value, String> {
    let read = format!("value = {text}").parse::<toml::Table>().ok();
    let read = read.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    let plain = || toml::Value::String(text.to_owned());
    match takes {
        Some(Takes::String) => Ok(plain()),
        None => Ok(read.unwrap_or_else(plain)),
        Some(takes) => read
            .filter(|value| serde_json::to_value(value).is_ok_and(|value| takes.holds(&value)))
            .ok_or_else(|| format!("must be {}", takes.in_words())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_value_is_what_the_site_takes() {
        let text = |takes, typed_text| typed(takes, typed_text).map(|value| value.to_string());
        assert_eq!(text(Some(Takes::String), "7"), Ok("\"7\"".to_owned()));
        assert_eq!(text(Some(Takes::Integer), "7"), Ok("7".to_owned()));
        assert_eq!(text(Some(Takes::List), "[1, 'a']"), Ok("[1, \"a\"]".to_owned()));
        assert_eq!(text(Some(Takes::Integer), "x"), Err("must be a whole number".to_owned()));
        assert!(text(Some(Takes::Integer), "7\nother = 1").is_err());
        assert_eq!(text(None, "true"), Ok("true".to_owned()));
        assert_eq!(text(None, "8 m"), Ok("\"8 m\"".to_owned()));
    }
}
