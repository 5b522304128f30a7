//! The customer's part, read by the programs that will read it, with values that try to break out.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway::build;
use slipway::layer::customer::{self, Inputs};
use slipway::layer::firstboot;
use slipway::plan::Plan;
use slipway::profile::{Probe, Profile};
use slipway::tree::{Entry, Node, Tree, TreePath};
use slipway::units::Timestamp;

use crate::firstboot::judges::{HOSTILE, judge, text};
use crate::firstboot::machine::{base, facts};

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
    // none of our lines ends PAM's list before the lines that a site adds
    assert_eq!(text(&tree, "etc/pam.d/sshd"), "auth x\n@include common-account\n");
    assert!(tree.get("etc/pam.d/systemd-user").is_none());
    assert_eq!(tree.get("etc/shadow").unwrap().meta.mode, 0o640, "as the base had it");
}

#[test]
fn a_key_with_options_in_front_is_refused() {
    let key = "command=\"reboot\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGjQ x";
    assert!(laid(&profile(|p| p["access"] = json!({ "ssh_keys": [key] }))).is_err());
}

/// The files that someone without rights on the machine can read, by the permission bits of the
/// file and of every folder above it.
fn readable_by_all(tree: &Tree) -> Vec<(String, String)> {
    let open = |path: &TreePath, bit| tree.get(path).is_none_or(|e| e.meta.mode & bit != 0);
    let mut found = Vec::new();
    for (path, entry) in tree {
        let Node::File(content) = &entry.node else { continue };
        let way = path.ancestors().into_iter().all(|folder| open(&folder, 0o001));
        if way && entry.meta.mode & 0o004 != 0 {
            let bytes = content.read().unwrap();
            found.push((path.to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    found
}

#[test]
fn nobody_without_rights_reads_the_customers_secrets_on_the_machine() {
    let profile = profile(|p| {
        p["hiera"] =
            json!({ "app::password": "hiera-4711", "app::mail": { "secret": "nested-4711" } });
        p["files"] = json!([
            { "path": "/etc/app/token", "content": "file-4711", "mode": "0600" },
            { "path": "/etc/app/page", "content": "public", "mode": "0644" },
        ]);
        p["probes"] = json!([
            { "command": "curl -u admin:command-4711 http://127.0.0.1/" },
            { "http": "/login", "post": "password=post-4711" },
        ]);
    });
    for (group, owner) in [("puppet:x:114:\n", (114, 0o640)), ("", (0, 0o600))] {
        let mut tree = base();
        let groups = text(&tree, "etc/group") + group;
        tree.put_file("/etc/group", 0o644, Timestamp::default(), groups).unwrap();
        customer::add(&mut tree, &profile, &Inputs::default()).unwrap();
        let facts = firstboot::FirstBootFacts { probes: profile.probes.clone(), ..facts() };
        firstboot::add(&mut tree, &facts).unwrap();
        let plan = plan(&profile);
        let record = build::add_record(&mut tree, &plan, Vec::new()).unwrap();
        assert_eq!(record.profile.hiera.keys, ["app::mail", "app::password"]);
        for (path, text) in readable_by_all(&tree) {
            assert!(!text.contains("4711"), "{path}:\n{text}");
        }
        let record = serde_json::to_string(&record).unwrap();
        assert!(!record.contains("4711"), "{record}");
        let Entry { meta, .. } = tree.get("etc/slipway/hiera/customer.yaml").unwrap();
        assert_eq!((meta.uid, meta.gid, meta.mode), (0, owner.0, owner.1));
        // the smoke test still has them
        let kept: Vec<Probe> =
            serde_json::from_str(&text(&tree, "etc/slipway/probes.json")).unwrap();
        assert_eq!(kept, profile.probes);
    }
}

/// A plan with nothing but the profile in it.
fn plan(profile: &Profile) -> Plan {
    let digest = slipway::units::Digest::of("anything");
    let value = json!({
        "format": 1, "builder": "0.1.0", "time": { "seconds": 0, "nanos": 0 }, "profile": profile, "sources": {},
        "base": { "name": "debian-12", "digest": digest }, "layers": [],
        "bundle": { "site": "demo", "release": "demo-1.0.0+b1", "digest": digest },
    });
    serde_json::from_value(value).unwrap()
}
