//! `slipway schema`.

use serde_json::{Map, Value, json};

use crate::desk::Bundles;
use crate::error::Result;
use crate::fleet;
use crate::profile::{self, Audience, schema};
use crate::project::{Project, Surroundings};

use super::project;
use super::signing;
use super::terminal;

/// Arguments of `slipway schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For shared parents, in which nothing is required
    #[arg(long)]
    parent: bool,
    /// Of nightly.toml
    #[arg(long, conflicts_with_all = ["parent", "no_sites", "nightly_report"])]
    nightly: bool,
    /// Of the report.json that `slipway nightly` writes
    #[arg(long, conflicts_with_all = ["parent", "no_sites"])]
    nightly_report: bool,
    /// Leave out the parameters of the project's sites
    #[arg(long)]
    no_sites: bool,
    #[command(flatten)]
    project: project::Options,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    if args.nightly {
        return terminal::print_json(&fleet::schema()).map(|()| 0);
    }
    if args.nightly_report {
        return terminal::print_json(&fleet::report::schema()).map(|()| 0);
    }
    let audience = if args.parent { Audience::Parent } else { Audience::Customer };
    let mut value = schema(audience);
    if !args.no_sites
        && let Some(project) = args.project.open_if_any(surroundings)?
    {
        add_settings(&mut value, &project)?;
    }
    terminal::print_json(&value).map(|()| 0)
}

/// Adds what the sites of the project's profiles declare, as far as their bundles are at hand. All profiles share one
/// schema, so it refuses other keys only where every site is known.
fn add_settings(value: &mut Value, project: &Project) -> Result<()> {
    let mut bundles = Bundles::new(project, signing::now());
    let mut settings = Map::new();
    let mut closed = true;
    for (_, loaded) in project.load_all()? {
        let loaded = loaded.ok();
        let Some(parameters) = loaded.and_then(|l| bundles.parameters(&l.profile).cloned()) else {
            closed = false;
            continue;
        };
        for (key, parameter) in parameters {
            add(&mut settings, key, parameter.schema());
        }
    }
    if !settings.is_empty() {
        profile::with_settings(value, settings, closed);
    }
    Ok(())
}

/// Two sites may mean different things by one key.
fn add(settings: &mut Map<String, Value>, key: String, schema: Value) {
    let Some(there) = settings.get_mut(&key) else {
        settings.insert(key, schema);
        return;
    };
    if *there == schema {
        return;
    }
    match there.get_mut("anyOf").and_then(Value::as_array_mut) {
        Some(all) if all.contains(&schema) => {}
        Some(all) => all.push(schema),
        None => *there = json!({ "anyOf": [there.take(), schema] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_sites_mean_by_one_key_is_allowed_each() {
        let mut settings = Map::new();
        for kind in ["string", "string", "integer", "string"] {
            add(&mut settings, "a::b".to_owned(), json!({ "type": kind }));
        }
        let both = json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] });
        assert_eq!(settings["a::b"], both);
    }
}
