//! Which adapter a fixed address belongs to.

use serde_json::json;

use crate::firstboot::machine::Machine;
use crate::firstboot::settings::{adapter, environment, image, insert, machine, machine_of, start};

fn first(machine: &Machine) -> String {
    let text = machine.read("run/systemd/network/40-slipway-first.network");
    text.lines().find_map(|l| l.strip_prefix("Name=")).unwrap_or_default().to_owned()
}

#[test]
fn a_fixed_address_goes_to_the_first_slot_whatever_the_names_and_the_drivers_order() {
    for (names, wanted) in [
        (
            &[
                ("ens224", "0000:13:00.0", 2),
                ("ens160", "0000:03:00.0", 3),
                ("ens192", "0000:0b:00.0", 4),
            ][..],
            "ens160",
        ),
        (&[("eth1", "0000:00:04.0", 2), ("eth0", "0000:00:03.0", 3)], "eth0"),
        (&[("enp0s8", "0000:00:08.0", 2), ("enp0s3", "0000:00:03.0", 3)], "enp0s3"),
        (&[("eth0", "guid-b", 2), ("eth1", "guid-a", 3)], "eth0"),
    ] {
        let machine = machine();
        std::fs::remove_dir_all(machine.root().join("sys/class/net/ens160")).unwrap();
        for (name, slot, index) in names {
            adapter(&machine, name, slot, *index);
        }
        // neither hardware nor first
        machine.write("sys/class/net/enbridge/ifindex", "1\n");
        machine.write("sys/class/net/docker0/device/vendor", "x\n");
        start(&machine);
        assert_eq!(first(&machine), wanted);
        let others = machine.read("run/systemd/network/45-slipway-others.network");
        assert!(others.contains("\nName=en* eth*\n") && others.contains("UseGateway=no\n"));
        assert!(!others.contains("Address="));
    }
}

#[test]
fn the_first_adapter_stays_the_first_when_another_comes_and_a_copy_of_the_machine_chooses_again() {
    let machine = machine();
    start(&machine);
    adapter(&machine, "ens33", "0000:02:00.0", 9);
    start(&machine);
    assert_eq!(first(&machine), "ens160");
    machine.write("sys/class/net/ens160/address", "00:50:56:ff:ff:01\n");
    machine.write("sys/class/net/ens33/address", "00:50:56:ff:ff:02\n");
    start(&machine);
    assert_eq!(first(&machine), "ens33");
}

#[test]
fn a_machine_without_an_adapter_gives_its_address_to_the_one_that_comes() {
    let machine = machine();
    std::fs::remove_dir_all(machine.root().join("sys/class/net/ens160")).unwrap();
    start(&machine);
    assert_eq!(first(&machine), "en* eth*");
    assert!(!machine.has("run/systemd/network/45-slipway-others.network"));
}

#[test]
fn with_dhcp_every_adapter_is_served_as_the_image_says() {
    let machine = machine_of(&json!({
        "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo", "store": "file:///s",
    }));
    insert(&machine, &[("ovf-env.xml", environment(&[("dns", "192.0.2.53")]).as_bytes())]);
    start(&machine);
    let text = machine.read("run/systemd/network/40-slipway-first.network");
    assert!(
        text.contains("Name=ens160\n\n[Network]\nDHCP=yes\nDNS=192.0.2.53\n")
            && text.contains("UseDNS=no\n"),
        "{text}"
    );
    assert!(!machine.has("run/systemd/network/45-slipway-others.network"));
}

/// A network-config in a NoCloud seed on an ISO.
fn seed(machine: &Machine, config: &str) {
    std::fs::create_dir_all(machine.root().join("dev/disk/by-label")).unwrap();
    image(machine, "disk/by-label/cidata", "cidata", &[("network-config", config.as_bytes())]);
}

#[test]
fn an_address_goes_to_the_adapter_that_the_document_names_or_to_none() {
    let fixed = "addresses: [192.0.2.10/24], gateway4: 192.0.2.1";
    let one = "subnets: [{type: static, address: 192.0.2.10/24, gateway: 192.0.2.1}]";
    // two adapters: ens160 has 00:50:56:00:00:02, ens192 has :03
    for (config, wanted, note) in [
        (
            format!(
                "version: 2\nethernets: {{lan: {{match: {{macaddress: '00:50:56:00:00:03'}}, {fixed}}}}}"
            ),
            "ens192",
            "",
        ),
        (
            format!(
                "version: 2\nethernets: {{lan: {{match: {{macaddress: '00-50-56-00-00-03'}}, {fixed}}}}}"
            ),
            "ens192",
            "",
        ),
        (
            format!("version: 2\nethernets: {{lan: {{match: {{name: 'ens19*'}}, {fixed}}}}}"),
            "ens192",
            "",
        ),
        (format!("version: 2\nethernets: {{ens192: {{{fixed}}}}}"), "ens192", ""),
        (
            format!(
                "version: 1\nconfig: [{{type: physical, name: eth0, mac_address: '00:50:56:00:00:03', {one}}}]"
            ),
            "ens192",
            "",
        ),
        (format!("version: 1\nconfig: [{{type: physical, name: ens192, {one}}}]"), "ens192", ""),
        (
            format!("version: 2\nethernets: {{eth0: {{{fixed}}}}}"),
            "ens160",
            "no adapter is called eth0",
        ),
        (
            format!(
                "version: 2\nethernets: {{lan: {{match: {{macaddress: '00:50:56:00:00:99'}}, {fixed}}}}}"
            ),
            "",
            "no such adapter: 00:50:56:00:00:99",
        ),
        (
            format!("version: 2\nethernets: {{lan: {{match: {{name: 'enp*'}}, {fixed}}}}}"),
            "",
            "no such adapter: enp*",
        ),
        (
            format!("version: 2\nethernets: {{lan: {{match: {{driver: e1000}}, {fixed}}}}}"),
            "",
            "not used: match.driver",
        ),
    ] {
        let machine = machine_of(&json!({
            "customer": { "id": "acme", "name": "Acme" }, "base": "debian-12", "site": "demo", "store": "file:///s",
        }));
        adapter(&machine, "ens192", "0000:0b:00.0", 3);
        seed(&machine, &config);
        let said = start(&machine);
        assert!(
            if note.is_empty() { said.is_empty() } else { said.contains(note) },
            "{config}: {said}"
        );
        assert_eq!(first(&machine), wanted, "{config}: {said}");
        assert_eq!(
            machine.has("run/systemd/network/45-slipway-others.network"),
            !wanted.is_empty()
        );
    }
}

#[test]
fn an_adapter_in_a_lower_slot_that_comes_late_is_still_the_first() {
    let machine = machine();
    machine.record("networkctl");
    start(&machine);
    adapter(&machine, "ens33", "0000:02:00.0", 9);
    assert_eq!(machine.run_with("inputs", &["late"]).0, 0);
    assert_eq!(first(&machine), "ens33");
    start(&machine);
    assert_eq!(first(&machine), "ens33");
}
