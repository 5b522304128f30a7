//! A build from scratch by somebody who is not root: base, layer, image; and one that is killed on
//! the way. Real bases take minutes. `cargo test --test appliance ordinary:: -- --ignored`

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::project::Project;

/// A profile without a master, with a package that the base lacks, so that there is a layer.
const PROFILE: &str = "base = \"debian-12\"\nsite = \"tiny\"\nchannel = \"stable\"\n\
     store = \"file:out/store\"\npackages = [\"tree\"]\n\
     [customer]\nname = \"Tiny\"\n[master]\nmode = \"apply\"\n[hardware]\ndisk = \"4 GiB\"\n";

/// The builder's user number when the tests run as root: used by nobody on any machine, and by no
/// file on this one.
const USER: u32 = 54_321;
/// Where this user's subordinate ids begin.
const SUBORDINATE: u32 = 1_000_000_000;

/// Runs the program as an ordinary user: as ourselves, or as a user that exists only in this
/// command's mount namespace, with /etc/passwd and the ranges of ids as `useradd` would write them.
fn command(project: &Project, folder: &Path, arguments: &[&str]) -> Command {
    let program = project.command(arguments);
    let mut command = Command::new("sh");
    if rustix::process::geteuid().is_root() {
        let script = format!(
            "set -e; umask 022\n\
             put() {{ {{ cat /etc/$1; echo \"$2\"; }} >\"$3/$1\"; mount --bind \"$3/$1\" /etc/$1; }}\n\
             put passwd vendor:x:{USER}:{USER}::/nonexistent:/bin/sh \"$1\"\n\
             put group vendor:x:{USER}: \"$1\"\n\
             put subuid vendor:{SUBORDINATE}:65536 \"$1\"\n\
             put subgid vendor:{SUBORDINATE}:65536 \"$1\"\n\
             shift; exec setpriv --reuid {USER} --regid {USER} --clear-groups \"$@\""
        );
        command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(folder);
    } else {
        command.args(["-c", "exec \"$@\"", "sh"]);
    }
    command.arg(program.get_program()).args(program.get_args()).current_dir(project.root());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("SLIPWAY_CACHE", project.root().join("cache")).env("HOME", project.root());
    command.env("TMPDIR", project.root().join("tmp"));
    command
}

/// That user's own project, in which nothing is cached.
fn project() -> Project {
    let project = Project::new();
    project.publish("tiny");
    project.profile("tiny", PROFILE);
    for folder in ["cache", "tmp"] {
        std::fs::create_dir(project.root().join(folder)).unwrap();
    }
    // the user namespace's ids must be able to reach the temporary folder
    for path in
        project.root().ancestors().take_while(|path| path.metadata().unwrap().uid() == uid())
    {
        let mode = path.metadata().unwrap().permissions().mode();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode | 0o011)).unwrap();
    }
    if rustix::process::geteuid().is_root() {
        let owner = format!("{USER}:{USER}");
        let owned = Command::new("chown").args(["-R", &owner]).arg(project.root()).status();
        assert!(owned.unwrap().success());
    }
    project
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What a build could leave behind on the machine.
fn traces(project: &Project) -> (String, String, Vec<String>) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let loops = Command::new("losetup").arg("--list").output().unwrap();
    let left = Command::new("find").arg(project.root().join("tmp")).output().unwrap();
    let left = String::from_utf8(left.stdout)
        .unwrap()
        .lines()
        .skip(1)
        .take(20)
        .map(str::to_owned)
        .collect();
    (mounts, String::from_utf8(loops.stdout).unwrap(), left)
}

fn artifacts(project: &Project) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(project.root().join("out/tiny")) else { return Vec::new() };
    let names = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// Waits until the build works inside its root, which shows by its folder, and then for `more`.
fn let_it_work(project: &Project, child: &mut Child, more: Duration) {
    let begun = Instant::now();
    while std::fs::read_dir(project.root().join("tmp")).unwrap().count() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the build ended early");
        assert!(begun.elapsed() < Duration::from_secs(120), "the build does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(more);
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn an_ordinary_user_builds_an_image_and_a_killed_build_leaves_nothing_behind() {
    let (project, folder) = (project(), tempfile::tempdir().unwrap());
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let before = traces(&project);
    for seconds in [0, 2, 4, 8, 12, 16, 20] {
        let mut child = command(&project, folder.path(), &["build", "tiny"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let_it_work(&project, &mut child, Duration::from_secs(seconds));
        child.kill().unwrap();
        child.wait().unwrap();
        let begun = Instant::now();
        while traces(&project) != before {
            let late = begun.elapsed() > Duration::from_secs(60);
            assert!(!late, "left after {seconds} s: {:#?}", traces(&project));
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(artifacts(&project), [""; 0]);
    }
    let output = command(&project, folder.path(), &["build", "tiny"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}");
    let made = artifacts(&project);
    let [instructions, sums, rest @ ..] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!([instructions, sums], ["IMPORT.md", "SHA256SUMS"]);
    let endings = rest.iter().map(|name| name.rsplit('.').next().unwrap());
    assert_eq!(endings.collect::<Vec<_>>(), ["json", "json", "qcow2"], "{made:?}");
    assert_eq!(traces(&project), before);
    let work = project.root().join("cache/base/tmp");
    assert_eq!(std::fs::read_dir(work).unwrap().count(), 0, "killed builds' work is still there");
}
