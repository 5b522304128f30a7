//! Packages that no archive has: they are reported before anything is made, with the line that asks
//! for them.

use std::path::Path;

use slipway::base::Definition;

use crate::common::index::Index;
use crate::common::project::{Project, repository};

/// The packages that the profile asks for are on separate lines.
const PROFILE: &str = "base = \"debian-12\"\nsite = \"tiny\"\nchannel = \"stable\"\nstore = \"file:out/store\"\n\
    packages = [\n  \"htop\",\n  \"nodejss\",\n]\n[customer]\nname = \"A\"\n";

/// Only the shipped debian-12, with the archive in place of its mirrors.
fn define(project: &Project, index: &Index, change: impl Fn(String) -> String) {
    let shipped = std::fs::read_to_string(repository("images/debian-12.toml")).unwrap();
    let line = |line: &str| match line.split_once(" = ") {
        Some(("mirrors", _)) => format!("mirrors = [{:?}]", index.url()),
        Some(("file", _)) => format!("file = {:?}", index.keyring().display().to_string()),
        _ => line.to_owned(),
    };
    let text: Vec<String> = shipped.lines().map(line).collect();
    let images = project.root().join("images");
    if images.is_symlink() {
        std::fs::remove_file(&images).unwrap();
        std::fs::create_dir(&images).unwrap();
    }
    std::fs::write(images.join("debian-12.toml"), change(text.join("\n"))).unwrap();
}

/// The output of a command that must fail.
fn refused(project: &Project, arguments: &[&str]) -> String {
    let output = project.command(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

fn is_empty(folder: &Path) -> bool {
    !folder.exists() || std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_package_that_no_archive_has_is_told_with_its_line_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let project = Project::with(&[("SLIPWAY_CACHE", cache.to_str().unwrap())]);
    let shipped = Definition::find(repository("images"), "debian-12").unwrap();
    let mut names = [shipped.all_packages(), shipped.puppet.server].concat();
    names.extend(["htop", "nodejs"].map(str::to_owned));
    let suites = ["bookworm", "bookworm-updates", "bookworm-security"];
    let index = Index::make(&folder.path().join("debian"), &suites, &names);
    define(&project, &index, |text| text);
    project.profile("acme", PROFILE);
    project.publish("tiny");

    // the profile's own line
    let said = refused(&project, &["build", "acme"]);
    assert!(said.contains("profiles/acme.toml:7:3"), "{said}");
    assert!(said.contains("debian-12 have no package \"nodejss\""), "{said}");
    assert!(said.contains("did you mean \"nodejs\"?"), "{said}");
    // nothing was installed, and nothing was logged
    assert!(is_empty(&cache.join("base/roots")) && !cache.join("base/logs").exists(), "{said}");
    assert!(!said.contains("mmdebstrap"), "{said}");

    // the names are cached now: verbs that make nothing check a profile against them, too
    for verb in ["check", "plan"] {
        let said = refused(&project, &[verb, "acme"]);
        assert!(said.contains("profiles/acme.toml:7:3") && said.contains("nodejs\"?"), "{said}");
    }

    // and so is a site
    let site = project.root().join("site");
    std::fs::create_dir_all(site.join("manifests")).unwrap();
    let write = |path: &str, text: &str| std::fs::write(site.join(path), text).unwrap();
    let toml = "site = \"x\"\nversion = \"1.0.0\"\n[needs]\nos = [\"debian-12\"]\n";
    write("SITE.toml", &format!("{toml}packages = [\n  \"htpo\",\n]\n"));
    write("manifests/site.pp", "include slipway::sentinel\n");
    let said = refused(&project, &["bundle", "build", "site"]);
    assert!(said.contains("SITE.toml:6") && said.contains("did you mean \"htop\"?"), "{said}");
    // a name that a package provides counts, too
    write("SITE.toml", &format!("{toml}packages = [\"virtual-htop\"]\n"));
    write("manifests/site.pp", "include slipway::sentinel\npackage { 'nodejss': }\n");
    let said = refused(&project, &["bundle", "build", "site"]);
    assert!(said.contains("manifests/site.pp:2"), "{said}");
    assert!(said.contains("did you mean \"nodejs\"?"), "{said}");

    // cached names are never trusted to lack a package
    let newer = [&names[..], &["nodejss".to_owned()]].concat();
    suites.iter().for_each(|suite| index.suite(suite, &newer));
    define(&project, &index, |text| text.replace("\"sudo\"", "\"sudoo\""));
    // the definition's own line
    let said = refused(&project, &["base", "build", "debian-12"]);
    let definition = std::fs::read_to_string(project.root().join("images/debian-12.toml")).unwrap();
    let line = definition.lines().position(|line| line.contains("sudoo")).unwrap() + 1;
    assert!(said.contains(&format!("images/debian-12.toml:{line}")), "{said}");
    assert!(said.contains("did you mean \"sudo\"?"), "{said}");
    let said = refused(&project, &["build", "acme"]);
    assert!(!said.contains("nodejss") && said.contains("sudoo"), "{said}");
}
