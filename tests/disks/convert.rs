//! `slipway convert`, as its users see it; qemu-img judges what it wrote.

use std::path::Path;
use std::process::Command;

use crate::common::foreign::{Maker, run};
use crate::common::{appliance, artifact};
use assert_cmd::assert::Assert;
use slipway::profile::Format;

fn convert(folder: &Path, arguments: &[&str]) -> Assert {
    let mut command = assert_cmd::Command::cargo_bin("slipway").unwrap();
    command.current_dir(folder).arg("convert").args(arguments).assert()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_image_of_other_programs_becomes_ours_with_the_same_disk() {
    let folder = tempfile::tempdir().unwrap();
    let raw = artifact::write(Format::Raw, &appliance::disk(), folder.path());
    let makers = [
        Maker::Qemu("vmdk", &["-o", "subformat=streamOptimized"]),
        Maker::Qemu("vpc", &["-o", "subformat=dynamic,force_size"]),
        Maker::Zstd(&["-1"]),
        Maker::Package,
    ];
    for maker in makers {
        maker.make(&raw, folder.path());
        let done = convert(folder.path(), &["foreign", "--to", "qcow2", "--json"]).success();
        let json: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        assert_eq!((&json["file"], &json["format"]), (&"foreign.qcow2".into(), &"qcow2".into()));
        let new = folder.path().join("foreign.qcow2");
        let mut compare = Command::new("qemu-img");
        run(compare.args(["compare", "-q", "-f", "raw", "-F", "qcow2"]).arg(&raw).arg(&new));
        std::fs::remove_file(&new).unwrap();
    }
}

#[test]
fn nothing_is_replaced_unless_that_is_asked_for_and_an_image_never_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let raw = artifact::write(Format::Raw, &appliance::disk(), folder.path());
    let before = std::fs::read(&raw).unwrap();
    let target = folder.path().join("disk.qcow2");
    std::fs::write(&target, "mine").unwrap();
    let refused = convert(folder.path(), &["disk.raw", "--to", "qcow2"]).failure();
    assert!(text(&refused.get_output().stderr).contains("--force"));
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    std::os::unix::fs::symlink("disk.raw", folder.path().join("link")).unwrap();
    for out in ["disk.raw", "./disk.raw", "link"] {
        let itself = ["disk.raw", "--to", "qcow2", "--force", "--out", out];
        let refused = convert(folder.path(), &itself).failure();
        assert!(text(&refused.get_output().stderr).contains("into itself"), "{out}");
    }
    assert!(std::fs::read(&raw).unwrap() == before);
    convert(folder.path(), &["disk.raw", "--to", "qcow2", "--force"]).success();
    assert!(std::fs::read(&target).unwrap().starts_with(b"QFI"));
}

#[test]
fn a_damaged_image_leaves_what_was_at_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let raw = artifact::write(Format::Raw, &appliance::disk(), folder.path());
    let foreign = Maker::Qemu("qcow2", &["-c"]).make(&raw, folder.path());
    let length = foreign.metadata().unwrap().len();
    std::fs::File::options().write(true).open(&foreign).unwrap().set_len(length / 2).unwrap();
    std::fs::write(folder.path().join("foreign.raw"), "mine").unwrap();
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = names();
    let failed = convert(folder.path(), &["foreign", "--to", "raw", "--force"]).failure();
    assert!(text(&failed.get_output().stderr).contains("foreign"));
    assert_eq!(std::fs::read(folder.path().join("foreign.raw")).unwrap(), b"mine");
    assert_eq!(names(), before);
}

#[test]
fn an_unknown_format_is_answered_with_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let failed = convert(folder.path(), &["disk.raw", "--to", "vdi"]).failure();
    assert!(text(&failed.get_output().stderr).contains("vhd-dynamic"));
}
