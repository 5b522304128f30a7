//! `slipway bundle list`.

use serde_json::{Value, json};

use crate::blob;
use crate::bundle::{self, Listed, Record};
use crate::error::Result;
use crate::project::Surroundings;
use crate::units::ByteSize;

use super::super::terminal::{self, Terminal};
use super::super::{project, signing};

/// Arguments of `slipway bundle list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The store, as in file:///srv/store.
    store: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

pub(super) fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let surroundings = args.project.within(surroundings);
    let store = blob::open(&args.store, &surroundings.stores)?;
    let trust = surroundings.trust_if_any()?;
    let (records, channels) =
        bundle::list(store.as_ref(), &trust, signing::now(), &Terminal::new())?;
    if args.json {
        let channels: Vec<Value> = channels.iter().map(as_json).collect();
        terminal::print_json(&json!({ "bundles": records, "channels": channels }))?;
        return Ok(0);
    }
    for record in &records {
        let size = ByteSize(record.size).to_string();
        let channels = channels_of(record, &channels).join(", ");
        let line =
            format!("{:<32} {size:>10}  {}  {channels}", record.release, record.sha256.short());
        terminal::print(line.trim_end())?;
    }
    for Listed { pointer, doubt } in &channels {
        if let Some(doubt) = doubt {
            let (site, channel) = (&pointer.site, &pointer.channel);
            terminal::complain(&format!("channel {channel} of site {site}: {doubt}"));
        }
    }
    Ok(0)
}

/// The pointer's fields, and why it would be refused.
fn as_json(listed: &Listed) -> Value {
    let mut value = json!(listed.pointer);
    value["refused"] = json!(listed.doubt.as_ref().map(ToString::to_string));
    value
}

fn channels_of<'a>(record: &Record, channels: &'a [Listed]) -> Vec<&'a str> {
    let of = |c: &&Listed| c.pointer.release == record.release;
    channels.iter().filter(of).map(|c| c.pointer.channel.as_str()).collect()
}
