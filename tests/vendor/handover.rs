//! What a build gives beside the images, and what the platforms say of them that it was asked for.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use slipway::units::Digest;

use crate::common::small::{self, bundle, project, publish, run, slipway};

/// The small project, whose customer wants these formats; its bundle is published.
fn wants(formats: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    profile(folder.path(), formats);
    publish(folder.path(), &bundle(folder.path(), "1"));
    folder
}

fn profile(folder: &Path, formats: &str) {
    small::profile(folder, "4 GiB");
    let path = folder.join("profiles/tiny.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[\"qcow2\"]", formats)).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn build(folder: &Path, more: &[&str]) -> Output {
    slipway(folder, &[&["build", "tiny"], more].concat()).output().unwrap()
}

#[test]
fn a_platforms_name_means_its_format_and_the_image_is_held_against_it_at_once() {
    let folder = wants("[\"azure\", \"virtualbox\", \"qcow2\"]");
    let folder = folder.path();
    let plan = text(&slipway(folder, &["plan", "tiny"]).output().unwrap().stdout);
    assert!(plan.contains("vhd for azure, ova for virtualbox, qcow2"), "{plan}");
    let output = build(folder, &["--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifacts = told["built"]["artifacts"].as_array().unwrap();
    let formats: Vec<_> = artifacts.iter().map(|artifact| artifact["format"].clone()).collect();
    assert_eq!(formats, ["vhd", "ova", "qcow2"]);
    let platforms = told["platforms"].as_array().unwrap();
    let names: Vec<_> = platforms.iter().map(|judged| judged["platform"].clone()).collect();
    // of what was asked for by its format nothing is said
    assert_eq!(names, ["azure", "virtualbox"]);
    for judged in platforms {
        let image =
            Path::new(told["folder"].as_str().unwrap()).join(judged["file"].as_str().unwrap());
        let (image, platform) = (image.to_str().unwrap(), judged["platform"].as_str().unwrap());
        let lint = slipway(folder, &["lint", image, "--for", platform, "--json"]).output().unwrap();
        let lint: Value = serde_json::from_slice(&lint.stdout).unwrap();
        assert_eq!(lint["findings"], judged["findings"], "{platform}");
    }
    // warnings do not make it a failure
    assert_eq!(output.status.code(), Some(0), "{told:#}");
    let said = text(&build(folder, &[]).stderr);
    assert!(said.contains("azure: 0 errors") && said.contains("warning: "), "{said}");
}

/// Gives the small base a kernel that has modules, and not one of those that a virtual machine needs.
fn without_drivers(folder: &Path) {
    let list = folder.join("lib/modules/6.1.0-1-amd64/modules.dep");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(&list, "kernel/a/none.ko:\n").unwrap();
    let (archive, definition) =
        (folder.join("images/root.tar"), folder.join("images/debian-12.toml"));
    let before = Digest::of(std::fs::read(&archive).unwrap()).to_string();
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(folder).arg("-rf").arg(&archive).args(["--owner=0", "--group=0"]);
    assert!(tar.arg("--mtime=@1760000000").arg("lib").status().unwrap().success());
    let after = Digest::of(std::fs::read(&archive).unwrap()).to_string();
    let text = std::fs::read_to_string(&definition).unwrap().replace(&before, &after);
    std::fs::write(&definition, text).unwrap();
}

#[test]
fn a_build_for_a_platform_that_refuses_the_image_ends_with_1_and_leaves_it_whole() {
    let folder = wants("[\"kvm\", \"raw\"]");
    let folder = folder.path();
    without_drivers(folder);
    let output = build(folder, &[]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("[driver]") && said.contains("fix: "), "{said}");
    let images = text(&output.stdout);
    let images: Vec<_> = images.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert!(images.len() == 2 && images.iter().all(|image| folder.join(image).is_file()));
    let all = slipway(folder, &["build", "tiny", "tiny"]).output().unwrap();
    assert_eq!(all.status.code(), Some(1));
    assert!(text(&all.stderr).contains("refused by a platform"), "{}", text(&all.stderr));
}

#[test]
fn a_format_that_nobody_asked_a_platform_of_is_not_judged_and_names_are_shown_when_one_is_wrong() {
    let folder = wants("[\"qcow2\"]");
    let output = build(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    profile(folder.path(), "[\"hyper-w\"]");
    let said = text(&slipway(folder.path(), &["check", "tiny"]).output().unwrap().stderr);
    assert!(said.contains("did you mean \"hyper-v\"?") && said.contains("proxmox"), "{said}");
    for name in ["hyper-v", "hyperv"] {
        profile(folder.path(), &format!("[{name:?}]"));
        run(folder.path(), &["check", "tiny"]);
        let listed = slipway(folder.path(), &["list", "--json"]).output().unwrap();
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!(listed[0]["profile"]["formats"], serde_json::json!(["vhdx"]));
    }
    let script = slipway(folder.path(), &["completions", "bash"]).output().unwrap();
    assert!(text(&script.stdout).contains("vmware virtualbox hyper-v"));
}
