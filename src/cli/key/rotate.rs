//! `slipway key rotate`.

use crate::error::{Error, Kind, Result};
use crate::key::{PublicKey, Trust};
use crate::project::Surroundings;
use crate::units::Timestamp;

use super::super::project::{self, shown};
use super::super::{signing, terminal};

/// Arguments of `slipway key rotate`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct Args {
    /// The old key: its name or fingerprint, as `slipway key list` shows them
    old: String,
    /// The new key, trusted from now on for all that the old one is: a .pub file, the one line in it, or
    /// the name of one of your own keys
    #[arg(long, value_name = "KEY", group = "what")]
    to: Option<String>,
    /// The day or time when the old key ends, as in 2026-12-31 or 2026-12-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment, group = "what")]
    until: Option<Timestamp>,
    /// Forget the old key at once: what it signed is refused from now on
    #[arg(long, conflicts_with = "until", group = "what")]
    remove: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let keyring = &surroundings.keyring()?;
    let file = args.project.within(surroundings).trust_file()?;
    let mut trust = Trust::read(&file)?;
    let old = trust.find(&args.old).map_err(|e| e.at(shown(&file)))?;
    let now = signing::now();
    let mut said = Vec::new();
    if let Some(new) = &args.to {
        let new = super::meant(new, keyring)?;
        trust.succeed(&old, &new, now).map_err(|e| e.at(shown(&file)))?;
        let until = trust.end_of(&new).map_or_else(String::new, |at| format!(", until {at}"));
        said.push(format!(
            "{} is trusted for everything that {} is{until}",
            new.fingerprint(),
            old.fingerprint()
        ));
    }
    if let Some(at) = args.until {
        if at <= now {
            confirm(&old, at)?;
        }
        trust.end(&old, at).map_err(|e| e.at(shown(&file)))?;
        said.push(format!("{} ends at {at}", old.fingerprint()));
    }
    if args.remove {
        trust.remove(&old);
        said.push(format!("{} is no longer trusted", old.fingerprint()));
    }
    trust.save(&file)?;
    terminal::print(said.join("\n")).map(|()| 0)
}

/// A day in the past ends the key at once, which may be a typing error.
fn confirm(old: &PublicKey, at: Timestamp) -> Result<()> {
    let name = old.fingerprint();
    let question =
        format!("{at} is in the past: distrust everything that {name} signed from now on?");
    let remedy = "give a day in the future, or end it at once with --remove";
    match terminal::is_interactive() && terminal::confirm(&question)? {
        true => Ok(()),
        false => Err(Error::new(Kind::Refused, format!("{at} is in the past")).remedy(remedy)),
    }
}

/// A whole day is its beginning in UTC.
fn moment(text: &str) -> Result<Timestamp> {
    match text.len() {
        10 => format!("{text}T00:00:00Z").parse(),
        _ => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_first_moment() {
        assert_eq!(moment("1970-01-02").unwrap(), Timestamp::from_seconds(86_400));
        assert_eq!(moment("1970-01-01T00:00:09Z").unwrap(), Timestamp::from_seconds(9));
        assert!(moment("tomorrow").is_err());
    }
}
