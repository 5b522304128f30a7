//! What an image's root filesystem says about how it will start elsewhere: consoles, mounts,
//! addresses, identity, drivers.

use std::collections::BTreeSet;

use serde::Serialize;

use super::root::Root;
use crate::error::Result;

/// Files with the kernel's command line: GRUB's, and those of the boot loader specification.
const BOOT_CONFIGS: [&str; 2] = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];
/// The list of a kernel's modules, the list of its built-in drivers, and the largest such list in
/// bytes.
const MODULES: [&str; 2] = ["modules.dep", "modules.builtin"];
/// Folders of network configuration, with the words that set an address there.
const NETWORKS: [(&str, &[&str]); 4] = [
    ("/etc/systemd/network", &["address="]),
    ("/etc/netplan", &["addresses:"]),
    ("/etc/network/interfaces.d", &["address "]),
    ("/etc/NetworkManager/system-connections", &["address1="]),
];
const INTERFACES: &str = "/etc/network/interfaces";
/// Programs that report to Azure that the machine is running, and that set its keys and its name.
const AGENTS: [(&str, &str); 4] = [
    ("/usr/sbin/waagent", "waagent"),
    ("/usr/bin/waagent", "waagent"),
    ("/usr/bin/cloud-init", "cloud-init"),
    ("/usr/lib/slipway/azure", "slipway"),
];
/// Saved randomness, of systemd and of older systems.
const SEEDS: [&str; 2] = ["/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed"];

/// The facts that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct System {
    /// The command lines of the kernels in the boot menu.
    pub command_lines: Vec<String>,
    /// The devices in /etc/fstab.
    pub mounted: Vec<String>,
    /// The machine's id; absent when it will be made at the first boot.
    pub machine_id: Option<String>,
    /// Private keys of the SSH server.
    pub host_keys: Vec<String>,
    /// Files with saved randomness.
    pub seeds: Vec<String>,
    /// Files that set a fixed address for an interface.
    pub addresses: Vec<String>,
    /// Agents for clouds.
    pub agents: Vec<String>,
    /// The drivers of all kernels, built in or as modules, with `_` for `-`; none when no kernel
    /// lists any.
    pub drivers: Option<BTreeSet<String>>,
}

/// Looks at a root filesystem.
pub fn look(root: &Root) -> Result<System> {
    let mut system = System::default();
    for path in BOOT_CONFIGS {
        let text = root.small(path)?.unwrap_or_default();
        system.command_lines.extend(text.lines().filter_map(command_line));
    }
    let fstab = root.small("/etc/fstab")?.unwrap_or_default();
    let devices = fstab.lines().filter_map(|line| line.split_whitespace().next());
    system.mounted = devices.filter(|d| !d.starts_with('#')).map(str::to_owned).collect();
    let id = root.small("/etc/machine-id")?.map(|id| id.trim().to_owned());
    // systemd's words for "make one" (machine-id(5))
    system.machine_id = id.filter(|id| !id.is_empty() && id != "uninitialized");
    let keys = root.names("/etc/ssh")?.into_iter();
    let private = |name: &String| name.starts_with("ssh_host_") && name.ends_with("_key");
    system.host_keys = keys.filter(private).collect();
    for path in SEEDS {
        if root.exists(path)? {
            system.seeds.push(path.to_owned());
        }
    }
    system.addresses = addresses(root)?;
    for (path, name) in AGENTS {
        if root.exists(path)? {
            system.agents.push(name.to_owned());
        }
    }
    system.drivers = drivers(root)?;
    Ok(system)
}

/// The words after `linux PATH` in a menu entry of GRUB's.
fn command_line(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let linux = matches!(words.next(), Some("linux" | "linux16" | "linuxefi"));
    linux.then(|| words.skip(1).collect::<Vec<_>>().join(" "))
}

fn addresses(root: &Root) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (folder, keys) in NETWORKS {
        for name in root.names(folder)? {
            let path = format!("{folder}/{name}");
            if root.is_file(&path)? && has_address(&root.small(&path)?.unwrap_or_default(), keys) {
                found.push(path);
            }
        }
    }
    if has_address(&root.small(INTERFACES)?.unwrap_or_default(), &["address "]) {
        found.push(INTERFACES.to_owned());
    }
    Ok(found)
}

fn has_address(text: &str, keys: &[&str]) -> bool {
    let lines = text.lines().map(|line| line.trim().to_ascii_lowercase());
    lines.into_iter().any(|line| keys.iter().any(|key| line.starts_with(key)))
}

fn drivers(root: &Root) -> Result<Option<BTreeSet<String>>> {
    let mut drivers = BTreeSet::new();
    for version in root.names("/lib/modules")? {
        for list in MODULES {
            let text = root.small(&format!("/lib/modules/{version}/{list}"))?.unwrap_or_default();
            drivers.extend(text.lines().filter_map(driver));
        }
    }
    Ok((!drivers.is_empty()).then_some(drivers))
}

/// The name in a line such as "kernel/drivers/nvme/host/nvme-core.ko.xz: …".
fn driver(line: &str) -> Option<String> {
    let path = line.split(':').next()?;
    let (name, _) = path.rsplit('/').next()?.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_boot_menu_and_of_a_module_list_are_read() {
        let line = "  linux /vmlinuz root=UUID=1 ro console=ttyS0";
        assert_eq!(command_line(line).unwrap(), "root=UUID=1 ro console=ttyS0");
        assert_eq!(command_line("  initrd /initrd.img"), None);
        let line = "kernel/drivers/nvme/host/nvme-core.ko.xz: kernel/lib/crc64.ko.xz";
        assert_eq!(driver(line).as_deref(), Some("nvme_core"));
        assert_eq!(driver("kernel/fs/ext4/ext4.ko").as_deref(), Some("ext4"));
        assert_eq!(driver(""), None);
    }

    #[test]
    fn a_comment_gives_no_address() {
        assert!(has_address("[Network]\nAddress=192.0.2.1/24\n", &["address="]));
        assert!(!has_address("# Address=192.0.2.1/24\nDHCP=yes\n", &["address="]));
    }
}
