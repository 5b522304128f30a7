//! `slipway key list`.

use serde_json::{Value, json};

use crate::error::Result;
use crate::key::{Stored, Trust, Trusted};
use crate::project::Surroundings;
use crate::units::Timestamp;

use super::super::project::{self, shown};
use super::super::{signing, terminal};

/// Arguments of `slipway key list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let keyring = &surroundings.keyring()?;
    let own = keyring.list()?;
    let file = args.project.within(surroundings).trust_file()?;
    let trust = Trust::read(&file)?;
    if args.json {
        let trusted: Vec<Value> = trust.keys().map(|t| as_json(&t)).collect();
        let own: Vec<Value> = own
            .iter()
            .map(|s| json!({ "name": s.name, "fingerprint": s.public.fingerprint() }))
            .collect();
        let all = json!({ "own": own, "trusted": trusted });
        terminal::print_json(&all)?;
        return Ok(0);
    }
    let mut lines = vec![format!("your keys, in {}:", shown(keyring.folder()).display())];
    lines.extend(own.iter().map(own_line));
    lines.push(format!("trusted, by {}:", shown(&file).display()));
    lines.extend(trust.keys().map(|t| trusted_line(&t, signing::now())));
    terminal::print(lines.join("\n")).map(|()| 0)
}

fn as_json(trusted: &Trusted<'_>) -> Value {
    let time = |t: Option<Timestamp>| t.map(|t| t.to_string());
    json!({
        "name": trusted.key.comment(), "fingerprint": trusted.key.fingerprint(),
        "sites": trusted.sites.to_string(), "from": time(trusted.from), "until": time(trusted.until),
    })
}

fn own_line(key: &Stored) -> String {
    format!("  {:<20} {}", key.name, key.public.fingerprint())
}

fn trusted_line(trusted: &Trusted<'_>, now: Timestamp) -> String {
    let Trusted { key, sites, from, until } = trusted;
    let mut line = format!("  {:<20} {}  {sites}", key.comment(), key.fingerprint());
    if let Some(from) = from {
        line += &format!(", from {from}");
    }
    if let Some(until) = until {
        let word = if now >= *until { "ended" } else { "until" };
        line += &format!(", {word} {until}");
    }
    line
}
