//! Access from outside: the firewall in its own namespaces, first passwords, limits of logs.

use std::process::Command;

use slipway::layer::firstboot::{self, Health};
use slipway::profile::Probe;

use crate::firstboot::judges::{judge, text};
use crate::firstboot::machine::{Machine, base, boot, facts, lay_out};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGjQnIBnGvr3mWW1S1nT3n1b2hEWJ0C0zjUQz0Yq3q4k someone\n";

#[test]
fn the_kernel_lets_in_ssh_and_status_and_after_ready_what_is_declared_to_containers_as_well() {
    let machine = Machine::new(&facts());
    machine.write("etc/slipway/ports", "tcp 80\ntcp 8080\n");
    machine.write("etc/slipway/ports.d/tcp-443", "tcp 443\n");
    machine.write("etc/slipway/ports.d/udp-514", "udp 514\n");
    machine.write("etc/slipway/ports.d/hostile", "tcp 22; drop }\ntcp -1\ntcp 1-2-3\nsctp 7\n");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/appliance/firstboot/firewall.sh");
    let output = Command::new("setsid")
        .args(["--wait", "unshare", "--map-root-user", "--net", "sh", script])
        .env("SLIPWAY_ROOT", machine.root())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let more = String::from_utf8_lossy(&output.stderr);
    let ways_out = "out:tcp out:udp out:tcp out:udp lo";
    let expected = format!(
        "closed: tcp:22 tcp:8008 {ways_out} \n\
         open: tcp:22 tcp:8008 tcp:80 tcp:443 tcp:8080 udp:514 routed {ways_out} \n\
         guesses are slowed down\n"
    );
    assert_eq!(said, expected, "{more}");
}

#[test]
fn a_site_with_a_firewall_of_its_own_finds_no_other() {
    let machine = Machine::new(&facts());
    machine.write("etc/slipway/ports.d/tcp-all", "all\n");
    boot(&machine);
    assert!(!machine.read("fake/kernel/rules").contains("chain"));
    machine.power_on();
    machine.run("firewall closed");
    assert!(machine.read("fake/kernel/rules").contains("policy drop"));
}

#[test]
fn what_the_profile_asks_from_outside_and_the_health_checks_ports_are_open() {
    let mut facts = facts();
    let http = |port| serde_json::from_value(serde_json::json!({ "http": "/", "port": port }));
    facts.probes = vec![Probe::Unit { unit: "x.service".into() }, http(8080).unwrap()];
    facts.health = [8080, 3000]
        .map(|port| Health { port, path: "/".into(), status: 200, text: None })
        .to_vec();
    let mut tree = base();
    firstboot::add(&mut tree, &facts).unwrap();
    assert_eq!(text(&tree, "etc/slipway/ports"), "tcp 8080\ntcp 3000\n");
    assert_eq!(text(&tree, "etc/slipway/address"), "8080\n");
}

#[test]
fn a_machine_with_keys_has_no_first_password() {
    let machine = Machine::new(&facts());
    machine.write("etc/shadow", "admin:!::0:99999:7:::\n");
    machine.write("home/admin/.ssh/authorized_keys", KEY);
    boot(&machine);
    assert!(!machine.has("fake/password"), "one was set");
    assert!(!machine.has("var/lib/slipway/secrets/admin-password"));
    assert!(!machine.watch("banner").contains("First password"));
}

#[test]
fn a_first_password_goes_when_keys_come_and_one_that_was_changed_stays() {
    for (shadow, gone) in
        [("admin:$y$x:0:0:99999:7:::\n", true), ("admin:$y$x:20781:0:99999:7:::\n", false)]
    {
        let machine = Machine::new(&facts());
        machine.write("etc/shadow", "admin:!::0:99999:7:::\n");
        boot(&machine);
        assert!(machine.has("var/lib/slipway/secrets/admin-password"));
        machine.write("etc/shadow", shadow);
        machine.write("home/admin/.ssh/authorized_keys", KEY);
        assert!(!machine.watch("banner").contains("First password"));
        machine.power_on();
        boot(&machine);
        assert!(!machine.has("var/lib/slipway/secrets/admin-password"));
        assert_eq!(machine.read("fake/calls").contains("usermod --password ! admin"), gone);
    }
}

#[test]
fn a_machine_whose_keys_went_has_a_first_password_again() {
    let machine = Machine::new(&facts());
    machine.write("etc/shadow", "admin:!::0:99999:7:::\n");
    machine.write("home/admin/.ssh/authorized_keys", KEY);
    boot(&machine);
    machine.write("home/admin/.ssh/authorized_keys", "");
    machine.power_on();
    boot(&machine);
    let password = machine.read("var/lib/slipway/secrets/admin-password");
    assert_eq!(machine.read("fake/password"), format!("admin:{password}"));
}

/// logrotate itself, with the base's file as we edit it and the demo site's own rule, on full logs.
#[test]
fn every_log_that_grows_has_a_limit() {
    let mut tree = base();
    firstboot::add(&mut tree, &facts()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    lay_out(&tree, folder.path());
    let (logs, rules) = (folder.path().join("logs"), folder.path().join("rules"));
    for place in [&logs, &rules] {
        std::fs::create_dir(place).unwrap();
    }
    let full = |name: &str| {
        let file = std::fs::File::create(logs.join(name)).unwrap();
        file.set_len(51 << 20).unwrap();
    };
    full("monthly.log");
    full("guestbook.log");
    let here = logs.display().to_string();
    let monthly = format!("{here}/monthly.log {{\n monthly\n rotate 1\n}}\n");
    std::fs::write(rules.join("monthly"), monthly).unwrap();
    let demo = include_str!("../../../examples/demo-vendor/modules/profile/files/logrotate");
    let demo = demo.replace("/var/log/guestbook", &here).replace("*.log", "guestbook.log");
    std::fs::write(rules.join("demo"), demo).unwrap();
    let conf = folder.path().join("etc/logrotate.conf");
    let own = std::fs::read_to_string(&conf).unwrap();
    let own = own.replace("/etc/logrotate.d", rules.to_str().unwrap());
    std::fs::write(&conf, own).unwrap();
    for file in [conf.clone(), rules.join("monthly"), rules.join("demo")] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(file, mode).unwrap();
    }
    let state = folder.path().join("state");
    judge("logrotate", &["-s", state.to_str().unwrap(), conf.to_str().unwrap()], folder.path());
    for name in ["monthly.log", "guestbook.log"] {
        let size = std::fs::metadata(logs.join(name)).map_or(0, |m| m.len());
        assert_eq!(size, 0, "{name} was not rotated");
        assert!(logs.join(format!("{name}.1")).exists(), "{name} was lost");
    }
    assert!(text(&tree, "etc/systemd/journald.conf.d/10-slipway.conf").contains("SystemMaxUse="));
}
