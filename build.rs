//! Tells the program which commit it is built from, for `slipway --version`.
//!
//! A release asks git, unless SLIPWAY_COMMIT says it: a packed source has no .git. A debug build says none: every commit
//! would compile the whole library anew.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=SLIPWAY_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let named = std::env::var("SLIPWAY_COMMIT").ok().filter(|commit| !commit.is_empty());
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = named.or_else(|| release.then(asked).flatten());
    let shown = commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
    println!("cargo::rustc-env=SLIPWAY_COMMIT={shown}");
}

/// The commit that is checked out, "-dirty" where sources differ from it; none where git or its folder is not there.
fn asked() -> Option<String> {
    for file in ["HEAD", "logs/HEAD", "index"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=src");
    git(&["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !said.trim().is_empty()).then(|| said.trim().to_owned())
}
