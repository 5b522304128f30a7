//! Two machines with their Puppet Servers, of the image of a stranger's first project: the ones of CI have one
//! together. `scripts/test long` starts them.

use std::sync::OnceLock;

use super::settings::Left;
use crate::common::disk::GuestDisk;
use crate::common::project::{Project, Smoke};

/// The image, built once with `slipway init --example` and the commands of its README.
fn demo() -> &'static Project {
    static DEMO: OnceLock<Project> = OnceLock::new();
    DEMO.get_or_init(|| {
        let project = Project::begun("file:out/store", &[]);
        project.build("demo");
        project
    })
}

fn left(arguments: &[&str]) -> Left {
    let kept = demo().root().join(format!("{}.qcow2", arguments.len()));
    let keep = ["--keep-disk", kept.to_str().unwrap(), "--vcpus", "1"];
    let smoke = demo().smoke("demo", &[arguments, &keep].concat());
    smoke.assert_code(0);
    let disk = GuestDisk::open(&kept);
    std::fs::remove_file(&kept).unwrap();
    Left { smoke, disk }
}

/// By BIOS, and a second start.
fn by_bios() -> &'static Left {
    static BOOT: OnceLock<Left> = OnceLock::new();
    BOOT.get_or_init(|| left(&["--reboot"]))
}

/// By UEFI; the power is cut in the middle of the first converge.
fn cut_off() -> &'static Left {
    static BOOT: OnceLock<Left> = OnceLock::new();
    BOOT.get_or_init(|| left(&["--firmware", "uefi", "--cut-at", "CONVERGING"]))
}

fn assert_converged_by_the_server(smoke: &Smoke, boot: usize) {
    let states = smoke.states(boot);
    assert!(states.contains(&"PUPPETSERVER") && states.ends_with(&["READY"]), "{states:?}");
    println!("boot {}: READY after {:.0} s", boot + 1, smoke.seconds_to_ready(boot));
    super::assert_kept(smoke, boot);
}

#[test]
#[ignore = "takes most of an hour: scripts/test long runs it"]
fn the_example_of_a_new_project_converges_by_its_own_puppet_server_and_again_after_a_reboot() {
    for boot in [0, 1] {
        assert_converged_by_the_server(&by_bios().smoke, boot);
    }
    by_bios().disk.assert_clean();
}

#[test]
#[ignore = "takes most of an hour: scripts/test long runs it"]
fn a_machine_with_a_puppet_server_whose_power_was_cut_during_converge_goes_on() {
    let Left { smoke, disk } = cut_off();
    assert!(smoke.states(0).ends_with(&["CONVERGING"]), "{:?}", smoke.states(0));
    assert_eq!(smoke.report["boots"][0]["end"], "power-cut");
    assert_converged_by_the_server(smoke, 1);
    disk.assert_clean();
}

#[test]
#[ignore = "takes most of an hour: scripts/test long runs it"]
fn two_masters_of_one_image_share_no_secret() {
    let (first, second) = (&by_bios().disk, &cut_off().disk);
    for path in [
        "/etc/machine-id",
        "/etc/puppet/puppetserver/ca/ca_key.pem",
        "/var/lib/slipway/secrets/admin-password",
    ] {
        let (one, other) = (first.read(path), second.read(path));
        assert!(one.len() >= 16 && other.len() >= 16, "{path} is empty");
        assert_ne!(one, other, "{path}");
    }
}
