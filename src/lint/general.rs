//! Rules for every platform.

use super::{Facts, Finding, Severity, Unread};
use crate::inspect::{Inside, System, Table};

/// Device names that depend on the controller, so that a disk is not found when it moves elsewhere.
const DEVICE_NAMES: [&str; 6] =
    ["/dev/sd", "/dev/hd", "/dev/vd", "/dev/xvd", "/dev/nvme", "/dev/mmc"];
/// A serial console, on x86 and elsewhere.
const SERIAL: [&str; 2] = ["console=ttyS", "console=ttyAMA"];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(reason) = &facts.cut_off {
        let fix = "copy it again: the copy was interrupted";
        findings.push(Finding::error("cut-off", reason.as_str(), fix));
    }
    match &facts.inside {
        Err(reason) => findings.push(unread(reason, "the disk", Severity::Warning)),
        Ok(inside) => {
            table(facts, inside, &mut findings);
            boot(inside, &mut findings);
            system(&inside.system, &mut findings);
        }
    }
    findings
}

/// The finding that something was not examined; `severity` is for the case that it may be sound.
pub(super) fn unread(unread: &Unread, what: &str, severity: Severity) -> Finding {
    match unread {
        Unread::Damaged(reason) => {
            let reason = format!("{what} cannot be read: {reason}");
            let fix = "build it again, or compare its SHA-256 with the record's";
            Finding::error("unreadable", reason, fix)
        }
        Unread::Refused { reason, fix } => {
            let reason = format!("{what} was not looked at: {reason}");
            let fix = fix.clone().unwrap_or_else(|| "look at it on a running machine".to_owned());
            Finding::new(severity, "not-read", reason, fix)
        }
    }
}

fn table(facts: &Facts, inside: &Inside, findings: &mut Vec<Finding>) {
    let table = &inside.table;
    if !table.both_copies {
        let reason = match table.backup_at {
            Some(at) if at >= facts.size => format!(
                "the disk ends at byte {}, before its second partition table at byte {at}: it is cut off",
                facts.size
            ),
            _ => "the second partition table is not at the disk's end".to_owned(),
        };
        let fix = "copy the image again; for a disk that was enlarged, sgdisk -e moves the table";
        findings.push(Finding::error("backup-table", reason, fix));
    }
    if !root_is_last(table) {
        let reason = "another partition follows root, which therefore cannot grow to the disk";
        let fix = "put the root partition last";
        findings.push(Finding::warning("root-not-last", reason, fix));
    }
}

fn root_is_last(table: &Table) -> bool {
    let last = table.partitions.iter().max_by_key(|partition| partition.offset);
    last.is_none_or(|last| table.root().is_some_and(|root| root.slot == last.slot))
}

fn boot(inside: &Inside, findings: &mut Vec<Finding>) {
    if !inside.bios && !inside.boots_by_uefi() {
        let reason = "the disk has neither GRUB for BIOS nor a boot loader for UEFI";
        findings.push(Finding::error("no-boot", reason, "install a boot loader"));
    }
}

fn system(system: &System, findings: &mut Vec<Finding>) {
    let serial = |line: &String| SERIAL.iter().any(|console| line.contains(console));
    if !system.command_lines.is_empty() && !system.command_lines.iter().any(serial) {
        let reason =
            "the kernel has no serial console: when the machine does not start, nobody sees why";
        let fix = "add console=ttyS0,115200 to the kernel's command line";
        findings.push(Finding::warning("serial-console", reason, fix));
    }
    for device in system.mounted.iter().filter(|d| DEVICE_NAMES.iter().any(|n| d.starts_with(n))) {
        let reason = format!("/etc/fstab mounts {device}, a name that changes with the controller");
        findings.push(Finding::warning("fstab-device", reason, "mount it by its UUID"));
    }
    identity(system, findings);
}

/// Finds identity that two machines made from one image would share.
fn identity(system: &System, findings: &mut Vec<Finding>) {
    let mut shared = |rule, what: String, fix: &str| {
        let reason = format!("the image has {what}: all machines made from it share it");
        findings.push(Finding::warning(rule, reason, fix));
    };
    if let Some(id) = &system.machine_id {
        let fix = "write \"uninitialized\" to /etc/machine-id";
        shared("machine-id", format!("the machine id {id}"), fix);
    }
    if let Some(key) = system.host_keys.first() {
        shared("host-keys", format!("the SSH key {key}"), "remove it; make it at the first boot");
    }
    if let Some(seed) = system.seeds.first() {
        shared("random-seed", format!("the random seed {seed}"), "remove it");
    }
}
