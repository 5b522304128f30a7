//! `slipway key` as its users see it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

struct Place(tempfile::TempDir);

impl Place {
    /// An empty project.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["profiles", "images"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str], passphrase: Option<&Path>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.arg("key").args(arguments).current_dir(self.0.path());
        command.env("SLIPWAY_KEYS", self.path("keys")).env_remove("SLIPWAY_PROJECT");
        command.env_remove("SLIPWAY_TRUST").stdin(std::process::Stdio::null());
        if let Some(file) = passphrase {
            command.env("SLIPWAY_KEY_PASSPHRASE_FILE", file);
        }
        command.output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, None);
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {shown}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, None);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn trusted(&self) -> Vec<Value> {
        let all: Value = serde_json::from_str(&self.done(&["list", "--json"])).unwrap();
        all["trusted"].as_array().unwrap().clone()
    }
}

#[test]
fn a_key_is_made_trusted_rotated_and_retired() {
    let place = Place::new();
    place.done(&["new", "old", "--no-passphrase"]);
    place.done(&["new", "new", "--no-passphrase"]);
    let mode = std::fs::metadata(place.path("keys/old")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let line = std::fs::read_to_string(place.path("keys/old.pub")).unwrap();
    place.done(&["trust", line.trim(), "--site", "demo"]);
    let said = place.done(&["trust", "keys/old.pub", "--site", "demo"]);
    assert!(said.contains("was trusted already"), "{said}");
    place.done(&["trust", "old", "--site", "acme"]);

    place.done(&["rotate", "old", "--to", "new"]);
    let sites: Vec<Value> = place.trusted().iter().map(|t| t["sites"].clone()).collect();
    assert_eq!(sites, ["acme,demo", "acme,demo"]);
    place.done(&["rotate", "old", "--until", "2999-12-31"]);
    assert_eq!(place.trusted()[0]["until"], "2999-12-31T00:00:00Z");
    assert_eq!(place.trusted()[1]["until"], Value::Null);
    place.done(&["rotate", "old", "--remove"]);
    assert_eq!(place.trusted().len(), 1);
    assert!(place.done(&["list"]).contains("acme,demo"));
}

#[test]
fn an_end_moves_earlier_alone_and_a_day_that_is_over_is_not_taken_silently() {
    let place = Place::new();
    for name in ["old", "new"] {
        place.done(&["new", name, "--no-passphrase"]);
    }
    place.done(&["trust", "old", "--site", "demo"]);
    let said = place.refused(&["rotate", "old", "--until", "2020-01-01"]);
    assert!(said.contains("is in the past") && said.contains("--remove"), "{said}");
    assert_eq!(place.trusted()[0]["until"], Value::Null);
    place.done(&["rotate", "old", "--until", "2990-01-01"]);
    let said = place.refused(&["rotate", "old", "--until", "2999-01-01"]);
    assert!(said.contains("only ever moves earlier"), "{said}");
    assert_eq!(place.trusted()[0]["until"], "2990-01-01T00:00:00Z");
    let said = place.done(&["rotate", "old", "--to", "new"]);
    assert!(said.contains("until 2990-01-01T00:00:00Z"), "{said}");
    assert_eq!(place.trusted()[1]["until"], "2990-01-01T00:00:00Z");

    let line = std::fs::read_to_string(place.path("keys/old.pub")).unwrap();
    let ended = format!("demo valid-before=\"20200101Z\" {line}");
    std::fs::write(place.path("trust/allowed_signers"), &ended).unwrap();
    let said = place.refused(&["rotate", "old", "--until", "2999-01-01"]);
    assert!(said.contains("already"), "{said}");
    let said = place.refused(&["rotate", "old", "--to", "new"]);
    assert!(said.contains("has ended"), "{said}");
    assert_eq!(std::fs::read_to_string(place.path("trust/allowed_signers")).unwrap(), ended);
}

#[test]
fn a_passphrase_comes_from_a_private_file_and_is_never_seen() {
    let place = Place::new();
    let file = place.path("secret");
    std::fs::write(&file, "correct horse battery\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = place.run(&["new", "ci"], Some(&file));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("chmod 600"), "{said}");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let output = place.run(&["new", "ci"], Some(&file));
    assert!(output.status.success());
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains("horse") && !said.contains("PRIVATE"), "{said}");
    let open = |passphrase: &str| {
        let mut command = Command::new("ssh-keygen");
        command.args(["-y", "-P", passphrase, "-f"]).arg(place.path("keys/ci"));
        command.output().unwrap().status.success()
    };
    assert!(open("correct horse battery") && !open(""));
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let place = Place::new();
    let said = place.refused(&["new", "ci"]);
    assert!(said.contains("SLIPWAY_KEY_PASSPHRASE_FILE"), "{said}");
    let said = place.refused(&["new", "../ci", "--no-passphrase"]);
    assert!(said.contains("cannot be a key's name"), "{said}");
    place.done(&["new", "ci", "--no-passphrase"]);
    let said = place.refused(&["new", "ci", "--no-passphrase"]);
    assert!(said.contains("not overwritten"), "{said}");
    let said = place.refused(&["trust", "nobody", "--site", "demo"]);
    assert!(said.contains("slipway key list"), "{said}");
    let said = place.refused(&["rotate", "nobody", "--remove"]);
    assert!(said.contains("no trusted key is named"), "{said}");
    std::fs::create_dir(place.path("trust")).unwrap();
    std::fs::write(place.path("trust/allowed_signers"), "demo ssh-rsa AAAA\n").unwrap();
    let said = place.refused(&["list"]);
    assert!(said.contains("line 1 of the trusted keys"), "{said}");
}
