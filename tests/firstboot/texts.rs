//! What is laid in, read by the programs that will read it, with values that try to break out.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use slipway::layer::customer::{self, Inputs};
use slipway::layer::firstboot::{self, Health};
use slipway::profile::{Probe, Profile};
use slipway::tree::{Entry, Node, Tree};
use slipway::units::Timestamp;

use crate::machine::{base, facts, lay_out};

/// What people type, and what attackers do. One line each: what takes several lines has tests of its own.
const HOSTILE: &[&str] = &[
    "$(touch /tmp/owned)",
    "`id`",
    "'; reboot; '",
    "\"; reboot; \"",
    "100% %n %s %H",
    "a\\",
    "${IFS}",
    "ünïcödé 😀",
    "#",
    "&& x | y > z",
    "{{ x }}",
    "{% raw %}",
    "- x: y",
    "!!python/object",
    "%{facts.secret}",
    "../../etc/shadow",
    "a'b\"c\\d$e`f",
    " lead and trail ",
];

fn profile(change: impl FnOnce(&mut Value)) -> Profile {
    let mut value = json!({
        "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo", "store": "file:///s",
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

fn laid(profile: &Profile) -> slipway::error::Result<Tree> {
    let mut tree = base();
    customer::add(&mut tree, profile, &Inputs::default())?;
    Ok(tree)
}

fn text(tree: &Tree, path: &str) -> String {
    let bytes = tree.file(path).unwrap_or_else(|| panic!("{path}")).read().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn judge(program: &str, arguments: &[&str], place: &Path) -> Output {
    let output = Command::new(program).args(arguments).current_dir(place).output();
    let output = output.unwrap_or_else(|e| panic!("the judge {program} does not run: {e}"));
    let shown = String::from_utf8_lossy(&output.stdout);
    let also = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}\n{shown}{also}");
    output
}

#[test]
fn shellcheck_sh_perl_and_ruby_accept_every_script() {
    let mut tree = base();
    firstboot::add(&mut tree, &facts()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    lay_out(&tree, folder.path());
    let scripts = folder.path().join("usr/lib/slipway");
    let mut seen = 0;
    for (path, entry) in &tree {
        let Node::File(content) = &entry.node else { continue };
        let bytes = content.read().unwrap();
        let file = folder.path().join(&path.to_string()[1..]);
        let file = file.to_str().unwrap();
        match bytes.split(|&b| b == b'\n').next().unwrap() {
            b"#!/bin/sh"
            | b"# shellcheck shell=sh disable=SC2034"
            | b"# shellcheck shell=sh disable=SC2154" => {
                judge("sh", &["-n", file], &scripts);
                judge("shellcheck", &["-x", file], &scripts);
            }
            b"#!/usr/bin/perl" => drop(judge("perl", &["-c", file], &scripts)),
            b"#!/usr/bin/env ruby" => drop(judge("ruby", &["-c", file], &scripts)),
            _ => continue,
        }
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn systemd_accepts_every_unit() {
    let mut tree = base();
    firstboot::add(&mut tree, &facts()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    lay_out(&tree, folder.path());
    let units = folder.path().join("usr/lib/systemd/system");
    // what ours stand on: the targets and slices of the systemd that judges
    judge(
        "sh",
        &["-c", "cp /usr/lib/systemd/system/*.target /usr/lib/systemd/system/*.slice ."],
        &units,
    );
    let root = format!("--root={}", folder.path().display());
    let ours = [
        "slipway-grow.service",
        "slipway-identity.service",
        "slipway-closed.service",
        "slipway-converge.service",
        "slipway-converge.timer",
        "slipway-banner.service",
        "slipway-status.socket",
        "slipway-status@x.service",
    ];
    let mut arguments = vec!["verify", "--man=no", &root];
    arguments.extend(ours);
    let output = judge("systemd-analyze", &arguments, &units);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_enabled_unit_exists() {
    let mut tree = base();
    firstboot::add(&mut tree, &facts()).unwrap();
    for (path, entry) in &tree {
        let Node::Symlink(target) = &entry.node else { continue };
        let target = std::str::from_utf8(target).unwrap();
        if target.contains("/slipway-") {
            assert!(tree.get(&target[1..]).is_some(), "{path} -> {target}");
        }
    }
}

#[test]
fn hostile_facts_mean_themselves_to_the_shell() {
    for &value in HOSTILE {
        let mut facts = facts();
        facts.product = value.into();
        facts.release = value.into();
        facts.site = value.into();
        facts.banner = Some(format!("{value}\nsecond line"));
        let mut tree = base();
        firstboot::add(&mut tree, &facts).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("conf"), text(&tree, "etc/slipway/slipway.conf"))
            .unwrap();
        let script = r#". ./conf; printf '%s\0' "$SLIPWAY_PRODUCT" "$SLIPWAY_RELEASE" "$SLIPWAY_SITE" "$SLIPWAY_BANNER""#;
        let output = judge("sh", &["-eu", "-c", script], folder.path());
        let read: Vec<&[u8]> = output.stdout.split(|&b| b == 0).collect();
        assert_eq!(read[0], value.as_bytes());
        assert_eq!(read[1], value.as_bytes());
        assert_eq!(read[2], value.as_bytes());
        assert_eq!(read[3], facts.banner.unwrap().as_bytes());
    }
}

#[test]
fn facts_of_several_lines_or_with_escapes_for_the_terminal_are_refused() {
    for bad in ["a\nb", "a\rb", "a\0b", "a\u{1b}[2Jb"] {
        let mut facts = facts();
        facts.product = bad.into();
        assert!(firstboot::add(&mut base(), &facts).is_err(), "{bad:?}");
        let mut facts = self::facts();
        facts.probes = vec![Probe::Unit { unit: bad.into() }];
        assert!(firstboot::add(&mut base(), &facts).is_err(), "{bad:?}");
        let mut facts = self::facts();
        facts.health = vec![Health { port: 80, path: format!("/{bad}"), status: 200, text: None }];
        assert!(firstboot::add(&mut base(), &facts).is_err(), "{bad:?}");
    }
}

#[test]
fn a_base_without_a_program_is_refused_by_the_packages_name() {
    let mut tree = base();
    tree.remove("usr/sbin/nft");
    tree.remove("usr/bin/perl");
    let error = firstboot::add(&mut tree, &facts()).unwrap_err().to_string();
    assert!(error.contains("nftables, perl-base"), "{error}");
}

#[test]
fn hostile_hiera_data_reads_back_as_it_was() {
    let mut data = BTreeMap::new();
    for (index, value) in HOSTILE.iter().enumerate() {
        data.insert(
            format!("{value}{index}"),
            json!([value, { *value: format!("a\nb\t{value}\u{2028}\u{7f}") }]),
        );
    }
    data.insert("numbers".into(), json!([1, -2.5, 1e-7, 1e300, true, null]));
    let tree = laid(&profile(|p| p["hiera"] = json!(data))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("customer.yaml"),
        text(&tree, "etc/slipway/hiera/customer.yaml"),
    )
    .unwrap();
    // Psych is the parser that Hiera uses
    let script = "require 'yaml'; require 'json'; puts JSON.generate(YAML.safe_load(File.read('customer.yaml')))";
    let output = judge("ruby", &["-e", script], folder.path());
    let read = String::from_utf8(output.stdout).unwrap().replace("%{literal('%')}{", "%{");
    assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), json!(data));
}

#[test]
fn hostile_names_addresses_and_keys_are_refused_everywhere() {
    for &bad in HOSTILE.iter().chain(&["a\nb", "", "a b", "x\0"]) {
        let places: [fn(&mut Value, &str); 9] = [
            |p, v| p["system"] = json!({ "hostname": v }),
            |p, v| p["system"] = json!({ "timezone": v }),
            |p, v| p["network"] = json!({ "address": v }),
            |p, v| p["network"] = json!({ "address": "192.0.2.1/24", "gateway": v }),
            |p, v| p["network"] = json!({ "dns": [v] }),
            |p, v| p["network"] = json!({ "ntp": [v] }),
            |p, v| p["network"] = json!({ "proxy": format!("http://{v} ") }),
            |p, v| p["access"] = json!({ "ssh_keys": [v] }),
            |p, v| p["files"] = json!([{ "path": v, "content": "x" }]),
        ];
        for (index, place) in places.iter().enumerate() {
            let profile = profile(|p| place(p, bad));
            assert!(laid(&profile).is_err(), "place {index}: {bad:?}");
        }
    }
}

#[test]
fn an_extra_file_does_not_land_on_slipways_own_places() {
    for bad in [
        "/etc/slipway/x",
        "/usr/lib/slipway/converge",
        "/proc/x",
        "/etc",
        "/",
        "/etc/x/",
        "etc/x",
        "/a/../etc/slipway/x",
        "//etc//slipway/y",
    ] {
        let profile = profile(|p| p["files"] = json!([{ "path": bad, "content": "x" }]));
        assert!(laid(&profile).is_err(), "{bad}");
    }
    let tree = laid(&profile(|p| {
        p["files"] = json!([{ "path": "/opt/ä b", "content": "x", "mode": "0600" }])
    }))
    .unwrap();
    assert_eq!(tree.get("opt/ä b").unwrap().meta.mode, 0o600);
}

#[test]
fn the_network_is_as_the_profile_has_it() {
    let dhcp = text(&laid(&profile(|_| ())).unwrap(), "etc/systemd/network/50-slipway.network");
    assert!(dhcp.contains("DHCP=yes\n") && dhcp.contains("UseDNS=yes\n"), "{dhcp}");
    let fixed = laid(&profile(|p| {
        p["network"] = json!({
            "address": "192.0.2.10/24", "gateway": "192.0.2.1", "dns": ["192.0.2.2", "2001:db8::1"], "ntp": ["ntp.example"],
            "proxy": "http://proxy.example:3128",
        });
    }))
    .unwrap();
    let network = text(&fixed, "etc/systemd/network/50-slipway.network");
    for line in ["Address=192.0.2.10/24", "Gateway=192.0.2.1", "DNS=192.0.2.2", "DNS=2001:db8::1"] {
        assert!(network.lines().any(|l| l == line), "{line} in\n{network}");
    }
    assert!(!network.contains("DHCP=yes"));
    assert!(
        text(&fixed, "etc/systemd/timesyncd.conf.d/10-slipway.conf")
            .contains("\nNTP=ntp.example\n")
    );
    assert!(
        text(&fixed, "etc/apt/apt.conf.d/90slipway-proxy")
            .contains("\"http://proxy.example:3128\";")
    );
}

#[test]
fn admin_may_log_in_by_key_and_root_may_not() {
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGjQnIBnGvr3mWW1S1nT3n1b2hEWJ0C0zjUQz0Yq3q4k someone";
    let tree = laid(&profile(|p| p["access"] = json!({ "ssh_keys": [KEY] }))).unwrap();
    assert_eq!(text(&tree, "home/admin/.ssh/authorized_keys"), format!("{KEY}\n"));
    let Entry { meta, .. } = tree.get("home/admin/.ssh/authorized_keys").unwrap();
    assert_eq!((meta.uid, meta.gid, meta.mode), (1000, 1000, 0o600));
    let sshd = text(&tree, "etc/ssh/sshd_config.d/10-slipway.conf");
    assert!(sshd.contains("PermitRootLogin no\n") && sshd.contains("PasswordAuthentication no\n"));
    assert!(text(&tree, "etc/shadow").contains("root:*:1:"));
    assert!(text(&tree, "etc/group").contains("sudo:x:27:admin\n"));
    let pam = text(&tree, "etc/pam.d/sshd");
    assert!(pam.find("no_pass_expiry").unwrap() < pam.find("@include common-account").unwrap());
    assert_eq!(tree.get("etc/shadow").unwrap().meta.mode, 0o640, "as the base had it");
}

#[test]
fn a_key_with_options_in_front_is_refused() {
    let key = "command=\"reboot\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGjQ x";
    assert!(laid(&profile(|p| p["access"] = json!({ "ssh_keys": [key] }))).is_err());
}

#[test]
fn the_image_holds_no_identity() {
    let mut tree = base();
    for secret in [
        "/etc/ssh/ssh_host_rsa_key",
        "/etc/ssh/ssh_host_rsa_key.pub",
        "/var/lib/systemd/random-seed",
    ] {
        tree.put_file(secret, 0o600, Timestamp::default(), "x").unwrap();
    }
    firstboot::add(&mut tree, &facts()).unwrap();
    assert_eq!(text(&tree, "etc/machine-id"), "uninitialized\n");
    let left = tree.iter().filter(|(p, _)| {
        p.to_string().contains("ssh_host_") || p.to_string().contains("random-seed")
    });
    assert_eq!(left.count(), 0);
}
