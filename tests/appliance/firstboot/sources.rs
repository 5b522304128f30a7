//! Each source in its own format.

use std::process::Command;

use crate::firstboot::judges::judge;
use crate::firstboot::machine::Machine;
use crate::firstboot::settings::{
    KEY, OTHER_KEY, all, environment, guestinfo, image, insert, machine, start,
};

/// A NoCloud seed as people make it: a FAT image with a label, by mtools.
fn seed(machine: &Machine, files: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("seed.img");
    std::fs::write(&disk, vec![0; 1 << 20]).unwrap();
    let disk = disk.to_str().unwrap();
    judge(
        "mformat",
        &["-i", disk, "-v", "CIDATA", "-t", "32", "-h", "2", "-s", "32", "::"],
        folder.path(),
    );
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
        judge("mcopy", &["-i", disk, name, "::"], folder.path());
    }
    std::fs::create_dir_all(machine.root().join("dev/disk/by-label")).unwrap();
    std::fs::copy(disk, machine.root().join("dev/disk/by-label/CIDATA")).unwrap();
}

fn network(machine: &Machine) -> String {
    machine.read("run/systemd/network/40-slipway-first.network")
}

#[test]
fn vmwares_guestinfo_is_asked_on_vmware_alone_and_wins() {
    let machine = machine();
    guestinfo(&machine, environment(&[("hostname", "by-guestinfo")]).as_bytes());
    insert(&machine, &[("ovf-env.xml", environment(&[("hostname", "by-disc")]).as_bytes())]);
    machine.write("sys/class/dmi/id/sys_vendor", "QEMU\n");
    start(&machine);
    assert_eq!(machine.read("etc/hostname"), "by-disc\n");
    machine.write("sys/class/dmi/id/sys_vendor", "VMware, Inc.\n");
    start(&machine);
    assert_eq!(machine.read("etc/hostname"), "by-guestinfo\n");
    assert_eq!(machine.read("var/lib/slipway/inputs/source"), "ovf-guestinfo\n");
    // properties that nobody filled in do not hide a seed
    machine.write("fake/guestinfo", &environment(&[("hostname", ""), ("address", "")]));
    seed(&machine, &[("meta-data", "local-hostname: by-seed\n")]);
    insert(&machine, &[("readme", b"")]);
    start(&machine);
    assert_eq!(machine.read("etc/hostname"), "by-seed\n");
}

#[test]
fn the_section_of_another_machine_is_not_read() {
    let machine = machine();
    let text = environment(&[]).replace(
        "</Environment>",
        "<Entity><PropertySection><Property key='slipway.hostname' value='other'/></PropertySection></Entity></Environment>",
    );
    insert(&machine, &[("ovf-env.xml", text.as_bytes())]);
    assert_eq!(start(&machine), "");
    assert_eq!(machine.read("etc/hostname"), "own\n");
}

#[test]
fn a_nocloud_seed_sets_name_keys_and_address() {
    let machine = machine();
    seed(
        &machine,
        &[
            (
                "meta-data",
                &format!("instance-id: i-1\nlocal-hostname: meta\npublic-keys:\n  - {KEY}\n"),
            ),
            (
                "user-data",
                &format!(
                    "#cloud-config\nfqdn: user.example\nhostname: user\nusers:\n  - default\n  - name: admin\n    \
                passwd: secret\n    ssh_authorized_keys: [\"{OTHER_KEY}\"]\nssh_authorized_keys:\n  - {KEY}\nruncmd: [reboot]\n\
                package_upgrade: false\nntp:\n  servers: [ntp.example]\nslipway:\n  proxy: http://p.example:1\n"
                ),
            ),
            (
                "network-config",
                "version: 2\nethernets:\n  eth0:\n    dhcp4: false\n    addresses: [192.0.2.20/24]\n    routes:\n      \
                - to: default\n        via: 192.0.2.1\n    nameservers:\n      addresses: [192.0.2.2]\n",
            ),
        ],
    );
    assert_eq!(start(&machine), "slipway: settings: user-data: not used: runcmd, users.passwd\n");
    assert!(machine.read("etc/hosts").contains("127.0.1.1 user.example user\n"));
    assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{KEY}\n{OTHER_KEY}\n"));
    assert!(
        network(&machine).contains("Address=192.0.2.20/24\nGateway=192.0.2.1\nDNS=192.0.2.2\n")
    );
    assert!(machine.read("etc/environment").contains("\nhttps_proxy=http://p.example:1\n"));
    assert!(
        machine
            .read("etc/systemd/timesyncd.conf.d/20-slipway-inputs.conf")
            .contains("NTP=ntp.example\n")
    );
    assert_eq!(machine.read("var/lib/slipway/inputs/source"), "nocloud\n");
}

#[test]
fn version_1_of_network_config_and_gateway4_are_read() {
    let one = machine();
    seed(
        &one,
        &[
            (
                "meta-data",
                "{\"instance-id\": \"x\", \"public-keys\": {\"0\": {\"openssh-key\": \"bad\"}}}",
            ),
            (
                "network-config",
                "version: 1\nconfig:\n  - type: physical\n    name: eth0\n    subnets:\n      - type: static\n        \
            address: 192.0.2.30\n        netmask: 255.255.255.128\n        gateway: 192.0.2.1\n  - type: nameserver\n    address: [192.0.2.2]\n",
            ),
        ],
    );
    assert!(start(&one).contains("SSH key 1 is not an OpenSSH public key"));
    assert!(network(&one).contains("Address=192.0.2.30/25\nGateway=192.0.2.1\nDNS=192.0.2.2\n"));
    let two = machine();
    seed(
        &two,
        &[(
            "network-config",
            "network:\n  version: 2\n  ethernets:\n    id0:\n      addresses:\n        - 2001:db8::9/64\n        - 192.0.2.9/24\n      gateway6: fe80::1\n",
        )],
    );
    assert!(start(&two).contains("network-config: not used: 192.0.2.9/24\n"));
    assert!(network(&two).contains("Address=2001:db8::9/64\nGateway=fe80::1\n"));
}

#[test]
fn name_servers_without_an_address_go_with_dhcp_or_with_the_profiles_address() {
    let machine = machine();
    insert(&machine, &[("ovf-env.xml", environment(&[("dns", "192.0.2.53")]).as_bytes())]);
    start(&machine);
    let wanted = "Address=198.51.100.9/24\nGateway=198.51.100.1\nDNS=192.0.2.53\n";
    assert!(network(&machine).contains(wanted), "{}", network(&machine));
}

const AZURE_DISC: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ns0:Environment xmlns:ns0="http://schemas.dmtf.org/ovf/environment/1" xmlns:ns1="http://schemas.microsoft.com/windowsazure">
 <ns1:ProvisioningSection><ns1:Version>1.0</ns1:Version>
  <ns1:LinuxProvisioningConfigurationSet><ns1:ConfigurationSetType>LinuxProvisioningConfiguration</ns1:ConfigurationSetType>
   <ns1:UserName>jane</ns1:UserName><ns1:UserPassword>Secret1!</ns1:UserPassword>
   <ns1:HostName>Azure-One</ns1:HostName>
   <ns1:SSH><ns1:PublicKeys><ns1:PublicKey><ns1:Fingerprint>AA</ns1:Fingerprint>
    <ns1:Path>/home/jane/.ssh/authorized_keys</ns1:Path><ns1:Value>KEY</ns1:Value></ns1:PublicKey></ns1:PublicKeys></ns1:SSH>
   <ns1:CustomData>I2Nsb3VkLWNvbmZpZwpudHA6IHtzZXJ2ZXJzOiBbMTkyLjAuMi4zXX0K</ns1:CustomData>
  </ns1:LinuxProvisioningConfigurationSet></ns1:ProvisioningSection></ns0:Environment>"#;

/// Azure's two servers: each call is recorded, and the answers are files.
fn azure(machine: &Machine) {
    machine.write("sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n");
    machine.script("fake/bin/curl", "echo \"$*\" >>\"$SLIPWAY_ROOT/fake/curl\"\n\
        case \"$*\" in *comp=goalstate) cat \"$SLIPWAY_ROOT/fake/goal\" ;; *comp=health) cat \"$SLIPWAY_ROOT/run/slipway/health\" \
        >\"$SLIPWAY_ROOT/fake/health\" ;; *169.254*) cat \"$SLIPWAY_ROOT/fake/imds\" ;; esac");
    machine.write("fake/goal", "<GoalState><Version>2012-11-30</Version><Incarnation>3</Incarnation><Container>\
        <ContainerId>c-1</ContainerId><RoleInstanceList><RoleInstance><InstanceId>i.2</InstanceId></RoleInstance>\
        </RoleInstanceList></Container></GoalState>");
}

#[test]
fn azures_disc_and_metadata_set_name_and_keys_and_azure_is_told() {
    let machine = machine();
    azure(&machine);
    insert(&machine, &[("ovf-env.xml", AZURE_DISC.replace("KEY", KEY).as_bytes())]);
    let said = "slipway: settings: azure: not used: the password; the login is admin, by key\n";
    assert_eq!(start(&machine), said);
    assert_eq!(machine.read("etc/hostname"), "azure-one\n");
    assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{KEY}\n"));
    assert!(
        machine
            .read("etc/systemd/timesyncd.conf.d/20-slipway-inputs.conf")
            .contains("NTP=192.0.2.3\n")
    );
    machine.write("fake/imds", &format!("{{\"osProfile\":{{\"computerName\":\"x\"}},\"publicKeys\":[{{\"keyData\":\"{OTHER_KEY}\",\"path\":\"/\"}}]}}"));
    let (code, _, console) = machine.run("azure");
    assert_eq!((code, console.as_str()), (0, said));
    assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{OTHER_KEY}\n"));
    assert_eq!(machine.read("etc/hostname"), "azure-one\n", "the disc's name stays");
    let health = machine.read("fake/health");
    for part in
        ["<GoalStateIncarnation>3<", "<ContainerId>c-1<", "<InstanceId>i.2<", "<State>Ready<"]
    {
        assert!(health.contains(part), "{part} in {health}");
    }
    assert!(machine.read("fake/curl").contains(
        "-H Metadata:true http://169.254.169.254/metadata/instance/compute?api-version="
    ));
    let tree = Command::new("grep")
        .args(["-rlI", "Secret1!"])
        .args(["etc", "var", "home"].map(|d| machine.root().join(d)))
        .output();
    assert!(tree.unwrap().stdout.is_empty(), "the password of the disc is nowhere");
    // the same at the next start: the disc's keys come first, then the service's, and the result is
    // the same
    start(&machine);
    machine.run("azure");
    assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{OTHER_KEY}\n"));
}

#[test]
fn on_other_machines_nobody_asks_azure() {
    let machine = machine();
    azure(&machine);
    machine.write("sys/class/dmi/id/chassis_asset_tag", "\n");
    assert_eq!(machine.run("azure").0, 0);
    assert!(!machine.has("fake/curl"));
}

#[test]
fn a_seed_on_an_iso_is_as_good() {
    let machine = machine();
    std::fs::create_dir_all(machine.root().join("dev/disk/by-label")).unwrap();
    image(
        &machine,
        "disk/by-label/cidata",
        "cidata",
        &[("meta-data", b"local-hostname: iso\n"), ("user-data", b"")],
    );
    assert_eq!(start(&machine), "");
    assert_eq!(machine.read("etc/hostname"), "iso\n");
    // settings from a hypervisor take precedence over a seed
    insert(&machine, &[("ovf-env.xml", environment(&all()).as_bytes())]);
    start(&machine);
    assert_eq!(machine.read("etc/hostname"), "erp\n");
}

#[test]
fn an_environment_on_a_disc_without_joliet_is_found_under_the_names_that_it_has_there() {
    for name in ["ovf_env.xml", "OVF_ENV.XML", "OVF-ENV.XML"] {
        let machine = machine();
        insert(&machine, &[(name, environment(&[("hostname", "erp")]).as_bytes())]);
        assert_eq!(start(&machine), "");
        assert_eq!(machine.read("etc/hostname"), "erp\n", "{name}");
    }
}

#[test]
fn what_a_source_asks_for_and_nobody_does_is_named() {
    let lines: &[(&str, &str, &str)] = &[
        (
            "meta-data",
            "network-interfaces: |\n  auto eth0\n",
            "meta-data: not used: network-interfaces",
        ),
        (
            "user-data",
            "#cloud-config\npreserve_hostname: true\n",
            "user-data: not used: preserve_hostname",
        ),
        (
            "user-data",
            "#cloud-config\nntp: {enabled: false, servers: [a.example]}\n",
            "user-data: not used: ntp",
        ),
        (
            "user-data",
            "#cloud-config\nslipway: {hostnam: x}\n",
            "user-data: not used: slipway.hostnam",
        ),
        (
            "network-config",
            "version: 2\nwifis: {w: {}}\nbonds: {b: {}}\n",
            "not used: wifis, bonds",
        ),
        (
            "network-config",
            "version: 2\nethernets: {a: {dhcp4: true}, b: {}}\n",
            "not used: the interface b",
        ),
        (
            "network-config",
            "version: 2\nethernets: {a: {dhcp4: true}}\n",
            "not used: DHCP; the profile has a fixed address",
        ),
        (
            "network-config",
            "version: 1\nconfig: [{type: vlan}, {type: bond}]\n",
            "not used: vlan, bond",
        ),
        (
            "network-config",
            "version: 2\nethernets: {a: {match: {macaddress: 52:54:00:00:00:02}, addresses: [192.0.2.9/24]}}\n",
            "the machine has no such adapter: 52:54:00:00:00:02",
        ),
        ("vendor-data", "#cloud-config\n", "nocloud: not used: vendor-data"),
        (
            "META_DAT",
            "local-hostname: x\n",
            "the volume CIDATA has no file meta-data, user-data or network-config",
        ),
    ];
    let machine = machine();
    let before = crate::firstboot::settings::configuration(&machine);
    for (name, text, note) in lines {
        seed(&machine, &[(name, text)]);
        let said = start(&machine);
        assert!(said.contains(note), "{text}: {said}");
        assert_eq!(crate::firstboot::settings::configuration(&machine), before, "{text}");
    }
    insert(&machine, &[("ovf-env.xml", environment(&[("hostnam", "x")]).as_bytes())]);
    assert!(start(&machine).contains("ovf-iso: not used: slipway.hostnam\n"));
}

#[test]
fn keys_of_every_kind_of_user_are_those_of_admin() {
    for users in [
        format!("user:\n  name: ops\n  ssh_authorized_keys: [{KEY}]\nusers: [default]\n"),
        format!("users:\n  ops:\n    ssh_authorized_keys: {KEY}\n"),
        format!("users:\n  - name: ops\n    ssh-authorized-keys: [{KEY}]\n"),
    ] {
        let machine = machine();
        seed(&machine, &[("user-data", &format!("#cloud-config\n{users}"))]);
        assert_eq!(start(&machine), "", "{users}");
        assert_eq!(machine.read("home/admin/.ssh/authorized_keys"), format!("{KEY}\n"));
    }
}

#[test]
fn a_router_outside_of_the_machines_network_is_on_the_link() {
    let config = "version: 2\nethernets:\n  e0:\n    addresses: [192.0.2.10/24]\n    \
        routes: [{to: 0.0.0.0/0, via: 169.254.0.1, on-link: true}]\n";
    let on_link = "\n[Route]\nGateway=169.254.0.1\nGatewayOnLink=yes\n";
    let machine = machine();
    seed(&machine, &[("network-config", config)]);
    assert_eq!(start(&machine), "");
    let text = network(&machine);
    assert!(text.contains("Address=192.0.2.10/24\n") && text.contains(on_link), "{text}");
    // without that setting, the router cannot be reached
    seed(&machine, &[("network-config", &config.replace(", on-link: true", ""))]);
    assert!(start(&machine).contains("is not in the network"));
    let alone = [("address", "192.0.2.10/32"), ("gateway", "169.254.0.1")];
    insert(&machine, &[("ovf-env.xml", environment(&alone).as_bytes())]);
    assert_eq!(start(&machine), "");
    let text = network(&machine);
    assert!(text.contains("Address=192.0.2.10/32\n") && text.contains(on_link), "{text}");
}

#[test]
fn a_seed_that_appears_late_is_taken_before_the_network_is_declared() {
    let machine = machine();
    machine.record("networkctl");
    assert_eq!(start(&machine), "");
    assert_eq!(machine.run("network").0, 0);
    assert!(!machine.has("fake/calls"), "nothing came");
    let config = "version: 2\nethernets: {e: {addresses: [192.0.2.20/24], gateway4: 192.0.2.1}}\n";
    seed(&machine, &[("meta-data", "local-hostname: late\n"), ("network-config", config)]);
    let (code, _, said) = machine.run("network");
    assert_eq!(code, 0, "{said}");
    assert_eq!(machine.read("etc/hostname"), "late\n");
    assert!(network(&machine).contains("Address=192.0.2.20/24\nGateway=192.0.2.1\n"));
    assert_eq!(machine.read("fake/calls"), "networkctl reload\n");
}

#[test]
fn devices_that_udev_is_still_finding_are_waited_for() {
    let machine = machine();
    insert(&machine, &[("readme", b"")]);
    let disc = machine.root().join("fake/late");
    std::fs::rename(machine.root().join("dev/sr0"), &disc).unwrap();
    insert(&machine, &[("ovf-env.xml", environment(&[("hostname", "slow")]).as_bytes())]);
    std::fs::rename(machine.root().join("dev/sr0"), &disc).unwrap();
    // udev reports an end twice before its work has ended
    machine.script(
        "fake/bin/udevadm",
        "echo x >>\"$SLIPWAY_ROOT/fake/rounds\"\n\
        [ \"$(wc -l <\"$SLIPWAY_ROOT/fake/rounds\")\" -gt 2 ] || exit 1\n\
        mv \"$SLIPWAY_ROOT/fake/late\" \"$SLIPWAY_ROOT/dev/sr0\"",
    );
    assert_eq!(start(&machine), "slipway: settings: waiting for the devices of this machine\n");
    assert_eq!(machine.read("etc/hostname"), "slow\n");
}
