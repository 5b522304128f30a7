//! Settings that try to break out, and documents that try to break in: the machine starts with what
//! it had.

use crate::firstboot::judges::HOSTILE;
use crate::firstboot::machine::Machine;
use crate::firstboot::settings::{
    KEY, OTHER_KEY, configuration, environment, guestinfo, image, insert, machine, machine_of,
    start,
};

/// What people and attackers write, including several lines and very long ones.
fn hostile() -> Vec<String> {
    let more = [
        "a\nGateway=192.0.2.9",
        "a\r\nb",
        "192.0.2.1/24\nDHCP=yes",
        "192.0.2.1/33",
        "192.0.2.0/24",
        "127.0.0.1/8",
        "0.0.0.0/0",
        "224.0.0.1/4",
        "1.2.3/24",
        "01.2.3.4/24",
        "::1%eth0/64",
        "localhost",
        "-a",
        "a-",
        "a..b",
        "http://a\"; x \"",
        "http://user:password@proxy.example:1",
        "http://proxy.example:99999",
        "ftp://proxy.example",
        "command=\"reboot\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ me",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZ",
        "ssh-dss AAAAB3NzaC1kc3M=",
    ];
    let long = ["a".repeat(64), "a.".repeat(200), format!("ssh-rsa AAAA{}", "A".repeat(90_000))];
    HOSTILE.iter().copied().chain(more).map(str::to_owned).chain(long).collect()
}

#[test]
fn a_hostile_value_of_any_field_changes_nothing_and_is_named_on_the_console() {
    let machine = machine();
    let before = configuration(&machine);
    for value in hostile() {
        let fields = ["hostname", "address", "gateway", "dns", "ntp", "proxy", "admin_keys"];
        // there may be several time servers, and they may have names
        let words =
            [" lead and trail ", "a\r\nb", "localhost", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZ"];
        let names = words.contains(&value.as_str());
        let fields: Vec<&str> = fields.into_iter().filter(|f| *f != "ntp" || !names).collect();
        let properties: Vec<(&str, &str)> = fields.iter().map(|f| (*f, value.as_str())).collect();
        guestinfo(&machine, environment(&properties).as_bytes());
        let console = start(&machine);
        for field in fields {
            let note = format!("settings: ovf-guestinfo: ignored: {field}: ");
            assert!(console.contains(&note), "{field} {value:?}: {console}");
        }
        assert!(console.is_ascii() && console.len() < 2000, "{console}");
        assert_eq!(configuration(&machine), before, "{value:?}");
    }
}

#[test]
fn a_wrong_field_keeps_what_was_applied_and_the_others_are_taken() {
    let machine = machine();
    let good = [("address", "192.0.2.10/24"), ("gateway", "192.0.2.1"), ("hostname", "one")];
    insert(&machine, &[("ovf-env.xml", environment(&good).as_bytes())]);
    start(&machine);
    let typo = [("address", "192.0.2.10/24"), ("gateway", "192.0.3.1"), ("hostname", "two")];
    insert(&machine, &[("ovf-env.xml", environment(&typo).as_bytes())]);
    assert!(start(&machine).contains("is not in the network"));
    assert_eq!(machine.read("etc/hostname"), "two\n");
    let network = machine.read("run/systemd/network/40-slipway-first.network");
    assert!(network.contains("Address=192.0.2.10/24\nGateway=192.0.2.1\n"), "{network}");
    assert!(machine.watch("banner").contains("not used: ovf-iso: ignored: gateway: "));
}

#[test]
fn good_keys_beside_a_bad_one_are_taken_in_every_way_that_forms_separate_them() {
    for text in [
        format!("{KEY}\n{OTHER_KEY}"),
        format!("{KEY}, {OTHER_KEY}"),
        format!("{KEY} {OTHER_KEY}"),
        format!("{KEY}\nssh-ed25519 AAAAbroken x\n\n{OTHER_KEY}\n{KEY}"),
    ] {
        let machine = machine();
        insert(&machine, &[("ovf-env.xml", environment(&[("admin_keys", &text)]).as_bytes())]);
        assert_eq!(start(&machine).contains("SSH key 2"), text.contains("broken"), "{text}");
        let keys = machine.read("home/admin/.ssh/authorized_keys");
        assert_eq!(keys, format!("{KEY}\n{OTHER_KEY}\n"), "{text}");
    }
}

#[test]
fn a_key_with_options_never_loses_them() {
    let options =
        ["command=\"reboot\"", "restrict", "from=\"192.0.2.1\",no-pty", "no-pty,no-user-rc"];
    for (option, separator) in options.iter().flat_map(|o| [", ", " ", "\n"].map(|s| (o, s))) {
        let machine = machine();
        let text = format!("{KEY}{separator}{option} {OTHER_KEY}");
        guestinfo(&machine, environment(&[("admin_keys", &text)]).as_bytes());
        start(&machine);
        let keys = machine.read("home/admin/.ssh/authorized_keys");
        assert!(!keys.lines().any(|line| line.starts_with(OTHER_KEY)), "{text}: {keys}");
    }
}

#[test]
fn a_malformed_environment_is_ignored_with_a_line_on_the_console() {
    let machine = machine();
    let good = environment(&[("hostname", "x")]);
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;\">]>";
    let cases: Vec<Vec<u8>> = vec![
        good.as_bytes()[..good.len() / 2].to_vec(),
        good.replace("<Environment", &format!("{bomb}<Environment")).into_bytes(),
        good.replace("\"x\"", "\"&c;\"").into_bytes(),
        good.replace("\"x\"", "\"&#0;\"").into_bytes(),
        good.replace("\"x\"", "\"&#xD800;\"").into_bytes(),
        good.replace("\"x\"", "\"\0\"").into_bytes(),
        [good.as_bytes(), b"\xff\xfe"].concat(),
        good.replace("Environment", "Surroundings").into_bytes(),
        b"\0".to_vec(),
        "<a>".repeat(100_000).into_bytes(),
        format!("{good}{}", " ".repeat(1 << 20)).into_bytes(),
        "<!--".repeat(10_000).into_bytes(),
        b"$(reboot)".to_vec(),
    ];
    let before = configuration(&machine);
    for (index, case) in cases.iter().enumerate() {
        guestinfo(&machine, case);
        assert!(start(&machine).contains("ovf-guestinfo: ignored: "), "case {index}");
        assert_eq!(configuration(&machine), before, "case {index}");
    }
}

#[test]
fn a_malformed_seed_is_ignored_with_a_line_on_the_console() {
    let cases: &[(&str, &[u8])] = &[
        ("meta-data", b"a: [b"),
        ("meta-data", b"local-hostname: \xff\xfe"),
        ("meta-data", b"a: &a [x]\nb: *a\n"),
        ("meta-data", b"local-hostname: !ruby/object:Gem::Installer\n  i: x\n"),
        ("meta-data", &[b'['; 200_000]),
        ("user-data", b"#!/bin/sh\nreboot\n"),
        ("user-data", b"\x1f\x8b\x08gzip"),
        ("user-data", b"#cloud-config\nhostname: [a, b\n"),
        ("user-data", b"Content-Type: multipart/mixed; boundary=\"x\"\n"),
        ("network-config", b"version: 9\n"),
        ("network-config", b"- a\n"),
        ("network-config", b"version: 2\nethernets:\n  e: {addresses: [1.2.3.4]}\n"),
    ];
    let machine = machine();
    let before = configuration(&machine);
    std::fs::create_dir_all(machine.root().join("dev/disk/by-label")).unwrap();
    let seed = |file| image(&machine, "disk/by-label/cidata", "cidata", &[file]);
    for case in cases {
        seed(*case);
        let console = start(&machine);
        let shown = String::from_utf8_lossy(&case.1[..case.1.len().min(40)]);
        assert!(console.contains("ignored"), "{console:?} of {shown}");
        assert_eq!(configuration(&machine), before, "{shown}");
    }
    // odd shapes: nothing in them is read
    for odd in ["- a\n", "a: {b: [1, 2]}\n", "local-hostname: {a: b}\n", "public-keys: 7\n"] {
        seed(("meta-data", odd.as_bytes()));
        start(&machine);
        assert_eq!(configuration(&machine), before, "{odd}");
    }
}

#[test]
fn spoiled_documents_raise_nothing_and_nothing_passes_that_a_file_cannot_hold() {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/inputs.rb");
    let output = std::process::Command::new("ruby").args([program, "3000"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let read = String::from_utf8(output.stdout).unwrap();
    let values: u32 = read.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(values > 1000, "most rounds are refused at the door: {read}");
}

#[test]
fn a_link_on_a_disc_does_not_reach_into_the_machine() {
    let machine = machine();
    let folder = tempfile::tempdir().unwrap();
    let secret = machine.root().join("etc/shadow-environment");
    std::fs::write(&secret, environment(&[("hostname", "by-link")])).unwrap();
    std::os::unix::fs::symlink(&secret, folder.path().join("ovf-env.xml")).unwrap();
    let to = machine.root().join("dev/sr0");
    let arguments = ["-as", "mkisofs", "-quiet", "-r", "-o", to.to_str().unwrap(), "."];
    crate::firstboot::judges::judge("xorriso", &arguments, folder.path());
    machine.write("sys/class/block/sr0/size", "1\n");
    assert_eq!(start(&machine), "");
    assert_eq!(machine.read("etc/hostname"), "own\n");
}

/// The machine has been READY: from now on its own processes may belong to anybody.
fn in_use(machine: &Machine) {
    machine.write("var/lib/slipway/stamps/ready", "done\n");
}

#[test]
fn a_process_of_the_machine_cannot_bring_keys_or_a_network_through_guestinfo_once_it_is_in_use() {
    let first =
        environment(&[("admin_keys", KEY), ("address", "192.0.2.10/24"), ("gateway", "192.0.2.1")]);
    let machine = machine();
    guestinfo(&machine, first.as_bytes());
    assert_eq!(start(&machine), "");
    in_use(&machine);
    assert_eq!(start(&machine), "", "what was agreed to before is not asked again");
    let before = configuration(&machine);
    let network = machine.read("run/systemd/network/40-slipway-first.network");
    assert!(network.contains("Address=192.0.2.10/24\n"), "{network}");
    for evil in [
        environment(&[
            ("admin_keys", OTHER_KEY),
            ("address", "192.0.2.10/24"),
            ("gateway", "192.0.2.1"),
        ]),
        environment(&[
            ("admin_keys", KEY),
            ("address", "192.0.2.10/24"),
            ("gateway", "192.0.2.66"),
        ]),
        environment(&[("admin_keys", KEY), ("proxy", "http://evil.example:1")]),
        // returning to the profile's keys and address is a change as well
        environment(&[("admin_keys", "")]),
    ] {
        guestinfo(&machine, evil.as_bytes());
        let said = start(&machine);
        assert!(said.contains("ovf-guestinfo: it changed while the machine was in use"), "{said}");
        assert_eq!(configuration(&machine), before, "{evil}");
        assert_eq!(machine.read("run/systemd/network/40-slipway-first.network"), network);
    }
    // a machine that never had settings in guestinfo, and a nonsensical document
    let other = crate::firstboot::settings::machine();
    in_use(&other);
    let before = configuration(&other);
    for evil in [environment(&[("admin_keys", OTHER_KEY)]), "<a>".to_owned()] {
        guestinfo(&other, evil.as_bytes());
        assert!(!start(&other).is_empty());
        assert_eq!(configuration(&other), before);
    }
}

#[test]
fn a_disc_is_believed_at_every_start_and_guestinfo_does_not_hide_it() {
    let machine = machine();
    in_use(&machine);
    guestinfo(&machine, environment(&[("hostname", "evil")]).as_bytes());
    insert(&machine, &[("ovf-env.xml", environment(&[("admin_keys", OTHER_KEY)]).as_bytes())]);
    assert!(start(&machine).contains("ovf-guestinfo: it changed"));
    assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{OTHER_KEY}\n"));
    assert_eq!(machine.read("etc/hostname"), "own\n");
    // settings that the hypervisor gives in both ways need nobody's consent
    guestinfo(&machine, environment(&[("admin_keys", OTHER_KEY)]).as_bytes());
    assert_eq!(start(&machine), "");
}

#[test]
fn an_administrator_on_the_machine_accepts_what_waits_and_sees_it_before() {
    let machine = machine();
    in_use(&machine);
    guestinfo(&machine, environment(&[("admin_keys", OTHER_KEY), ("hostname", "new")]).as_bytes());
    start(&machine);
    let held = machine.root().join("run/slipway/inputs-held.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&held.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (code, shown, _) = machine.run_with("../../bin/slipway-settings", &[]);
    assert!(code == 0 && shown.contains(OTHER_KEY) && shown.contains("hostname: new"), "{shown}");
    assert_eq!(machine.read("etc/hostname"), "own\n");
    let (code, _, errors) = machine.run_with("../../bin/slipway-settings", &["accept"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(machine.read("etc/hostname"), "new\n");
    assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{OTHER_KEY}\n"));
    assert_eq!(start(&machine), "");
    assert_ne!(machine.run_with("../../bin/slipway-settings", &[]).0, 0, "nothing waits");
}

#[test]
fn a_profile_may_believe_guestinfo_at_every_start() {
    let machine = machine_of(&serde_json::json!({
        "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo", "store": "file:///s",
        "access": { "guestinfo": "always" },
    }));
    in_use(&machine);
    guestinfo(&machine, environment(&[("hostname", "new")]).as_bytes());
    assert_eq!(start(&machine), "");
    assert_eq!(machine.read("etc/hostname"), "new\n");
}
