//! The program on real images: what is built, reused, repaired; killed at any moment; two calls at once.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use slipway::fleet::{Ending, Event, Step};

use super::{UNBOOTED, customer, fleet, night, verdicts};
use crate::common::small::{bundle, publish, slipway};

/// The journals of all nights, in order.
fn events(folder: &Path) -> Vec<Event> {
    let nights = folder.join("out/nightly");
    let mut journals: Vec<PathBuf> = fs::read_dir(nights)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("journal.jsonl"))
        .filter(|path| path.exists())
        .collect();
    journals.sort();
    journals.iter().flat_map(|path| slipway::fleet::read(path).unwrap()).collect()
}

fn images(folder: &Path, customer: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("out").join(customer)).unwrap();
    let mut images: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "qcow2"))
        .collect();
    images.sort();
    images
}

#[test]
fn the_second_night_does_nothing_and_a_change_rebuilds_what_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &["acme", "north", "south"], UNBOOTED);
    let (first, report) = night(folder, &[]);
    assert_eq!(first.status.code(), Some(0));
    assert_eq!(verdicts(&report), ["acme built", "north built", "south built"]);
    let (second, report) = night(folder, &[]);
    assert_eq!(second.status.code(), Some(3), "there was nothing to do");
    assert_eq!(verdicts(&report), ["acme reused", "north reused", "south reused"]);
    assert_eq!(report["trend"].as_array().unwrap().len(), 2);

    // an image that is not what was built is built again, however it came to that
    let image = images(folder, "north").remove(0);
    let mut bytes = fs::read(&image).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&image, &bytes).unwrap();
    fs::remove_file(images(folder, "south").remove(0)).unwrap();
    let (third, report) = night(folder, &[]);
    assert_eq!(third.status.code(), Some(0));
    assert_eq!(verdicts(&report), ["acme reused", "north built", "south built"]);
    assert_ne!(fs::read(&image).unwrap(), bytes);

    // a new bundle changes all, a profile its own customer
    publish(folder, &bundle(folder, "2"));
    let (_, report) = night(folder, &["--changed"]);
    assert_eq!(verdicts(&report), ["acme built", "north built", "south built"]);
    customer(folder, "acme", "vcpus = 3\n");
    let (_, report) = night(folder, &["--changed"]);
    assert_eq!(verdicts(&report), ["acme built"]);
    assert!(report["customers"][0]["changes"]["since"].is_string());
}

#[test]
fn a_wrong_profile_among_good_ones_fails_at_its_plan_and_costs_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &["acme", "north"], UNBOOTED);
    customer(folder, "wrong", "vcpu = 3\n");
    let (output, report) = night(folder, &["--json"]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(verdicts(&report), ["acme built", "north built", "wrong failed plan"]);
    let error = &report["customers"][2]["error"];
    // as `slipway build` shows it
    let build = slipway(folder, &["build", "wrong", "--json"]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&build.stdout).unwrap();
    assert_eq!(*error, told["error"]);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap(), report);
    // a failure is tried again, and is never "unchanged"
    let (output, report) = night(folder, &[]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(verdicts(&report), ["acme reused", "north reused", "wrong failed plan"]);
    customer(folder, "wrong", "vcpus = 3\n");
    let (output, report) = night(folder, &["--only", "wrong"]);
    assert_eq!(
        (output.status.code(), verdicts(&report)),
        (Some(0), vec!["wrong built".to_owned()])
    );
}

#[test]
fn a_store_that_is_not_there_is_the_infrastructures_fault_and_wrong_words_are_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &["acme"], UNBOOTED);
    let code = |arguments: &[&str]| night(folder, arguments).0.status.code();
    assert_eq!(code(&["--only", "acne"]), Some(2));
    assert_eq!(code(&["--shard", "3/2"]), Some(2));
    assert_eq!(code(&["--nonsense"]), Some(2));
    fs::write(folder.join("nightly.toml"), "[smoke]\nwhich = \"some\"\n").unwrap();
    assert_eq!(code(&[]), Some(2));
    let check = slipway(folder, &["check", "--all"]).output().unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(!check.status.success() && said.contains("nightly.toml:2:9"), "{said}");
    fs::write(folder.join("nightly.toml"), UNBOOTED).unwrap();
    assert_eq!(slipway(folder, &["check", "--all"]).output().unwrap().status.code(), Some(0));
    let text = fs::read_to_string(folder.join("profiles/acme.toml")).unwrap();
    let store = format!("file://{}/store", folder.display());
    fs::write(folder.join("profiles/acme.toml"), text.replace(&store, "https://127.0.0.1:9/x"))
        .unwrap();
    let output = slipway(folder, &["nightly"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_would_be_done_is_said_and_nothing_of_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &["acme", "north"], UNBOOTED);
    let dry = |folder: &Path| {
        let output = slipway(folder, &["nightly", "--dry-run"]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = dry(folder);
    assert!(code == Some(0) && said.contains("acme   base debian-12"), "{said}");
    assert!(!folder.join("out/acme").exists() && !folder.join("out/nightly").exists());
    night(folder, &[]);
    let (code, said) = dry(folder);
    assert_eq!((code, said.as_str()), (Some(3), "acme   nothing to do\nnorth  nothing to do\n"));
    publish(folder, &bundle(folder, "2"));
    let (code, said) = dry(folder);
    assert!(code == Some(0) && said.contains("acme   build, lint, about"), "{said}");
}

/// Nothing of ours runs any more in this folder's name.
pub fn strays(folder: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(folder.to_str()?).then_some(line)
    });
    processes.collect()
}

/// Moments are spread over a whole night. Which work they hit depends on the machine; what must hold does not.
#[test]
fn a_night_that_is_killed_at_any_moment_is_completed_by_the_next_call_and_nothing_is_done_twice() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    fleet(folder, &["acme", "north", "south"], UNBOOTED);
    night(folder, &[]);
    // how long one takes whose base is there
    fs::remove_dir_all(folder.join("out")).unwrap();
    let begun = std::time::Instant::now();
    night(folder, &[]);
    let whole = begun.elapsed();
    let mut cut = 0;
    for (round, part) in [5, 25, 40, 55, 70, 85, 95].into_iter().enumerate() {
        // another plan for all of them, and an empty list of nights
        fs::remove_dir_all(folder.join("out")).unwrap();
        publish(folder, &bundle(folder, &(round + 2).to_string()));
        let mut command = slipway(folder, &["nightly"]);
        let mut child =
            command.process_group(0).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * part / 100);
        let group = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let killed = child.wait().unwrap();
        cut += usize::from(!killed.success());
        let (output, report) = night(folder, &[]);
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 3)), "{part} %: {code:?}");
        let good = |verdict: &String| verdict.ends_with("built") || verdict.ends_with("reused");
        assert!(verdicts(&report).iter().all(good), "{part} %: {:?}", verdicts(&report));
        let mut done: Vec<(String, Step)> = events(folder)
            .into_iter()
            .filter_map(|event| match event {
                Event::Outcome(o) if o.ending == Ending::Done && o.step != Step::Plan => {
                    Some((o.customer, o.step))
                }
                _ => None,
            })
            .collect();
        done.sort_by_key(|(customer, step)| (customer.clone(), step.name()));
        let count = done.len();
        done.dedup();
        assert_eq!(done.len(), count, "{part} %: something was done twice");
        for name in ["acme", "north", "south"] {
            assert_eq!(images(folder, name).len(), 1, "{part} %");
            let sums = crate::common::judge::judge_in(
                &folder.join("out").join(name),
                "sha256sum",
                &["--quiet", "-c", "SHA256SUMS"],
            );
            assert_eq!(sums, "");
            let entries = fs::read_dir(folder.join("out").join(name)).unwrap();
            let hidden = entries
                .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
            assert_eq!(hidden.count(), 0, "{part} %: something unfinished is left");
        }
        assert_eq!(strays(folder), Vec::<String>::new());
    }
    assert!(cut >= 2, "{cut}");
}

#[test]
fn the_second_of_two_calls_says_who_runs_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &["acme"], UNBOOTED);
    night(folder, &[]);
    let before = events(folder);
    let lock = fs::File::open(folder.join("out/nightly/.lock")).unwrap();
    lock.lock().unwrap();
    let (output, _) = night(folder, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("another night runs in this project: process "), "{said}");
    assert_eq!(events(folder), before);
    drop(lock);
    assert_eq!(night(folder, &[]).0.status.code(), Some(3));
}

#[test]
fn shards_of_one_night_are_disjoint_and_complete_and_make_one_report() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &["a", "b", "c", "d", "e"], UNBOOTED);
    let run = |shard: &str, index: Option<&str>| {
        let mut command =
            slipway(folder, &["nightly", "--night", "tonight", "--shard", shard, "--json"]);
        index.map(|index| command.env("JOB_COMPLETION_INDEX", index));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let shards = [run("1/3", None), run("auto/3", Some("1")), run("3/3", None)];
    for mut shard in shards {
        assert!(shard.wait().unwrap().success());
    }
    let output = slipway(folder, &["nightly", "report", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdicts(&report), ["a built", "b built", "c built", "d built", "e built"]);
    assert_eq!(report["over"], true);
    let builds = report["jobs"].as_array().unwrap().iter().filter(|job| job["step"] == "build");
    assert_eq!(builds.count(), 5);
}

#[test]
fn old_images_and_nights_go_and_the_newest_and_the_last_good_one_stay() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let policy = format!("{UNBOOTED}[keep]\nnights = 2\nimages = 1\n");
    fleet(folder, &["acme"], &policy);
    night(folder, &[]);
    let good = images(folder, "acme").remove(0);
    // one that became READY: a report of these very bytes
    let report =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/boots")).unwrap();
    let ready = report.map(|entry| fs::read(entry.unwrap().path()).unwrap()).find_map(|bytes| {
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        (value["verdict"]["kind"] == "ready").then_some(value)
    });
    let mut ready = ready.unwrap();
    ready["image_sha256"] = slipway::units::Digest::of(fs::read(&good).unwrap()).to_string().into();
    let tested = good.with_extension("smoke-bios");
    fs::create_dir(&tested).unwrap();
    fs::write(tested.join("report.json"), ready.to_string()).unwrap();
    for build in ["2", "3", "4"] {
        publish(folder, &bundle(folder, build));
        night(folder, &[]);
    }
    let left = images(folder, "acme");
    let names: Vec<_> =
        left.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(
        names.len() == 2 && names[0].contains("+b1-") && names[1].contains("+b4-"),
        "{names:?}"
    );
    assert!(tested.exists());
    let nights = fs::read_dir(folder.join("out/nightly")).unwrap();
    assert_eq!(nights.filter(|e| e.as_ref().unwrap().path().is_dir()).count(), 2);
}

#[test]
fn who_is_to_be_told_is_told_when_something_failed_and_sees_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let policy = format!(
        "{UNBOOTED}[notify]\ncommand = [\"sh\", \"-c\", \"cat \\\"$SLIPWAY_REPORT\\\" > told.json\"]\n"
    );
    fleet(folder, &["acme"], &policy);
    night(folder, &[]);
    assert!(!folder.join("told.json").exists());
    customer(folder, "wrong", "vcpu = 3\n");
    night(folder, &[]);
    let told: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("told.json")).unwrap()).unwrap();
    assert_eq!(told["totals"]["failed"], 1);
}

#[test]
fn a_signal_ends_a_night_in_order_and_the_next_call_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fleet(folder, &["acme", "north", "south"], UNBOOTED);
    let mut child = slipway(folder, &["nightly"]).stderr(Stdio::piped()).spawn().unwrap();
    // when its first job is over, others are left
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("plan: done") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0);
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{rest}");
    assert!(rest.contains("the next call goes on behind it"), "{rest}");
    let (output, report) = night(folder, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(report["totals"]["built"], 3);
    let nights = fs::read_dir(folder.join("out/nightly")).unwrap();
    assert_eq!(
        nights.filter(|e| e.as_ref().unwrap().path().is_dir()).count(),
        1,
        "it is one night"
    );
}
