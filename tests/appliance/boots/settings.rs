//! Settings from outside: what a machine makes of a seed or a disc. Both machines have no master,
//! and are used for more than their settings, also by [`super`].

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::boots::masterless;
use crate::common::disk::GuestDisk;
use crate::common::project::{Project, Smoke};

/// What a machine shows about its settings, in this order. The last one is whether its firmware
/// enforces Secure Boot: the variable's fifth byte is its value (UEFI 2.10, 3.3: SecureBoot).
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

/// A machine that showed its settings.
pub struct Shown {
    pub smoke: Smoke,
    /// What [`SHOWN`] printed on its first start.
    details: Vec<String>,
}

/// What a machine left behind.
pub struct Left {
    pub smoke: Smoke,
    pub disk: GuestDisk,
}

/// Builds a machine of this site on this base, with the medium that `make` puts into the folder; `probes` are
/// further probes, as TOML.
fn built(base: &str, site: &str, probes: &str, make: fn(&Path)) -> Project {
    let project = Project::new();
    project.publish(site);
    let shown: String =
        SHOWN.map(|command| format!("[[probes]]\ncommand = '{command}'\n")).concat();
    project.profile("outside", &masterless(base, site, &(shown + probes)));
    project.build("outside");
    make(project.root());
    project
}

fn shown(smoke: Smoke) -> Shown {
    let probes = smoke.report["boots"][0]["probes"].as_array().unwrap();
    let details = probes.iter().filter(|probe| probe.get("index").is_some());
    let details: Vec<String> =
        details.map(|probe| probe["detail"].as_str().unwrap().to_owned()).collect();
    println!("{details:#?}");
    Shown { smoke, details }
}

/// Starts a machine, and keeps its disk.
fn left(project: &Project, arguments: &[&str]) -> Left {
    let kept = project.root().join(format!("{}.qcow2", arguments.len()));
    let keep = ["--keep-disk", kept.to_str().unwrap()];
    let smoke = project.smoke("outside", &[arguments, &keep].concat());
    smoke.assert_code(0);
    let disk = GuestDisk::open(&kept);
    std::fs::remove_file(&kept).unwrap();
    Left { smoke, disk }
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

/// Runs a program in a folder.
fn make(folder: &Path, program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).current_dir(folder).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

/// The demo's site, with probes that store a value, ask for it, and check that UEFI started it.
const STORES: &str = "
[[probes]]
http = \"/health\"
[[probes]]
http = \"/api/entries\"
post = \"text=kept+{nonce}\"
status = 201
[[probes]]
http = \"/api/entries\"
text = \"kept {nonce}\"
[[probes]]
command = \"test -d /sys/firmware/efi\"
";

/// An image of the demo's site, and a NoCloud seed: two machines are made of it.
fn seed() -> &'static Project {
    static BUILT: OnceLock<Project> = OnceLock::new();
    BUILT.get_or_init(|| built("debian-12", "demo", STORES, make_seed))
}

/// By UEFI with Secure Boot, and a second start.
pub fn seeded() -> &'static (Shown, GuestDisk) {
    static BOOT: OnceLock<(Shown, GuestDisk)> = OnceLock::new();
    BOOT.get_or_init(|| {
        let firmware = ["--firmware", "secure-boot", "--reboot"];
        let Left { smoke, disk } = left(seed(), &[&firmware[..], &SEEDED].concat());
        (shown(smoke), disk)
    })
}

/// The same image once more, by UEFI, on a larger disk; the power is cut in the middle of the first converge.
pub fn twin() -> &'static Left {
    static BOOT: OnceLock<Left> = OnceLock::new();
    BOOT.get_or_init(|| {
        let firmware = ["--firmware", "uefi", "--cut-at", "CONVERGING", "--disk-size", "100 GiB"];
        left(seed(), &[&firmware[..], &SEEDED].concat())
    })
}

/// With one processor: two machines run at a time, and four emulated processors on two real ones wait for each
/// other's locks, which costs a fifth more. The broken site has the two that profiles recommend.
const SEEDED: [&str; 4] = ["--seed", "seed.img", "--vcpus", "1"];

/// The page that the expired site continues to serve.
const PAGE: &str = "
[[probes]]
http = \"/\"
text = \"still serving\"
";

/// Debian 13 by BIOS, an OVF disc, a site that converges once and never again, and a second start.
pub fn with_disc() -> &'static Shown {
    static BOOT: OnceLock<Shown> = OnceLock::new();
    BOOT.get_or_init(|| {
        let medium = ["--cdrom", "disc.iso", "--reboot", "--vcpus", "1"];
        let project = built("debian-13", "expiring", PAGE, make_disc);
        shown(project.smoke("outside", &medium))
    })
}

fn make_seed(folder: &Path) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("meta-data", "instance-id: i-1\nlocal-hostname: seeded.example\n");
    write("user-data", &format!("#cloud-config\nssh_authorized_keys: [{KEY}]\n"));
    let network = "version: 2\nethernets:\n  any:\n    addresses: [10.0.2.15/24]\n    gateway4: 10.0.2.2\n    \
        nameservers: {addresses: [192.0.2.53]}\n";
    write("network-config", network);
    let size = ["-C", "-i", "seed.img", "-v", "CIDATA", "-t", "32", "-h", "2", "-s", "32", "::"];
    make(folder, "mformat", &size);
    let files = ["-i", "seed.img", "meta-data", "user-data", "network-config", "::"];
    make(folder, "mcopy", &files);
}

fn make_disc(folder: &Path) {
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
    std::fs::create_dir(folder.join("disc")).unwrap();
    std::fs::write(folder.join("disc/ovf-env.xml"), text).unwrap();
    let disc = ["-as", "mkisofs", "-quiet", "-V", "OVF ENV", "-o", "disc.iso", "disc"];
    make(folder, "xorriso", &disc);
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn the_boot_chain_is_accepted_by_secure_boot_with_microsofts_keys() {
    assert_eq!(seeded().0.details[7].trim(), "1");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn name_address_and_key_come_from_a_nocloud_seed() {
    assert_settings(&seeded().0.details, "seeded", "nocloud");
}

#[test]
#[ignore = "takes minutes: scripts/test runs it"]
fn name_address_and_key_come_from_an_ovf_disc() {
    // FAILED or DEGRADED, as its second start should be: a failing probe has a code of its own
    with_disc().smoke.assert_code(11);
    assert_settings(&with_disc().details, "discs", "ovf-iso");
}
