//! The files that the first boot adds, read by the programs that will read them, with values that
//! try to break out.

use slipway::layer::firstboot::{self, Health};
use slipway::profile::Probe;
use slipway::tree::Node;
use slipway::units::Timestamp;

use crate::firstboot::judges::{HOSTILE, judge, text};
use crate::firstboot::machine::{base, facts, lay_out};

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
            _ if file.ends_with(".rb") => {
                let output = judge("ruby", &["-wc", file], &scripts);
                assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            b"#!/bin/sh"
            | b"# shellcheck shell=sh disable=SC2034"
            | b"# shellcheck shell=sh disable=SC2154"
            | b"# shellcheck shell=sh disable=SC2034,SC2154" => {
                judge("sh", &["-n", file], &scripts);
                judge("shellcheck", &["-x", file], &scripts);
            }
            b"#!/usr/bin/perl" => drop(judge("perl", &["-c", file], &scripts)),
            b"#!/usr/bin/env ruby" => drop(judge("ruby", &["-c", file], &scripts)),
            _ => continue,
        }
        seen += 1;
    }
    assert!(seen >= 26, "{seen}");
}

#[test]
fn systemd_accepts_every_unit() {
    let mut tree = base();
    firstboot::add(&mut tree, &facts()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    lay_out(&tree, folder.path());
    let units = folder.path().join("usr/lib/systemd/system");
    // the units that ours depend on: the targets and slices of the judging systemd
    judge(
        "sh",
        &["-c", "cp /usr/lib/systemd/system/*.target /usr/lib/systemd/system/*.slice ."],
        &units,
    );
    let root = format!("--root={}", folder.path().display());
    let ours = [
        "slipway-grow.service",
        "slipway-identity.service",
        "slipway-firewall.service",
        "slipway-inputs.service",
        "slipway-azure.service",
        "slipway-converge.service",
        "slipway-converge.timer",
        "slipway-banner.service",
        "slipway-status.socket",
        "slipway-status.service",
        "slipway-health.service",
        "slipway-retry.service",
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
