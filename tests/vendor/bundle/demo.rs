//! The demo vendor's repository: users copy it, so it must be right. Judges: puppet, node.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use slipway::bundle::Bundle;

use crate::bundle::flow::{build, vendor};

/// All files below a folder with one of the extensions.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found
}

fn judge(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

#[test]
fn all_puppet_code_is_valid() {
    for (extension, verb) in [("pp", "parser"), ("epp", "epp")] {
        let all = files(&vendor(), extension);
        assert!(!all.is_empty());
        judge(Command::new("puppet").args([verb, "validate"]).args(all));
    }
}

#[test]
fn the_application_passes_its_own_tests() {
    judge(Command::new("node").arg("--test").current_dir(vendor().join("apps/guestbook")));
}

#[test]
fn scripts_that_ship_pass_shellcheck() {
    judge(Command::new("shellcheck").arg(vendor().join("modules/profile/files/make-cluster")));
}

#[test]
fn a_bundle_is_the_same_wherever_and_by_whomever_it_is_built() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let site = two.path().join("elsewhere");
    judge(Command::new("cp").arg("-r").arg(vendor().join("sites/tiny")).arg(&site));
    // another umask, and another time
    let page = site.join("manifests/site.pp");
    std::fs::set_permissions(&page, std::fs::Permissions::from_mode(0o600)).unwrap();
    let first = build(&vendor().join("sites/tiny"), one.path(), 1);
    let second = build(&site, two.path(), 1);
    assert_eq!(first.digest, second.digest);
}

#[test]
fn the_demo_site_is_built_from_packages_of_the_distribution_and_of_npm() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // a copy: the first build writes the lock file, and the second one follows it
    let copy = one.path().join("vendor");
    judge(Command::new("cp").arg("-r").arg(vendor()).arg(&copy));
    let site = copy.join("sites/demo");
    let before = files(&copy, "json");
    let first = build(&site, one.path(), 1);
    assert!(site.join("SITE.lock").exists());
    let second = build(&site, two.path(), 1);
    assert_eq!(first.digest, second.digest);
    assert_eq!(files(&copy, "json"), before, "the working tree was touched");

    let manifest = Bundle::verify(&first.path).unwrap().manifest;
    let packaged = manifest.modules.iter().filter(|m| m.package.is_some()).count();
    assert!(packaged >= 3, "{packaged}");
    assert_eq!(manifest.apps[0].file, "apps/guestbook-1.0.0.tgz");
    offline_install(&first, one.path());
}

/// The packed application starts with its own contents and nothing else.
fn offline_install(bundle: &Bundle, folder: &Path) {
    let unpack = |file: &Path, to: &Path| {
        std::fs::create_dir_all(to).unwrap();
        judge(Command::new("tar").arg("-xzf").arg(file).arg("-C").arg(to));
    };
    let (release, app) = (folder.join("release"), folder.join("app"));
    unpack(&bundle.path, &release);
    unpack(&release.join("apps/guestbook-1.0.0.tgz"), &app);
    let load = "require('pg'); require('./lib/app'); require('./lib/store')";
    judge(Command::new("node").args(["-e", load]).current_dir(app.join("package")));
}
