//! docs/reference.md matches the code, and the code names no variable that the page lacks; shells
//! and man accept the completions and manual pages.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn slipway(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_slipway")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn the_reference_is_what_the_program_says_of_itself() {
    let (page, path) = (slipway::cli::reference(), root().join("docs/reference.md"));
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let differs = kept.lines().zip(page.lines()).find(|(kept, made)| kept != made);
    assert!(
        kept == page,
        "UPDATE_REFERENCE=1 writes the page again; the first difference: {differs:?}"
    );
}

/// Each `SLIPWAY_…` in the library's own text.
fn variables(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // the layers mention the machine's own variables
        if path.is_dir() && !path.ends_with("src/layer") {
            variables(&path, found);
        }
        if path.is_dir() {
            continue;
        }
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        for rest in text.split("\"SLIPWAY_").skip(1) {
            let name = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_');
            found.insert(format!("SLIPWAY_{}", name.collect::<String>()));
        }
    }
}

#[test]
fn each_variable_that_the_code_reads_is_in_the_reference() {
    let mut read = BTreeSet::new();
    variables(&root().join("src"), &mut read);
    assert!(read.len() >= 8, "{read:?}");
    let page = slipway::cli::reference();
    let lacks: Vec<_> =
        read.iter().filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
    assert!(lacks.is_empty(), "{lacks:?}");
}

#[test]
fn a_shell_completes_verbs_and_options() {
    let script = slipway(&["completions", "bash"]).stdout;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slipway.bash");
    std::fs::write(&file, script).unwrap();
    let completed = |words: &str| {
        let typed = format!(
            ". {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _slipway slipway \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            file.display()
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &typed])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("slipway bu"), "build bundle");
    assert_eq!(completed("slipway bundle pro"), "promote");
    assert_eq!(completed("slipway build --no-d"), "--no-digest");
}

#[test]
fn man_reads_a_page_for_each_verb_without_complaint() {
    let folder = tempfile::tempdir().unwrap();
    slipway(&["man", folder.path().to_str().unwrap()]);
    let pages: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    for name in ["slipway.1", "slipway-build.1", "slipway-bundle-promote.1"] {
        assert!(folder.path().join(name).is_file(), "{pages:?}");
    }
    // groff's own warnings are the judge
    for page in &pages {
        let output =
            Command::new("groff").args(["-man", "-Tascii", "-ww", "-z"]).arg(page).output();
        let output = output.expect("groff: scripts/install-tools test installs it");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{}: {}",
            page.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn the_version_is_the_packages_own() {
    let text = String::from_utf8(slipway(&["--version"]).stdout).unwrap();
    assert!(text.starts_with(concat!("slipway ", env!("CARGO_PKG_VERSION"))), "{text}");
}

#[test]
fn the_doctor_names_what_is_missing_with_its_remedy_and_ends_with_1() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["profiles", "images"] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
    }
    let doctor = |path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(["doctor", "--json", "--offline"]).current_dir(root.path());
        command
            .env("PATH", path)
            .env("SLIPWAY_CACHE", root.path())
            .env("SLIPWAY_KEYS", root.path());
        let output = command.output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), told["findings"].as_array().unwrap().clone())
    };
    let about = |found: &[serde_json::Value], subject: &str| {
        found
            .iter()
            .find(|f| f["subject"] == subject)
            .unwrap_or_else(|| panic!("{found:?}"))
            .clone()
    };
    // a machine without any of it
    let (code, found) = doctor("/nonexistent");
    assert_eq!(code, Some(1), "{found:?}");
    let npm = about(&found, "npm");
    assert_eq!(npm["state"], "missing");
    assert_eq!(npm["remedy"], "sudo apt-get install npm");
    assert_eq!(about(&found, "trusted keys")["state"], "missing");
    // this machine, which runs these tests: mmdebstrap and QEMU are tried
    let (_, found) = doctor(&std::env::var("PATH").unwrap());
    assert_eq!(about(&found, "mmdebstrap")["state"], "good", "{found:?}");
    assert_ne!(about(&found, "KVM")["state"], "missing", "{found:?}");
}
