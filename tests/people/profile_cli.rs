//! The verbs as they are typed, and their answers: tests/cli/*.trycmd.

use std::process::{Command, Stdio};

#[test]
fn the_verbs_answer_as_written_down() {
    // it must not find a project of the developer's
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
    std::fs::create_dir(root.path().join("profiles")).expect("a folder");
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

/// A folder with everything that a project needs.
fn project(profiles: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(root.path().join("profiles")).expect("a folder");
    for (name, text) in profiles {
        std::fs::write(root.path().join("profiles").join(name), text).expect("a profile");
    }
    root
}

fn slipway(root: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
    command.args(arguments).current_dir(root).env("SLIPWAY_PROJECT", "").stdin(Stdio::null());
    command.env("SLIPWAY_CACHE", root.join("cache")).env_remove("SLIPWAY_TRUST");
    let output = command.output().expect("slipway");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const GOOD: &str = "base = \"debian-12\"\nsite = \"demo\"\nchannel = \"stable\"\n\
     store = \"file:out/store\"\n[customer]\nname = \"Good Ltd\"\n";

#[test]
fn a_project_needs_no_definitions_of_bases_and_its_own_win() {
    let own = GOOD.replace("debian-12", "own");
    let root = project(&[("good.toml", GOOD.as_bytes()), ("own.toml", own.as_bytes())]);
    let run = |arguments: &[&str]| slipway(root.path(), arguments);
    assert_eq!(run(&["check", "good"]).0, Some(0));
    let (code, _, err) = run(&["check", "own"]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("the bases are debian-12, debian-13, ubuntu-22.04 and ubuntu-24.04"),
        "{err}"
    );
    assert!(run(&["schema"]).1.contains("base"));
    let (_, findings, _) = run(&["doctor", "--offline", "--json"]);
    assert!(findings.contains("1 of 2 profiles wrong"), "{findings}");

    let (code, shipped, _) = run(&["base", "show", "debian-12"]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/images/debian-12.toml");
    assert_eq!((code, shipped.as_str()), (Some(0), &*std::fs::read_to_string(file).expect("it")));
    let images = root.path().join("images");
    std::fs::create_dir(&images).expect("a folder");
    std::fs::write(images.join("own.toml"), &shipped).expect("a base");
    assert_eq!(run(&["check", "--all"]).0, Some(0));
    std::fs::write(images.join("debian-12.toml"), "title = 1").expect("a base");
    let (code, shown, _) = run(&["base", "show"]);
    assert_eq!((code, shown.lines().count()), (Some(0), 5), "{shown}");
    let (code, _, err) = run(&["base", "build", "debian-12"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("images/debian-12.toml:1"), "{err}");
    let adopt = || run(&["base", "adopt", "debian-13"]);
    assert_eq!((adopt().0, adopt().0), (Some(0), Some(1)));
    let (_, adopted, _) = run(&["base", "show", "debian-13"]);
    assert_eq!(std::fs::read_to_string(images.join("debian-13.toml")).expect("it"), adopted);
    // and looking at what the program has needs no project
    let empty = tempfile::tempdir().expect("a folder");
    let (code, all, _) = slipway(empty.path(), &["base", "show"]);
    assert_eq!((code, all.lines().count()), (Some(0), 4), "{all}");
}

#[test]
fn two_profiles_of_one_customer_are_refused_and_both_are_named() {
    let twin = format!("{GOOD}id = \"acme\"\n");
    let root = project(&[("acme.toml", GOOD.as_bytes()), ("other.toml", twin.as_bytes())]);
    for arguments in [["check", "acme"], ["check", "other"], ["check", "--all"], ["plan", "acme"]] {
        let (code, out, err) = slipway(root.path(), &arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {out}{err}");
        for shown in ["two profiles are for one customer, \"acme\"", "acme.toml", "other.toml"] {
            assert!(err.contains(shown), "{arguments:?}: {err}");
        }
    }
    let (code, out, _) = slipway(root.path(), &["list"]);
    assert_eq!((code, out.matches("broken").count()), (Some(0), 2), "{out}");
    // a third customer is not affected
    std::fs::write(root.path().join("profiles/third.toml"), GOOD).expect("a profile");
    let (code, _, err) = slipway(root.path(), &["check", "third"]);
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn what_a_word_processor_wrote_is_named_with_its_line_and_what_to_type() {
    let line = "name = \"Good Ltd\"";
    let latin: Vec<u8> = GOOD.replace("Good", "M\u{fc}ller").chars().map(|c| c as u8).collect();
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(GOOD.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let with = |written: &str| GOOD.replace(line, written).into_bytes();
    let size = |size: &str| format!("{GOOD}[hardware]\ndisk = \"{size}\"\n").into_bytes();
    for (text, shown) in [
        (
            with("name = \u{201c}Good Ltd\u{201d}"),
            "6:8|a typographic quote (U+201C)|type \"|write the line like this: name = \"Good Ltd\"",
        ),
        (with("name = \u{201e}Good Ltd\u{201c}"), "6:8|U+201E|type \""),
        (with("name = \"Good Ltd\u{201d}"), "6:17|U+201D|type \""),
        (with("name = \u{2018}Good Ltd\u{2019}"), "6:8|a typographic apostrophe (U+2018)|type '"),
        (with("name\u{a0}= \"Good Ltd\""), "6:5|a no-break space (U+00A0)|type a space"),
        (with("name = \"Good\tLtd\""), "6:8|a tab (U+0009): type a space"),
        (size("8\u{a0}GiB"), "8:8|a no-break space (U+00A0): type a space"),
        (latin, "6:10|not in UTF-8: byte 0xFC|type \u{fc} here|save the file as UTF-8"),
        (utf16, "UTF-16|save the file as UTF-8"),
    ] {
        let root = project(&[("x.toml", &text)]);
        let (code, _, err) = slipway(root.path(), &["check", "x"]);
        assert_eq!(code, Some(1), "{err}");
        for shown in shown.split('|') {
            assert!(err.contains(shown), "{shown}\n{err}");
        }
        assert_eq!(err.matches("error: ").count(), 1, "{err}");
    }
    // valid TOML may contain all of these
    let good = GOOD.replace("Ltd", "\u{201c}M\u{fc}ller\u{201d} O\u{2019}Neill")
        + "# \u{201c}\u{a0}\u{201d}\n";
    let bom = [b"\xef\xbb\xbf", good.replace('\n', "\r\n").as_bytes()].concat();
    for text in [good.as_bytes(), &bom] {
        let root = project(&[("x.toml", text)]);
        let (code, _, err) = slipway(root.path(), &["check", "x"]);
        assert_eq!(code, Some(0), "{err}");
    }
}

#[test]
fn a_profile_is_found_by_its_name_its_files_name_and_its_path() {
    let root = project(&[("good.toml", GOOD.as_bytes())]);
    for wanted in ["good", "good.toml", "profiles/good.toml", "./profiles/good.toml"] {
        let (code, out, err) = slipway(root.path(), &["check", wanted]);
        assert_eq!(
            (code, out.contains("good.toml: good")),
            (Some(0), true),
            "{wanted}: {out}{err}"
        );
    }
    let (code, _, err) = slipway(root.path(), &["check", "goood.toml"]);
    assert!(code == Some(1) && err.contains("did you mean \"good\"?"), "{err}");
}

#[test]
fn every_verb_with_json_prints_its_error_as_json() {
    let root = project(&[("good.toml", GOOD.as_bytes()), ("bad.toml", b"base = 1\n")]);
    for arguments in [
        "plan good",
        "plan none",
        "plan bad",
        "build none",
        "inspect none.qcow2",
        "smoke none",
        "lint none.qcow2 --for aws",
        "convert none.qcow2 --to raw",
        "bundle show none.tgz",
        "bundle verify none.tgz",
        "bundle diff a.tgz b.tgz",
        "bundle build none",
        "app pack none",
        "key list --none",
        "list --project /none/such",
        "check none",
        "plan",
        "plan good extra",
    ] {
        let words: Vec<&str> = arguments.split(' ').chain(["--json"]).collect();
        let (code, out, err) = slipway(root.path(), &words);
        if code == Some(2) && out.is_empty() {
            // a verb without --json says so itself
            panic!("{arguments}: {err}");
        }
        assert!(matches!(code, Some(1 | 2)), "{arguments}: {code:?} {out}{err}");
        let value: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments}: {e}\n{out}{err}"));
        let error = &value["error"];
        assert!(error["kind"].is_string() && error["message"].is_string(), "{arguments}: {out}");
        assert!(!err.contains("error"), "{arguments}: {err}");
    }
    let (_, out, _) = slipway(root.path(), &["plan", "bad", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["error"]["kind"], "input");
    assert_eq!(
        (&value["error"]["errors"][0]["line"], &value["error"]["errors"][0]["column"]),
        (&1.into(), &8.into())
    );
    // with several customers, each has its own
    let (_, out, _) = slipway(root.path(), &["build", "bad", "goood", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let [bad, goood] = [0, 1].map(|i| &value["failed"][i]["error"]);
    assert_eq!(bad["errors"][0]["file"], "profiles/bad.toml");
    assert_eq!((&bad["errors"][0]["line"], &bad["errors"][0]["column"]), (&1.into(), &8.into()));
    assert!(bad.get("causes").is_none(), "the places say it: {bad}");
    assert_eq!(goood["kind"], "not-found");
    let (_, out, _) = slipway(root.path(), &["plan", "goood", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["error"]["kind"], "not-found");
    assert_eq!(value["error"]["remedy"], "did you mean \"good\"?");
}
