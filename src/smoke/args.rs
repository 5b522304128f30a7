//! The arguments of QEMU: pure, so that they can be read and tested without a machine.

use std::path::Path;

use serde_json::{Value, json};

use super::net::TestNetwork;
use super::order::{Accelerator, Firmware};
use super::overlay::Overlay;
use crate::units::{ByteSize, MIB};

/// Everything that decides how QEMU is started.
#[derive(Clone, Copy, Debug)]
pub struct Hardware<'a> {
    /// What runs the instructions.
    pub accelerator: Accelerator,
    /// Whether a translated processor has AVX.
    pub avx: bool,
    /// What the machine starts with; UEFI with the files of its flash.
    pub firmware: Firmware,
    /// The firmware's code and this machine's own copy of its variables; UEFI only.
    pub flash: Option<(&'a Path, &'a Path)>,
    /// The overlay, and what lies under it.
    pub disk: &'a Overlay,
    /// An ISO image in the drive.
    pub cdrom: Option<&'a Path>,
    /// A second disk, raw.
    pub seed: Option<&'a Path>,
    /// Memory.
    pub memory: ByteSize,
    /// Processors.
    pub vcpus: u32,
    /// The network that it is in.
    pub network: &'a TestNetwork,
    /// Ports of the guest to reach from the host, the status port among them.
    pub ports: &'a [u16],
    /// What the guest shall repeat.
    pub nonce: &'a str,
}

/// The arguments. QMP is expected on file descriptor 0, the serial line on 1, both sockets: no path to
/// clean up, no port, and nobody else can connect.
pub fn arguments(hardware: &Hardware<'_>) -> Vec<String> {
    let mut list = Vec::new();
    let mut add = |name: &str, value: String| list.extend([format!("-{name}"), value]);
    add("name", "slipway-smoke".to_owned());
    add("machine", machine(hardware));
    let (accelerator, processor) = acceleration(hardware.accelerator, hardware.avx);
    add("accel", accelerator.to_owned());
    add("cpu", processor);
    add("smp", hardware.vcpus.to_string());
    add("m", format!("{}M", hardware.memory.bytes() / MIB));
    add("smbios", format!("type=1,family=slipway-smoke-{}", hardware.nonce));
    for node in flash_nodes(hardware) {
        add("blockdev", node.to_string());
    }
    for global in secure_flash(hardware.firmware) {
        add("global", (*global).to_owned());
    }
    add("blockdev", disk_node(hardware.disk).to_string());
    add("device", "virtio-blk-pci,drive=disk,bootindex=0".to_owned());
    for (name, device, path) in [
        ("seed", "virtio-blk-pci,drive=seed", hardware.seed),
        // q35 has the controller, and every base's kernel its driver
        ("cdrom", "ide-cd,drive=cdrom,bus=ide.0", hardware.cdrom),
    ] {
        if let Some(path) = path {
            add("blockdev", read_only_node(name, path).to_string());
            add("device", device.to_owned());
        }
    }
    add("netdev", hardware.network.netdev(hardware.ports));
    // no option ROM: a machine that cannot boot from its disk shall say so, not try the network
    add("device", "virtio-net-pci,netdev=net,romfile=".to_owned());
    add("device", "virtio-rng-pci".to_owned());
    add("chardev", "socket,id=qmp,fd=0".to_owned());
    add("mon", "chardev=qmp,mode=control".to_owned());
    add("chardev", "socket,id=serial,fd=1".to_owned());
    add("serial", "chardev:serial".to_owned());
    add("display", "none".to_owned());
    add("vga", "std".to_owned());
    // a machine that stops by itself stays, paused: its screen is evidence
    add("action", "reboot=shutdown,shutdown=pause,panic=pause".to_owned());
    list.extend(FIXED.map(str::to_owned));
    list
}

/// What every machine is started with: nothing that a file of the host's adds, and the system calls that QEMU
/// needs for a machine alone, whatever its guest makes of it.
pub const FIXED: [&str; 4] = ["-nodefaults", "-no-user-config", "-sandbox", SANDBOX];
const SANDBOX: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

/// All that QEMU can translate, as Intel's first Atom (family 6, model 28).
///
/// `max` alone is of AMD, and there Linux trusts the processors' time stamp counters only when they are
/// invariant, which QEMU cannot promise when it translates: with two processors the clock becomes the HPET, and
/// each reading of it a system call and an access to a device under QEMU's lock (`unsynchronized_tsc`,
/// arch/x86/kernel/tsc.c). Counters of an Intel are trusted, and QEMU's do run together: all read one clock of
/// the host. This model besides is known not to speculate (`cpu_vuln_whitelist`, arch/x86/kernel/cpu/common.c), so the
/// kernel's defences, which guard against nothing in a translated machine, are left out.
const TRANSLATED: &str = "max,vendor=GenuineIntel,family=6,model=28,stepping=10";

/// Copying, comparing and hashing by vectors of 32 bytes is what QEMU translates worst, and every program's C library
/// does so where it can; nor had that Atom XSAVE, which takes long at every change of process. Without it alone
/// programs leave AVX alone, but Linux's own AES does not ask for it, and dies: so what builds on AVX goes by name.
const WITHOUT_AVX: &str = ",-xsave,-avx,-avx2,-fma,-f16c,-vaes,-vpclmulqdq";

/// What runs the instructions, and the processor that the guest sees; `avx` matters to a translated one.
///
/// `-cpu host` with KVM: what a customer's hypervisor shows its guests.
pub fn acceleration(accelerator: Accelerator, avx: bool) -> (&'static str, String) {
    match accelerator {
        Accelerator::Kvm => ("kvm", "host".to_owned()),
        Accelerator::Tcg => {
            let less = if avx { "" } else { WITHOUT_AVX };
            ("tcg,thread=multi", format!("{TRANSLATED}{less}"))
        }
    }
}

fn machine(hardware: &Hardware<'_>) -> String {
    let smm = match hardware.firmware {
        Firmware::Bios | Firmware::Uefi => "off",
        Firmware::SecureBoot => "on",
    };
    let flash = match hardware.flash {
        Some(_) => ",pflash0=code,pflash1=variables",
        None => "",
    };
    format!("q35,smm={smm}{flash}")
}

/// Secure Boot means nothing when the guest can write the variables behind the firmware's back.
fn secure_flash(firmware: Firmware) -> &'static [&'static str] {
    match firmware {
        Firmware::Bios | Firmware::Uefi => &[],
        Firmware::SecureBoot => {
            &["driver=cfi.pflash01,property=secure,value=on", "ICH9-LPC.disable_s3=1"]
        }
    }
}

/// JSON, because in QEMU's short syntax a comma in a path has to be doubled.
fn flash_nodes(hardware: &Hardware<'_>) -> Vec<Value> {
    let node = |name: &str, path: &Path, read_only: bool| {
        json!({"driver": "raw", "node-name": name, "read-only": read_only,
            "file": {"driver": "file", "filename": path}})
    };
    match hardware.flash {
        Some((code, variables)) => {
            vec![node("code", code, true), node("variables", variables, false)]
        }
        None => Vec::new(),
    }
}

/// `no-flush` leaves out the host's fsync, nothing else: what the guest flushed is in the host's page
/// cache and survives the end of QEMU, which is the power cut that we test. Only a crash of the host
/// would lose it, and then the test is over anyway.
fn disk_node(disk: &Overlay) -> Value {
    json!({"driver": "qcow2", "node-name": "disk", "discard": "unmap",
        "cache": {"no-flush": true}, "backing": disk.backing(),
        "file": {"driver": "file", "filename": disk.path, "cache": {"no-flush": true}}})
}

fn read_only_node(name: &str, path: &Path) -> Value {
    json!({"driver": "raw", "node-name": name, "read-only": true,
        "file": {"driver": "file", "filename": path, "read-only": true}})
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::smoke::overlay::Driver;
    use crate::units::GIB;

    static NETWORK: LazyLock<TestNetwork> = LazyLock::new(TestNetwork::default);
    static DISK: LazyLock<Overlay> = LazyLock::new(|| Overlay {
        path: "/tmp/a, b.qcow2".into(),
        base: "/c, d.qcow2".into(),
        driver: Driver::Qcow2,
    });

    fn hardware<'a>(firmware: Firmware, flash: Option<(&'a Path, &'a Path)>) -> Hardware<'a> {
        Hardware {
            accelerator: Accelerator::Tcg,
            avx: false,
            firmware,
            flash,
            disk: &DISK,
            cdrom: None,
            seed: None,
            memory: ByteSize(2 * GIB),
            vcpus: 2,
            network: &NETWORK,
            ports: &[8008, 80],
            nonce: "abc",
        }
    }

    fn has(list: &[String], name: &str, value: &str) -> bool {
        list.windows(2).any(|pair| pair[0] == name && pair[1] == value)
    }

    #[test]
    fn a_bios_machine_has_no_flash_and_no_way_out() {
        let list = arguments(&hardware(Firmware::Bios, None));
        assert!(has(&list, "-machine", "q35,smm=off"));
        assert!(has(&list, "-m", "2048M"));
        assert!(has(&list, "-smbios", "type=1,family=slipway-smoke-abc"));
        let net = list.windows(2).find(|pair| pair[0] == "-netdev").unwrap()[1].clone();
        assert!(net.starts_with("user,id=net,restrict=on,net=10.0.2.0/24,"), "{net}");
        assert!(net.contains("8008,hostfwd=tcp:127.0.0.1:0-10.0.2.15:80"), "{net}");
    }

    #[test]
    fn a_translated_processor_has_avx_when_it_is_asked_for() {
        let plain = hardware(Firmware::Bios, None);
        let processor = |hardware: &Hardware<'_>| {
            let list = arguments(hardware);
            list.windows(2).find(|pair| pair[0] == "-cpu").unwrap()[1].clone()
        };
        assert!(processor(&plain).contains(",-xsave,-avx,"));
        assert!(processor(&Hardware { avx: true, ..plain }).ends_with(",stepping=10"));
        assert_eq!(processor(&Hardware { accelerator: Accelerator::Kvm, ..plain }), "host");
    }

    #[test]
    fn secure_boot_protects_its_variables() {
        let flash = Some((Path::new("/c.fd"), Path::new("/v.fd")));
        let list = arguments(&hardware(Firmware::SecureBoot, flash));
        assert!(has(&list, "-machine", "q35,smm=on,pflash0=code,pflash1=variables"));
        assert!(has(&list, "-global", "driver=cfi.pflash01,property=secure,value=on"));
    }

    #[test]
    fn a_disc_and_a_seed_are_only_read() {
        let plain = hardware(Firmware::Bios, None);
        let list = arguments(&Hardware {
            cdrom: Some(Path::new("/a.iso")),
            seed: Some(Path::new("/b.img")),
            ..plain
        });
        assert!(has(&list, "-device", "ide-cd,drive=cdrom,bus=ide.0"));
        assert!(has(&list, "-device", "virtio-blk-pci,drive=seed"));
        for path in ["/a.iso", "/b.img"] {
            let node = list.iter().find(|a| a.contains(path)).unwrap();
            assert_eq!(node.matches("\"read-only\":true").count(), 2, "{node}");
        }
        assert!(!arguments(&plain).iter().any(|a| a.contains("cdrom") || a.contains("seed")));
    }

    #[test]
    fn qemu_is_confined_and_follows_no_file_to_another_one() {
        let list = arguments(&hardware(Firmware::Bios, None));
        let sandbox = list.windows(2).find(|pair| pair[0] == "-sandbox").unwrap();
        for word in ["on", "obsolete=deny", "elevateprivileges=deny", "spawn=deny"] {
            assert!(sandbox[1].split(',').any(|w| w == word), "{word}: {}", sandbox[1]);
        }
        let node = list.iter().find(|a| a.contains("/tmp/a, b.qcow2")).unwrap();
        let node: Value = serde_json::from_str(node).unwrap();
        assert_eq!(node["backing"]["driver"], "qcow2");
        assert_eq!(node["backing"]["backing"], Value::Null);
        assert!(node["backing"].as_object().unwrap().contains_key("backing"));
        // and no driver is left to QEMU's guess
        for node in list.iter().filter(|a| a.starts_with('{')) {
            assert!(node.contains("\"driver\":\"raw\"") || node.contains("\"qcow2\""), "{node}");
        }
    }

    #[test]
    fn a_comma_in_a_path_stays_inside_the_path() {
        let list = arguments(&hardware(Firmware::Bios, None));
        assert!(list.iter().any(|a| a.contains("\"filename\":\"/tmp/a, b.qcow2\"")));
    }
}
