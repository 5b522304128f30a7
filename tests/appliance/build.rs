//! `slipway build` as a whole: the same bytes in any environment, and nothing half-made when it is
//! killed. `cargo test --test appliance build:: -- --ignored`

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::common::project::Project;
use slipway::units::Digest;

const PROFILE: &str = "base = \"debian-12\"\nsite = \"tiny\"\nchannel = \"stable\"\n\
     store = \"file:out/store\"\nformats = [\"qcow2\", \"raw\"]\n\
     [customer]\nname = \"Tiny\"\n[master]\nmode = \"apply\"\n[hardware]\ndisk = \"4 GiB\"\n";

fn project() -> Project {
    let project = Project::new();
    project.publish("tiny");
    project.profile("tiny", PROFILE);
    project
}

fn artifacts(project: &Project) -> Vec<PathBuf> {
    let folder = project.root().join("out/tiny");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
    paths.sort();
    paths
}

fn digests(project: &Project) -> Vec<(String, Digest)> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let digest = |path: &Path| Digest::of_reader(std::fs::File::open(path).unwrap()).unwrap().0;
    artifacts(project).iter().map(|path| (name(path), digest(path))).collect()
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn folder_umask_locale_and_time_zone_leave_no_trace_in_the_image() {
    let (one, other) = (project(), project());
    one.run(&["build", "tiny"]);
    let built = other.command(&["build", "tiny"]);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(built.get_program());
    command.args(built.get_args()).current_dir(other.root());
    command.envs(built.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.envs([("LC_ALL", "tr_TR.UTF-8"), ("TZ", "Pacific/Chatham"), ("HOSTNAME", "elsewhere")]);
    assert!(command.status().unwrap().success());
    let (first, second) = (digests(&one), digests(&other));
    assert_eq!(first.len(), 6, "two images, record, pointer, page and digests: {first:?}");
    assert_eq!(first, second);
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_build_that_is_killed_leaves_no_artifact_and_the_next_one_works() {
    let whole = project();
    // the first one may have to make the base
    whole.run(&["build", "tiny"]);
    let begun = Instant::now();
    whole.run(&["build", "tiny"]);
    let takes = begun.elapsed();
    let expected = digests(&whole);
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();

    let killed = project();
    for part in 1..10 {
        let mut child = killed
            .command(&["build", "tiny"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(takes.mul_f64(f64::from(part) / 10.0));
        // it may have ended already, if it was faster this time: then its artifacts are complete,
        // which is asserted, too
        let _ = child.kill();
        child.wait().unwrap();
        for artifact in digests(&killed) {
            assert!(expected.contains(&artifact), "{artifact:?} is not whole (part {part})");
        }
    }
    assert_eq!(std::fs::read_to_string("/proc/self/mounts").unwrap(), mounts);
    killed.run(&["build", "tiny"]);
    assert_eq!(digests(&killed), expected);
    let folder = killed.root().join("out/tiny");
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), expected.len(), "{left:?}");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn one_bad_customer_never_costs_another_one_the_image() {
    let project = project();
    project.profile("first", &PROFILE.replace("Tiny", "First"));
    project.profile("wrong", &PROFILE.replace("channel = \"stable\"", "channel = \"nightly\""));
    let output = project.command(&["build", "first", "wrong", "tiny", "--json"]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told:#}");
    let images: Vec<_> = told["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["built"]["record"]["profile"]["customer"]["id"])
        .collect();
    assert_eq!(images, ["first", "tiny"], "{told:#}");
    assert_eq!(told["failed"][0]["profile"], "wrong");
    assert!(
        told["failed"][0]["error"]["message"].as_str().unwrap().contains("nightly"),
        "{told:#}"
    );
    assert!(project.root().join("out/tiny/latest.json").is_file());

    // all of the project's, for people: the things to do come at the end
    let output = project.command(&["build", "--all"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("next: slipway smoke first"), "{said}");
    assert!(
        said.trim_end().lines().rev().take(5).any(|line| line.starts_with("error: ")),
        "{said}"
    );
}
