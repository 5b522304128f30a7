//! Real appliances, from a profile to READY and back: each takes minutes, so they are ignored
//! unless requested.
//!
//! All assertions that a boot allows share it: a test names one scenario, and asserts everything
//! that it shows. `cargo test --test appliance boots:: -- --ignored`

mod fleet;
mod long;
mod settings;

use std::sync::OnceLock;

use crate::common::disk::GuestDisk;
use crate::common::project::{Project, Smoke};
use slipway::units::GIB;

/// A profile of a masterless machine; `more` is further TOML.
fn masterless(base: &str, site: &str, more: &str) -> String {
    format!(
        "base = \"{base}\"\nsite = \"{site}\"\nchannel = \"stable\"\nstore = \"file:out/store\"\n\
         [customer]\nname = \"Masterless\"\n[master]\nmode = \"apply\"\n{more}"
    )
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_machine_whose_power_was_cut_during_converge_goes_on_and_converges() {
    let smoke = &settings::twin().smoke;
    assert!(smoke.states(0).ends_with(&["CONVERGING"]), "{:?}", smoke.states(0));
    assert_eq!(smoke.report["boots"][0]["end"], "power-cut");
    assert!(smoke.states(1).ends_with(&["READY"]), "{:?}", smoke.states(1));
    settings::twin().disk.assert_clean();
}

/// The profiles' probes store a value in the application and ask for it again.
fn assert_kept(smoke: &Smoke, boot: usize) {
    let probes = smoke.report["boots"][boot]["probes"].as_array().unwrap();
    let found = |probe: &&serde_json::Value| {
        probe["probe"].as_str().unwrap().starts_with("GET /api/entries")
    };
    assert_eq!(probes.iter().find(found).unwrap()["ok"], true);
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn the_root_grows_to_a_disk_of_100_gib_and_stays_clean() {
    let disk = &settings::twin().disk;
    assert_eq!(disk.size(), 100 * GIB);
    let root = disk.root_size();
    assert!(root > 99 * GIB, "root has {root} bytes");
    disk.assert_clean();
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn two_machines_of_one_image_share_no_secret() {
    let (first, second) = (&settings::seeded().1, &settings::twin().disk);
    for path in [
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ecdsa_key",
        "/var/lib/slipway/instance-id",
        "/var/lib/slipway/secrets/site",
    ] {
        let (one, other) = (first.read(path), second.read(path));
        assert!(one.len() >= 16 && other.len() >= 16, "{path} is empty");
        assert_ne!(one, other, "{path}");
    }
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_masterless_machine_converges_under_uefi_and_keeps_what_it_stored_over_a_reboot() {
    let smoke = &settings::seeded().0.smoke;
    for boot in [0, 1] {
        let states = smoke.states(boot);
        assert!(states.ends_with(&["READY"]) && !states.contains(&"PUPPETSERVER"), "{states:?}");
        println!("boot {}: READY after {:.0} s", boot + 1, smoke.seconds_to_ready(boot));
        assert_kept(smoke, boot);
    }
    assert!(!smoke.report["boots"][1].to_string().contains("POST"), "it sent the value again");
    assert_eq!(smoke.report["boots"][0]["end"], "power-button");
    let identity = |boot: usize| &smoke.report["boots"][boot]["identity"];
    assert_eq!(identity(0), identity(1));
    assert!(identity(0)["ssh_fingerprint"].as_str().unwrap().starts_with("SHA256:"));
}

/// A site that cannot converge, on a disk that lacks its newest kernel: started by GRUB's fallback.
fn broken() -> &'static Smoke {
    static BOOT: OnceLock<Smoke> = OnceLock::new();
    BOOT.get_or_init(|| {
        let project = Project::new();
        project.publish("broken");
        project.profile("broken", &masterless("debian-12", "broken", ""));
        let disk = GuestDisk::open(&project.build("broken"));
        disk.remove("/vmlinuz");
        project.smoke(disk.raw().to_str().unwrap(), &[])
    })
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_broken_site_ends_failed_and_names_the_resource() {
    let smoke = broken();
    smoke.assert_code(11);
    let failed = smoke.report["verdict"]["line"]["failed"].to_string();
    assert!(failed.contains("Exec[break on purpose]"), "{failed}");
    assert!(smoke.shown.contains("failed: Exec[break on purpose]"), "{}", smoke.shown);
    assert!(!smoke.states(0).contains(&"READY"));
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_machine_whose_kernel_is_gone_starts_with_the_one_before() {
    let smoke = broken();
    smoke.assert_code(11);
    assert!(smoke.serial.contains("error: file `/vmlinuz' not found."), "GRUB missed no kernel");
    assert!(smoke.serial.contains("BOOT_IMAGE=/vmlinuz.old "), "another kernel was started");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn two_processors_read_the_time_from_their_own_counters() {
    let mut clocks = broken().serial.rsplit("clocksource: Switched to clocksource ");
    let last = clocks.next().and_then(|line| line.split_whitespace().next());
    assert!(matches!(last, Some("tsc" | "kvm-clock")), "{last:?}");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn a_debian_13_machine_that_was_ready_is_degraded_when_a_later_run_fails_and_goes_on_serving() {
    let smoke = &settings::with_disc().smoke;
    smoke.assert_code(11);
    assert!(smoke.states(0).ends_with(&["READY"]), "{:?}", smoke.states(0));
    assert!(smoke.states(1).ends_with(&["DEGRADED"]), "{:?}", smoke.states(1));
    let failed = smoke.report["verdict"]["line"]["failed"].to_string();
    assert!(failed.contains("Exec[expire on purpose]"), "{failed}");
    assert!(!smoke.states(1).contains(&"FAILED") && !smoke.states(0).contains(&"DEGRADED"));
    let probes = smoke.report["boots"][1]["probes"].as_array().unwrap();
    assert_eq!(probes.len(), 1, "it is asked nothing that needs READY: {probes:?}");
    assert_eq!((&probes[0]["probe"], &probes[0]["ok"]), (&"GET / on port 80".into(), &true.into()));
}
