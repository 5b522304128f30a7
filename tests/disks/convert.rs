//! `slipway convert`, as its users see it; qemu-img judges the results.

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

/// Copies the program to a place where every user may run it.
fn program(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("slipway");
    std::fs::copy(env!("CARGO_BIN_EXE_slipway"), &program).unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    program
}

#[test]
fn where_threads_run_out_there_are_fewer_or_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let raw = artifact::write(Format::Raw, &appliance::disk(), folder.path());
    // only its owner can read an image, and the user without threads is another one
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&raw, readable).unwrap();
    let program = program(folder.path());
    let mut outcomes = Vec::new();
    for (format, threads) in
        ["ova", "qcow2", "vhd"].into_iter().flat_map(|f| (1..7).map(move |n| (f, n)))
    {
        // a separate user: root has no limit, and other users already have processes
        let mut command = Command::new("setpriv");
        command.args(["--reuid=61234", "--regid=61234", "--clear-groups", "prlimit"]);
        if !rustix::process::geteuid().is_root() {
            command = Command::new("prlimit");
        }
        command.arg(format!("--nproc={threads}")).arg(&program).arg("convert").arg(&raw);
        command.args(["--force", "--to", format, "--out"]).arg(folder.path().join("new"));
        let output = command.current_dir(folder.path()).output().unwrap();
        let said = text(&output.stderr);
        assert!(!said.contains("panicked"), "{format}, {threads} threads: {said}");
        assert!(output.status.success() || said.contains("cannot start a thread"), "{said}");
        outcomes.push(output.status.success());
    }
    assert!(outcomes.contains(&false), "{outcomes:?}");
    let root = rustix::process::geteuid().is_root();
    assert!(!root || outcomes.contains(&true), "{outcomes:?}");
    let names = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}

#[test]
fn ctrl_c_says_what_was_stopped_and_what_a_killed_run_left_goes_with_the_next_one() {
    use std::io::{BufRead, Read};
    let folder = tempfile::tempdir().unwrap();
    artifact::write(Format::Raw, &appliance::disk(), folder.path());
    let strangers = || {
        let names = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with('.')).count()
    };
    let mut left = 0;
    for (moment, signal) in
        [(0, "INT"), (1, "KILL"), (3, "TERM"), (9, "KILL"), (20, "INT"), (60, "KILL")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        let out = format!("{moment}.ova");
        command
            .args(["convert", "disk.raw", "--to", "ova", "--out", &out])
            .current_dir(folder.path());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment));
        run(Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()));
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        let code = child.wait().unwrap().code();
        left = left.max(strangers());
        match (signal, code) {
            // it was finished before the signal came
            (_, Some(0)) => assert!(folder.path().join(&out).exists()),
            ("INT", code) => assert_eq!(code, Some(130)),
            ("TERM", code) => assert_eq!(code, Some(143)),
            (_, code) => assert_eq!(code, None),
        }
        if matches!(code, Some(130 | 143)) {
            assert!(rest.contains("stopped: ") && rest.contains("next image"), "{rest}");
            assert!(!folder.path().join(&out).exists());
        }
    }
    assert!(left <= 1, "each run removes what the one before left");
    // under another name: the remains are not taken over, but removed
    convert(folder.path(), &["disk.raw", "--to", "qcow2"]).success();
    assert_eq!(strangers(), 0);
}
