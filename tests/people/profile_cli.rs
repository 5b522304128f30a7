//! The verbs as they are typed, and what they answer: tests/cli/*.trycmd.

use std::process::{Command, Stdio};

#[test]
fn the_verbs_answer_as_written_down() {
    // a project of the developer's must not be found
    trycmd::TestCases::new().env("SLIPWAY_PROJECT", "").case("tests/cli/*.trycmd");
}

#[test]
fn a_closed_pipe_is_no_panic() {
    for (verb, close_errors) in [("schema", false), ("check", true)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.arg(verb).stdin(Stdio::null());
        if close_errors {
            command.arg("no/such.toml");
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("slipway");
        drop(child.stdout.take());
        if close_errors {
            drop(child.stderr.take());
        }
        let output = child.wait_with_output().expect("its end");
        assert_ne!(output.status.code(), Some(101), "{verb} panicked");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_profile_that_exists_is_never_overwritten() {
    let root = tempfile::tempdir().expect("a folder");
    for folder in ["profiles", "images"] {
        std::fs::create_dir(root.path().join(folder)).expect("a folder");
    }
    std::fs::write(root.path().join("images/debian-12.toml"), "").expect("a base");
    let arguments =
        ["--name", "Acme", "--base", "debian-12", "--site", "demo", "--store", "file:s"];
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.arg("new").arg("acme").args(arguments).arg("--project").arg(root.path());
        command.stdin(Stdio::null()).output().expect("slipway").status.code()
    };
    assert_eq!(run(), Some(0));
    let file = root.path().join("profiles/acme.toml");
    let first = std::fs::read(&file).expect("the profile");
    assert_eq!(run(), Some(1));
    assert_eq!(std::fs::read(&file).expect("the profile"), first);
    let left: Vec<_> = std::fs::read_dir(root.path().join("profiles")).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing else is left behind");
}

#[test]
fn programs_get_the_errors_as_json() {
    let run = |arguments: &[&str]| -> serde_json::Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(arguments).args(["--project", "tests/cli/check.in", "--json"]);
        let output = command.stdin(Stdio::null()).output().expect("slipway");
        assert!(output.stderr.is_empty());
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let checked = run(&["check", "--all"]);
    assert_eq!(checked["profiles"], 3);
    assert_eq!(checked["broken"], 1);
    let first = &checked["errors"][0];
    assert_eq!(first["file"], "tests/cli/check.in/profiles/hawthorn.toml");
    assert_eq!((&first["line"], &first["column"]), (&1.into(), &8.into()));
    assert_eq!(first["label"], "did you mean \"ubuntu-24.04\"?");
    let listed = run(&["list"]);
    assert_eq!(listed[0]["profile"]["customer"]["name"], "Good Ltd");
    assert_eq!(listed[1]["errors"], 6);
    assert!(listed[1].get("profile").is_none());
}
