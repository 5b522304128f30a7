//! One night on many machines: real Slurm, and manifests that a judge of Kubernetes' schemas reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use slipway::fleet::Event;

use super::{UNBOOTED, fleet, night, verdicts};
use crate::common::evidence;
use crate::common::slurm::{Slurm, within};
use crate::common::small::slipway;

const CUSTOMERS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn submit(folder: &Path, slurm: &Slurm) -> (Option<i32>, String) {
    let arguments = ["nightly", "submit", "--slurm", "--shards", "2", "--night", "tonight"];
    let output = within(&mut slipway(folder, &arguments), slurm).output().unwrap();
    slurm.wait_until_idle();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{said}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &said)
}

fn built(folder: &Path, shard: usize) -> BTreeSet<String> {
    let path = folder.join(format!("out/nightly/tonight/journal-{shard}-of-2.jsonl"));
    let events = slipway::fleet::read(&path).unwrap();
    let built = events.into_iter().filter_map(|event| match event {
        Event::Outcome(outcome) if outcome.step.name() == "build" => Some(outcome.customer),
        Event::Outcome(_) | Event::Began(_) | Event::Ended { .. } => None,
    });
    built.collect()
}

fn sums(folder: &Path) -> Vec<String> {
    let read = |name: &str| fs::read_to_string(folder.join(format!("out/{name}/SHA256SUMS")));
    CUSTOMERS.map(|name| read(name).unwrap()).to_vec()
}

#[test]
fn a_night_that_slurm_shares_is_complete_and_the_same_and_what_is_missing_is_submitted_again() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    fleet(folder, &CUSTOMERS, UNBOOTED);
    // what one machine makes of it
    assert_eq!(night(folder, &[]).0.status.code(), Some(0));
    let alone = sums(folder);
    fs::remove_dir_all(folder.join("out")).unwrap();

    let slurm = Slurm::start();
    let (code, said) = submit(folder, &slurm);
    assert!(code == Some(0) && said.contains(": 2 of 2 shards"), "{said}");
    let (first, second) = (built(folder, 1), built(folder, 2));
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
    assert_eq!(first.len() + second.len(), CUSTOMERS.len());
    assert_eq!(sums(folder), alone);
    let report = fs::read(folder.join("out/nightly/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(verdicts(&report), ["a built", "b built", "c built", "d built", "e built"]);
    assert_eq!((&report["over"], &report["night"]), (&true.into(), &"tonight".into()));

    let (code, said) = submit(folder, &slurm);
    assert!(code == Some(3) && said.contains("nothing is submitted"), "{said}");
    // a shard that was killed has no end in its journal
    let journal = folder.join("out/nightly/tonight/journal-2-of-2.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&journal, lines[..lines.len() - 2].join("\n") + "\n").unwrap();
    let (code, said) = submit(folder, &slurm);
    assert!(code == Some(0) && said.contains(": 1 of 2 shards"), "{said}");
    assert_eq!((built(folder, 1), built(folder, 2)), (first, second));
    assert_eq!(sums(folder), alone);
}

/// The manifests, by a night's name.
fn manifests(folder: &Path, more: &[&str]) -> Output {
    let arguments = ["nightly", "submit", "--kubernetes", "--shards", "3", "--night", "tonight"];
    slipway(folder, &[&arguments[..], more].concat()).output().unwrap()
}

#[test]
fn manifests_are_accepted_by_the_schemas_of_three_versions_and_damaged_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &CUSTOMERS, UNBOOTED);
    let image = ["--image", "registry.example:5000/slipway@sha256:00", "--claim", "appliances"];
    let output = manifests(folder, &image);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = folder.join("out/nightly/tonight/kubernetes.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("completions: 3") && text.contains("--shard auto/3"), "{text}");
    let damaged = folder.join("damaged.yaml");
    for version in ["1.31", "1.34", "1.37"] {
        assert!(evidence::kubernetes(version, &path).status.success(), "{version}: {text}");
        for (before, after) in [
            ("backoffLimitPerIndex", "backofLimitPerIndex"),
            ("completions: 3", "completions: three"),
            ("action: FailIndex", "actions: FailIndex"),
            ("claimName", "claim"),
        ] {
            fs::write(&damaged, text.replacen(before, after, 1)).unwrap();
            let refused = evidence::kubernetes(version, &damaged);
            assert!(!refused.status.success(), "{version} accepted {after}");
        }
    }
    // a value that would be another key is refused before anything is written
    let output = manifests(folder, &["--image", "x\n        privileged: true"]);
    assert!(!output.status.success());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let arguments = ["nightly", "submit", "--kubernetes", "--shards", "6", "--night", "tonight"];
    let output = slipway(folder, &arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("6 shards cannot share 5 customers"),
        "{said}"
    );
}
