//! Settings from outside: what a machine makes of a seed or a disc.

use std::process::Command;
use std::sync::OnceLock;

use crate::common::project::Project;
use crate::masterless;

/// What a machine shows of its settings, in this order; last, whether its firmware enforces Secure Boot: the
/// variable's fifth byte is its value (UEFI 2.10, 3.3: SecureBoot).
const SHOWN: [&str; 8] = [
    "cat /proc/sys/kernel/hostname",
    "cat /var/lib/slipway/inputs/source",
    "ip -4 -o addr show scope global",
    "grep ^nameserver /run/systemd/resolve/resolv.conf",
    "ssh-keygen -lf /home/admin/.ssh/authorized_keys",
    "sshd -T -C user=admin,host=x,addr=192.0.2.1 | grep ^passwordauthentication",
    "systemd-analyze blame --no-pager | grep slipway-inputs",
    "od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c || echo none",
];

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLZeEHMRyJ0gnoKSlh0vp60yW+hu0e7q5LIEeyVGQCQ me";

/// The details of [`SHOWN`] after a boot with this medium.
fn shown(arguments: &[&str]) -> Vec<String> {
    let smoke = outside().smoke("outside", arguments);
    smoke.assert_code(0);
    let probes = smoke.report["boots"][0]["probes"].as_array().unwrap();
    let details = probes.iter().filter(|probe| probe.get("index").is_some());
    let details: Vec<String> =
        details.map(|probe| probe["detail"].as_str().unwrap().to_owned()).collect();
    println!("{details:#?}");
    details
}

fn assert_settings(shown: &[String], name: &str, source: &str) {
    assert_eq!(shown[0], name);
    assert_eq!(shown[1], source);
    // QEMU's own DHCP server would have given the same address, and it would be "dynamic"
    assert!(
        shown[2].contains("inet 10.0.2.15/24 ") && !shown[2].contains("dynamic"),
        "{}",
        shown[2]
    );
    assert_eq!(shown[3], "nameserver 192.0.2.53");
    assert!(shown[4].ends_with(" me (ED25519)"), "{}", shown[4]);
    assert_eq!(shown[5], "passwordauthentication no");
}

/// The image whose settings come from outside.
fn outside() -> &'static Project {
    static IMAGE: OnceLock<Project> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let project = Project::new();
        project.publish("tiny");
        let probes: String =
            SHOWN.map(|command| format!("[[probes]]\ncommand = '{command}'\n")).concat();
        project.profile("outside", &masterless("tiny", &probes));
        project.build("outside");
        project
    })
}

fn at(name: &str) -> String {
    outside().root().join(name).to_str().unwrap().to_owned()
}

/// Runs a program where that image is.
fn make(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let status = command.args(arguments).current_dir(outside().root()).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

/// What the machine shows after a start with Secure Boot and a NoCloud seed.
fn seeded() -> &'static [String] {
    static BOOT: OnceLock<Vec<String>> = OnceLock::new();
    BOOT.get_or_init(|| {
        make_seed();
        shown(&["--firmware", "secure-boot", "--seed", &at("seed.img")])
    })
}

fn make_seed() {
    std::fs::write(at("meta-data"), "instance-id: i-1\nlocal-hostname: seeded.example\n").unwrap();
    std::fs::write(at("user-data"), format!("#cloud-config\nssh_authorized_keys: [{KEY}]\n"))
        .unwrap();
    let network = "version: 2\nethernets:\n  any:\n    addresses: [10.0.2.15/24]\n    gateway4: 10.0.2.2\n    \
        nameservers: {addresses: [192.0.2.53]}\n";
    std::fs::write(at("network-config"), network).unwrap();
    make(
        "mformat",
        &["-C", "-i", "seed.img", "-v", "CIDATA", "-t", "32", "-h", "2", "-s", "32", "::"],
    );
    make("mcopy", &["-i", "seed.img", "meta-data", "user-data", "network-config", "::"]);
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn the_boot_chain_is_accepted_by_secure_boot_with_microsofts_keys() {
    assert_eq!(seeded()[7].trim(), "1");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn name_address_and_key_come_from_a_nocloud_seed() {
    assert_settings(seeded(), "seeded", "nocloud");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn name_address_and_key_come_from_an_ovf_disc() {
    std::fs::create_dir(at("disc")).unwrap();
    let property =
        |key, value| format!("<Property oe:key=\"slipway.{key}\" oe:value=\"{value}\"/>");
    let properties = [
        ("hostname", "discs.example"),
        ("address", "10.0.2.15/24"),
        ("gateway", "10.0.2.2"),
        ("dns", "192.0.2.53"),
        ("admin_keys", KEY),
    ];
    let properties = properties.map(|(key, value)| property(key, value)).concat();
    let space = "http://schemas.dmtf.org/ovf/environment/1";
    let text = format!(
        "<?xml version=\"1.0\"?><Environment xmlns=\"{space}\" xmlns:oe=\"{space}\"><PropertySection>{properties}\
         </PropertySection></Environment>"
    );
    std::fs::write(at("disc/ovf-env.xml"), text).unwrap();
    make("xorriso", &["-as", "mkisofs", "-quiet", "-V", "OVF ENV", "-o", "disc.iso", "disc"]);
    assert_settings(&shown(&["--cdrom", &at("disc.iso")]), "discs", "ovf-iso");
}
