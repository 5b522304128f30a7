//! Settings as cloud-init's own readers understand them: what we accept is what they find, and
//! where we accept less, there is a note.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use slipway::profile::{self, Known};

use crate::firstboot::judges::judge;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn ask(program: &str, arguments: &[&str], documents: &Value) -> Vec<Value> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(documents.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Each document, with cloud-init's result and ours.
fn compared(kind: &str, texts: Vec<String>) -> Vec<(String, Value, Value)> {
    judge("scripts/cloud-init-reader", &[], &root());
    let documents: Value = texts.iter().map(|text| json!({ "kind": kind, "text": text })).collect();
    let code = "target/cloud-init/usr/lib/python3/dist-packages";
    let theirs = ask("/usr/bin/python3", &["tests/support/cloud-init.py", code], &documents);
    let ours =
        ask("ruby", &["tests/support/settings.rb", "./templates/firstboot/settings"], &documents);
    assert_eq!((theirs.len(), ours.len()), (texts.len(), texts.len()));
    texts
        .into_iter()
        .zip(theirs)
        .zip(ours)
        .map(|((text, theirs), ours)| (text, theirs, ours))
        .collect()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// Version 1 in the forms of its documentation and of public templates: each part in every
/// spelling.
fn version_1() -> Vec<String> {
    let addresses = [
        ("address: 192.0.2.10/24", "192.0.2.1", "0.0.0.0"),
        ("address: 192.0.2.10, netmask: 255.255.255.0", "192.0.2.1", "0.0.0.0"),
        ("address: '2001:db8::9/64'", "'2001:db8::1'", "'::'"),
    ];
    let mut texts = Vec::new();
    for (address, gateway, any) in addresses {
        let inside = [
            String::new(),
            format!(", gateway: {gateway}"),
            format!(", routes: [{{network: {any}, netmask: {any}, gateway: {gateway}}}]"),
            format!(", routes: [{{destination: {any}, netmask: {any}, gateway: {gateway}}}]"),
            format!(
                ", routes: [{{destination: {}/0, gateway: {gateway}}}]",
                any.trim_matches('\'')
            ),
            format!(", routes: [{{network: 10.0.0.0, netmask: 255.0.0.0, gateway: {gateway}}}]"),
        ];
        let beside = [
            String::new(),
            format!(
                ", {{type: route, destination: '{}/0', gateway: {gateway}}}",
                any.trim_matches('\'')
            ),
            format!(", {{type: route, destination: {any}, netmask: {any}, gateway: {gateway}}}"),
            format!(", {{type: route, destination: 10.0.0.0/8, gateway: {gateway}}}"),
            ", {type: nameserver, address: [192.0.2.53, '2001:db8::53'], search: [a.example]}"
                .to_owned(),
            ", {type: nameserver, address: 192.0.2.53}".to_owned(),
            ", {type: vlan, name: eth0.5, vlan_link: eth0, vlan_id: 5}".to_owned(),
        ];
        for (part, more) in inside.iter().flat_map(|i| beside.iter().map(move |b| (i, b))) {
            for own in ["", ", mac_address: '52:54:00:12:34:56'"] {
                texts.push(format!(
                    "version: 1\nconfig: [{{type: physical, name: eth0{own}, subnets: [{{type: static, {address}, \
                     dns_nameservers: [192.0.2.52]{part}}}]}}{more}]\n"
                ));
            }
        }
    }
    texts
}

/// The same for version 2.
fn version_2() -> Vec<String> {
    let mut texts = Vec::new();
    for (address, gateway, any, key) in [
        ("192.0.2.10/24", "192.0.2.1", "0.0.0.0/0", "gateway4"),
        ("'2001:db8::9/64'", "'2001:db8::1'", "'::/0'", "gateway6"),
    ] {
        for way in [
            String::new(),
            format!(", {key}: {gateway}"),
            format!(", routes: [{{to: {any}, via: {gateway}}}]"),
            format!(
                ", routes: [{{to: 10.0.0.0/8, via: 192.0.2.4}}, {{to: {any}, via: {gateway}}}]"
            ),
            format!(", routes: [{{to: {any}, via: {gateway}, on-link: true}}]"),
        ] {
            for more in [
                "",
                ", nameservers: {addresses: [192.0.2.53, '2001:db8::53'], search: [a.example]}",
                ", match: {macaddress: '52:54:00:12:34:56'}, set-name: lan0",
                ", dhcp4: true",
                ", mtu: 9000",
            ] {
                texts.push(format!("network:\n  version: 2\n  ethernets: {{eth0: {{addresses: [{address}]{way}{more}}}}}\n"));
            }
        }
    }
    texts
}

#[test]
fn a_network_is_read_as_cloud_init_reads_it_and_what_is_left_out_is_noted() {
    let mut read = 0;
    for (text, theirs, ours) in compared("network-config", [version_1(), version_2()].concat()) {
        if theirs.is_null() {
            continue;
        }
        read += 1;
        let notes = list(&ours["notes"]);
        let first = &theirs["interfaces"][0];
        let taken = &ours["taken"];
        assert_eq!(list(&first["fixed"])[..1], [taken["address"].as_str().unwrap()], "{text}");
        let gateways = [list(&first["gateways"]), list(&theirs["gateways"])].concat();
        match taken["gateway"].as_str() {
            Some(gateway) => assert!(gateways.iter().any(|g| g == gateway), "{text}{ours}"),
            None => assert!(gateways.is_empty(), "{text}{ours}"),
        }
        let mut servers = [list(&first["servers"]), list(&theirs["servers"])].concat();
        let mut own = list(&taken["dns"]);
        // each of the two may name one twice
        for all in [&mut servers, &mut own] {
            all.sort();
            all.dedup();
        }
        assert_eq!(servers, own, "{text}");
        let mac = first["mac"].as_str().map(|mac| format!("mac {mac}"));
        assert_eq!(
            taken["adapter"].as_str(),
            Some(mac.as_deref().unwrap_or("name eth0")),
            "{text}"
        );
        let extra =
            ["search", "vlan", "mtu", "10.0.0.0", "set-name"].iter().any(|w| text.contains(w));
        assert_eq!(!notes.is_empty(), extra, "{text}{notes:?}");
    }
    assert!(read > 200, "{read}");
}

#[test]
fn keys_are_those_that_cloud_init_finds() {
    let key = |end: &str| {
        format!(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ {end}"
        )
    };
    let (a, b) = (key("a"), key("b"));
    let texts = vec![
        format!("hostname: erp\nssh_authorized_keys: [{a}, {b}]\n"),
        format!(
            "fqdn: erp.example\nhostname: erp\nssh_authorized_keys:\n  - {a}\nusers: [default]\n"
        ),
        format!("user: {{name: ops, ssh_authorized_keys: [{a}]}}\n"),
        format!(
            "users: [default, {{name: ops, ssh_authorized_keys: [{a}]}}, {{name: dev, ssh-authorized-keys: [{b}]}}]\n"
        ),
        format!(
            "users: {{ops: {{ssh_authorized_keys: [{a}]}}, dev: {{ssh_authorized_keys: [{b}]}}}}\n"
        ),
        format!("users: [{{name: ops, ssh_authorized_keys: {a}}}]\n"),
        "users: ops\nhostname: a\n".to_owned(),
    ];
    for (text, theirs, ours) in compared("user-data", texts) {
        let (mut theirs_keys, mut own) =
            (list(&theirs["keys"]), list(&ours["taken"]["admin_keys"]));
        theirs_keys.sort();
        own.sort();
        assert_eq!(theirs_keys, own, "{text}");
        assert_eq!(theirs["hostname"], ours["taken"]["hostname"], "{text}");
    }
}

/// The verdict on a profile with this address and router.
fn profile_takes(address: &str, gateway: &str, server: &str) -> bool {
    let text = format!(
        "base = \"debian-12\"\nsite = \"demo\"\nchannel = \"stable\"\nstore = \"file:s\"\ncustomer.name = \"X\"\n\
         network = {{ address = \"{address}\", gateway = \"{gateway}\", dns = [\"{server}\"] }}\n"
    );
    let known = Known { bases: vec!["debian-12".to_owned()], ..Known::default() };
    profile::load_text(Path::new("profiles/x.toml"), &text, &known).is_ok()
}

#[test]
fn the_machine_and_the_builder_take_the_same_addresses_routers_and_name_servers() {
    let addresses = [
        "192.0.2.10/24",
        "192.0.2.0/24",
        "192.0.2.255/24",
        "192.0.2.10/32",
        "192.0.2.10/31",
        "192.0.2.10/0",
        "192.0.2.10",
        "10.255.255.255/7",
        "127.0.0.1/8",
        "224.0.0.1/24",
        "240.0.0.1/24",
        "0.0.0.0/8",
        "2001:db8::9/64",
        "2001:db8::9/128",
        "::1/64",
        "ff02::1/64",
        "fe80::9/64",
        "192.0.2.010/24",
        "192.0.2.10/024x",
    ];
    let gateways = [
        "192.0.2.1",
        "192.0.2.0",
        "192.0.2.255",
        "192.0.2.10",
        "192.0.2.11",
        "192.0.3.1",
        "169.254.0.1",
        "127.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.9",
        "0.0.0.0",
        "2001:db8::1",
        "2001:db8::9",
        "2001:db8:1::1",
        "fe80::1",
        "::1",
        "::",
        "ff02::2",
        "router",
        "192.0.2.1/24",
    ];
    let mut cases: Vec<(&str, &str, &str)> = addresses
        .iter()
        .flat_map(|a| gateways.iter().map(move |g| (*a, *g, "192.0.2.53")))
        .collect();
    cases.extend(gateways.iter().map(|server| ("192.0.2.10/24", "192.0.2.1", *server)));
    let text = |(address, gateway, server): &(&str, &str, &str)| {
        format!("slipway: {{address: '{address}', gateway: '{gateway}', dns: ['{server}']}}\n")
    };
    let documents: Value =
        cases.iter().map(|case| json!({ "kind": "user-data", "text": text(case) })).collect();
    let ours =
        ask("ruby", &["tests/support/settings.rb", "./templates/firstboot/settings"], &documents);
    for (case, ours) in cases.iter().zip(ours) {
        let taken = &ours["taken"];
        let all = ["address", "gateway", "dns"].iter().all(|field| !taken[field].is_null());
        assert_eq!(all, profile_takes(case.0, case.1, case.2), "{case:?}: {ours}");
    }
}
