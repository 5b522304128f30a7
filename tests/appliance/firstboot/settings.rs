//! Settings from outside: what is accepted from which source, what it becomes, and when the
//! profile's value returns.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway::layer::customer::{self, Inputs};
use slipway::profile::Profile;

use crate::firstboot::judges::judge;
use crate::firstboot::machine::{Machine, base, facts};

pub const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ me";
pub const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDZmrYOu46G6EwBkeTAWOjL6l4Ta4NfZn0p/3d4uqmA7 you";

/// A machine with one adapter, and a profile that sets everything.
pub fn machine() -> Machine {
    machine_of(&json!({
        "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo", "store": "file:///s",
        "system": { "hostname": "own.acme.example" },
        "network": { "address": "198.51.100.9/24", "gateway": "198.51.100.1", "dns": ["198.51.100.2"],
            "ntp": ["own-ntp.example"], "proxy": "http://own-proxy.example:3128" },
        "access": { "ssh_keys": [KEY] },
    }))
}

pub fn machine_of(profile: &Value) -> Machine {
    let profile: Profile = serde_json::from_value(profile.clone()).unwrap();
    let mut tree = base();
    customer::add(&mut tree, &profile, &Inputs::default()).unwrap();
    let machine = Machine::of(tree, &facts());
    adapter(&machine, "ens160", "0000:03:00.0", 2);
    machine
}

/// A wired adapter in a slot.
pub fn adapter(machine: &Machine, name: &str, slot: &str, index: u32) {
    let device = format!("sys/devices/pci0000:00/{slot}");
    machine.write(&format!("{device}/vendor"), "0x15ad\n");
    let link = format!("sys/class/net/{name}");
    machine.write(&format!("{link}/ifindex"), &format!("{index}\n"));
    machine.write(&format!("{link}/address"), &format!("00:50:56:00:00:{index:02x}\n"));
    std::os::unix::fs::symlink(
        format!("../../../../{device}"),
        machine.root().join(link).join("device"),
    )
    .unwrap();
}

/// An OVF environment with these properties.
pub fn environment(properties: &[(&str, &str)]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Environment \
        xmlns=\"http://schemas.dmtf.org/ovf/environment/1\" xmlns:oe=\"http://schemas.dmtf.org/ovf/environment/1\">\n\
        <PlatformSection><Kind>VMware ESXi</Kind></PlatformSection>\n<PropertySection>\n"
        .to_owned();
    for (key, value) in properties {
        let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let value = value.replace('\n', "&#10;");
        text.push_str(&format!("<Property oe:key=\"slipway.{key}\" oe:value=\"{value}\"/>\n"));
    }
    text + "</PropertySection></Environment>\n"
}

/// Everything that an environment can set.
pub fn all() -> Vec<(&'static str, &'static str)> {
    vec![
        ("hostname", "erp.branch.example"),
        ("address", "192.0.2.10/24"),
        ("gateway", "192.0.2.1"),
        ("dns", "192.0.2.2, 2001:db8::1"),
        ("ntp", "ntp.branch.example,192.0.2.3"),
        ("proxy", "http://proxy.branch.example:8080"),
        ("admin_keys", OTHER_KEY),
    ]
}

/// A disc with these files in the machine's first drive.
pub fn insert(machine: &Machine, files: &[(&str, &[u8])]) {
    image(machine, "sr0", "OVF-TRANSPORT", files);
    machine.write("sys/class/block/sr0/size", "1\n");
}

/// An ISO image as a device.
pub fn image(machine: &Machine, device: &str, label: &str, files: &[(&str, &[u8])]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let to = machine.root().join("dev").join(device);
    let _ = std::fs::remove_file(&to);
    let arguments = ["-as", "mkisofs", "-quiet", "-r", "-J", "-V", label, "-o"];
    judge("xorriso", &[&arguments[..], &[to.to_str().unwrap(), "."]].concat(), folder.path());
}

/// The machine is VMware's, and its OVF properties come without a disc.
pub fn guestinfo(machine: &Machine, text: &[u8]) {
    machine.write("sys/class/dmi/id/sys_vendor", "VMware, Inc.\n");
    let answer = "[ \"$*\" = 'info-get guestinfo.ovfEnv' ] && cat \"$SLIPWAY_ROOT/fake/guestinfo\"";
    machine.script("fake/bin/vmware-rpctool", answer);
    std::fs::write(machine.root().join("fake/guestinfo"), text).unwrap();
}

/// Takes the disc out.
pub fn eject(machine: &Machine) {
    std::fs::remove_dir_all(machine.root().join("sys/class/block/sr0")).unwrap();
}

/// Powers on and applies the settings; returns what the console says about them.
pub fn start(machine: &Machine) -> String {
    machine.power_on();
    let (code, _, console) = machine.run("inputs");
    assert_eq!(code, 0, "{console}");
    console
}

/// Every file on the machine's disk that settings could change.
pub fn configuration(machine: &Machine) -> BTreeMap<String, String> {
    let output = judge("find", &["etc", "home", "usr/lib/slipway", "-type", "f"], &machine.root());
    let paths = String::from_utf8(output.stdout).unwrap();
    paths.lines().map(|path| (path.to_owned(), machine.read(path))).collect()
}

#[test]
fn without_settings_from_outside_nothing_on_the_disk_changes() {
    let machine = machine();
    let before = configuration(&machine);
    assert_eq!(start(&machine), "");
    assert_eq!(configuration(&machine), before);
    assert!(!machine.has("var/lib/slipway/inputs"));
    machine.run("grow");
    assert!(machine.read("run/slipway/status.json").contains("\"settings\":\"profile\""));
    let dhcp = machine_of(&json!({
        "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo", "store": "file:///s",
    }));
    assert_eq!(start(&dhcp), "");
    assert!(!dhcp.has("run/systemd"), "networkd has the image's file alone");
}

#[test]
fn an_ovf_environment_on_a_disc_sets_everything() {
    let machine = machine();
    insert(&machine, &[("ovf-env.xml", environment(&all()).as_bytes())]);
    assert_eq!(start(&machine), "");
    assert_eq!(machine.read("etc/hostname"), "erp\n");
    assert_eq!(machine.read("proc/sys/kernel/hostname"), "erp\n");
    let hosts = machine.read("etc/hosts");
    assert!(hosts.contains("\n127.0.1.1 erp.branch.example erp\n"), "{hosts}");
    assert!(hosts.contains("127.0.0.1 puppet.appliance.internal\n") && !hosts.contains("own"));
    let network = machine.read("run/systemd/network/40-slipway-first.network");
    let wanted = "[Match]\nType=ether\nName=ens160\n\n[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\n\
        DNS=192.0.2.2\nDNS=2001:db8::1\n";
    assert!(network.starts_with(wanted), "{network}");
    assert_eq!(
        machine.read("etc/systemd/timesyncd.conf.d/20-slipway-inputs.conf"),
        "[Time]\nNTP=\nNTP=ntp.branch.example\nNTP=192.0.2.3\n"
    );
    let proxy = "http://proxy.branch.example:8080";
    let variables = machine.read("etc/environment");
    assert_eq!(variables.matches(proxy).count(), 4, "{variables}");
    assert_eq!(variables.lines().count(), 6, "{variables}");
    let apt = machine.read("etc/apt/apt.conf.d/95slipway-inputs-proxy");
    assert!(apt.contains(&format!("Acquire::http::Proxy \"{proxy}\";\n")), "{apt}");
    assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{OTHER_KEY}\n"));
    let sshd = machine.read("etc/ssh/sshd_config.d/05-slipway-inputs.conf");
    assert!(sshd.contains("\nPasswordAuthentication no\n"));
    machine.run("grow");
    let status: Value = serde_json::from_str(&machine.read("run/slipway/status.json")).unwrap();
    assert_eq!(status["settings"], "ovf-iso");
    assert!(machine.watch("banner").contains("Settings: from the OVF properties (disc)"));
}

#[test]
fn what_the_machine_writes_is_what_the_builder_writes_of_the_same_values() {
    let outside = machine_of(&json!({
        "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo", "store": "file:///s",
    }));
    let own = [
        ("hostname", "own.acme.example"),
        ("address", "198.51.100.9/24"),
        ("gateway", "198.51.100.1"),
        ("dns", "198.51.100.2"),
        ("proxy", "http://own-proxy.example:3128"),
        ("admin_keys", KEY),
    ];
    insert(&outside, &[("ovf-env.xml", environment(&own).as_bytes())]);
    start(&outside);
    let built = machine();
    start(&built);
    for path in [
        "run/systemd/network/40-slipway-first.network",
        "run/systemd/network/45-slipway-others.network",
        "etc/hosts",
        "etc/hostname",
        "etc/environment",
        "home/admin/.ssh/authorized_keys",
    ] {
        let plain = |m: &Machine| -> Vec<String> {
            m.read(path).lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect()
        };
        assert_eq!(plain(&outside), plain(&built), "{path}");
    }
}

#[test]
fn a_changed_property_is_applied_at_the_next_start_and_nothing_else_is_touched() {
    let machine = machine();
    insert(&machine, &[("ovf-env.xml", environment(&all()).as_bytes())]);
    start(&machine);
    // somebody works on the machine
    machine.write("home/admin/.ssh/authorized_keys", &format!("{OTHER_KEY}\n{KEY}\n"));
    machine.write("etc/hostname", "renamed\n");
    let before = configuration(&machine);
    assert_eq!(start(&machine), "");
    assert_eq!(configuration(&machine), before);

    let mut properties = all();
    properties[1].1 = "192.0.2.77/24";
    insert(&machine, &[("ovf-env.xml", environment(&properties).as_bytes())]);
    start(&machine);
    assert_eq!(configuration(&machine), before);
    let network = machine.read("run/systemd/network/40-slipway-first.network");
    assert!(network.contains("Address=192.0.2.77/24\n"), "{network}");
}

#[test]
fn an_emptied_property_is_the_profiles_again_and_a_disc_taken_out_changes_nothing() {
    let machine = machine();
    let before = configuration(&machine);
    insert(&machine, &[("ovf-env.xml", environment(&all()).as_bytes())]);
    start(&machine);
    let set = configuration(&machine);
    eject(&machine);
    assert_eq!(start(&machine), "");
    assert_eq!(configuration(&machine), set);
    let network = machine.read("run/systemd/network/40-slipway-first.network");
    assert!(network.contains("Address=192.0.2.10/24\n"), "{network}");

    let empty: Vec<(&str, &str)> =
        all().iter().enumerate().map(|(i, (key, _))| (*key, ["", "null", "  "][i % 3])).collect();
    insert(&machine, &[("ovf-env.xml", environment(&empty).as_bytes())]);
    assert_eq!(start(&machine), "");
    assert_eq!(configuration(&machine), before);
    let network = machine.read("run/systemd/network/40-slipway-first.network");
    assert!(network.contains("Address=198.51.100.9/24\n"), "{network}");
    machine.run("grow");
    assert!(machine.read("run/slipway/status.json").contains("\"settings\":\"profile\""));
}

#[test]
fn a_power_cut_while_settings_are_written_is_healed_by_the_next_start() {
    let whole = machine();
    insert(&whole, &[("ovf-env.xml", environment(&all()).as_bytes())]);
    start(&whole);
    let machine = machine();
    insert(&machine, &[("ovf-env.xml", environment(&all()).as_bytes())]);
    for delay in [30, 60, 90, 120, 150, 200, 300] {
        machine.power_on();
        machine.cut("inputs", std::time::Duration::from_millis(delay));
    }
    start(&machine);
    let mut after = configuration(&machine);
    after.retain(|path, _| !path.ends_with(".slipway-new"));
    assert_eq!(after, configuration(&whole));
}
