//! What a night survives, many times over: `scripts/night-faults` runs these and docs/nightly.md has its table. The
//! tests beside this folder make the same claims in a few rounds each, in CI.
//!
//! `SLIPWAY_ROUNDS` is how often. What a round does follows from its number, but not which of the program's steps is
//! met by it: that depends on the machine. What must hold does not.

mod among;
mod cache;
mod full;
mod kills;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use slipway::fleet::{Ending, Event, Step};

use super::UNBOOTED;
use crate::common::judge::judge_in;
use crate::common::small::slipway;

/// A policy that releases to the channel nightly.
fn releasing() -> String {
    format!("{UNBOOTED}[release]\nchannel = \"nightly\"\n[keep]\nimages = 1\nnights = 5\n")
}

/// How many rounds are wanted.
fn rounds(usual: u64) -> u64 {
    std::env::var("SLIPWAY_ROUNDS").map_or(usual, |text| text.parse().unwrap())
}

/// Numbers that follow from a round's own (xorshift64*, Vigna 2016).
struct Chance(u64);

impl Chance {
    fn of(round: u64) -> Self {
        let mut chance = Self((round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for _ in 0..8 {
            chance.below(2);
        }
        chance
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

/// How often each result occurred.
#[derive(Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn one(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    fn show(&self, title: &str) {
        println!("{title}");
        self.0.iter().for_each(|(what, count)| println!("  {count:>5} {what}"));
    }
}

/// The steps that were done in the newest night, the plans left out: those are asked for again.
fn done_tonight(folder: &Path) -> Vec<(String, Step)> {
    let nights = fs::read_dir(folder.join("out/nightly")).unwrap();
    let newest = nights.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).max();
    let events = slipway::fleet::read(&newest.unwrap().join("journal.jsonl")).unwrap();
    let done = events.into_iter().filter_map(|event| match event {
        Event::Outcome(o) if o.ending == Ending::Done && o.step != Step::Plan => {
            Some((o.customer, o.step))
        }
        Event::Outcome(_) | Event::Began(_) | Event::Ended { .. } => None,
    });
    done.collect()
}

/// The number of changes of the customer's channel, and the release that it names.
fn channel(folder: &Path, customer: &str) -> (u64, String) {
    let arguments = ["history", customer, "--channel", "nightly", "--most", "1", "--json"];
    let output = slipway(folder, &arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let changes: Value = serde_json::from_slice(&output.stdout).unwrap();
    let pointer = &changes[0]["pointer"];
    let text = pointer["release"].as_str().unwrap_or_else(|| panic!("{changes:#}"));
    (pointer["seq"].as_u64().unwrap(), text.to_owned())
}

/// No half file under a final name, and nothing unfinished: every image is what its sums say, every release is whole.
fn assert_whole(folder: &Path, customers: &[&str], round: u64) {
    for name in customers {
        let out = folder.join("out").join(name);
        assert_eq!(judge_in(&out, "sha256sum", &["--quiet", "-c", "SHA256SUMS"]), "", "{round}");
        let hidden: Vec<String> = names(&out).into_iter().filter(|n| n.starts_with('.')).collect();
        assert_eq!(hidden, Vec::<String>::new(), "round {round}: {name}");
        let releases = names(&out.join("releases"));
        let (hidden, releases): (Vec<_>, Vec<_>) =
            releases.iter().partition(|n| n.starts_with('.'));
        assert!(hidden.iter().all(|name| *name == ".lock"), "round {round}: {name}: {hidden:?}");
        assert_eq!(releases.len(), 1, "round {round}: {name}: {releases:?}");
        let release = out.join("releases").join(releases[0]);
        assert_eq!(judge_in(&release, "sha256sum", &["--quiet", "-c", "SHA256SUMS"]), "");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}
