//! kill -9 of the process group at any moment of a night of eight customers.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Instant;

use super::{Chance, Counts, assert_whole, channel, done_tonight, releasing, rounds};
use crate::common::small::{bundle, publish, slipway};
use crate::nightly::nights::strays;
use crate::nightly::{fleet, night, verdicts};

const CUSTOMERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[test]
#[ignore = "takes long: scripts/night-faults runs it"]
fn a_killed_night_of_eight_customers_is_completed_and_nothing_is_done_or_published_twice() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    fleet(folder, &CUSTOMERS, &releasing());
    night(folder, &[]);
    publish(folder, &bundle(folder, "2"));
    let begun = Instant::now();
    night(folder, &[]);
    let whole = begun.elapsed();
    let mut counts = Counts::default();
    for round in 0..rounds(100) {
        publish(folder, &bundle(folder, &(round + 3).to_string()));
        let before = CUSTOMERS.map(|name| channel(folder, name).0);
        let mut command = slipway(folder, &["nightly"]);
        let mut child =
            command.process_group(0).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(Chance::of(round).below(1000) as f64 / 1000.0));
        let group = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let cut = !child.wait().unwrap().success();
        let left = if cut { done_before(folder, round) } else { "was over".to_owned() };
        counts.one(left);

        let (output, report) = night(folder, &[]);
        assert!(matches!(output.status.code(), Some(0 | 3)), "round {round}: {:?}", output.status);
        let good = |verdict: &String| verdict.ends_with("built") || verdict.ends_with("reused");
        assert!(verdicts(&report).iter().all(good), "round {round}: {:?}", verdicts(&report));
        let mut done = done_tonight(folder);
        let count = done.len();
        done.sort_by_key(|(customer, step)| (customer.clone(), step.name()));
        done.dedup();
        assert_eq!(done.len(), count, "round {round}: something was done twice");
        for (name, before) in CUSTOMERS.iter().zip(before) {
            let (changes, release) = channel(folder, name);
            assert_eq!(changes, before + 1, "round {round}: {name} was not published once");
            assert!(release.contains(&format!("+b{}-", round + 3)), "round {round}: {release}");
        }
        assert_whole(folder, &CUSTOMERS, round);
        assert_eq!(strays(folder), Vec::<String>::new(), "round {round}");
    }
    counts.show("killed when so many steps were done:");
}

/// How far a killed night was.
fn done_before(folder: &std::path::Path, round: u64) -> String {
    let nights = std::fs::read_dir(folder.join("out/nightly")).unwrap();
    let nights = nights.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let newest = nights.max().unwrap();
    let text = std::fs::read_to_string(newest.join("journal.jsonl")).unwrap_or_default();
    // four steps and the plan for each: of another round, if this one had not begun
    let of_this = text.contains(&format!("+b{}-", round + 3));
    let done = if of_this { text.matches("\"outcome\"").count() } else { 0 };
    format!("{:>2} to {:>2}", done / 8 * 8, done / 8 * 8 + 7)
}
