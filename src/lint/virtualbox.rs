//! VirtualBox.

use super::{Facts, Finding, convert_to, drivers, package, wrong_format};
use crate::profile::Format;

const NEEDS: [drivers::Need; 2] =
    [("disks", &["ahci", "ata_piix", "mptspi"]), ("network", &["e1000", "virtio_net"])];
/// Devices that VMware has and VirtualBox does not.
const VMWARE_ONLY: [&str; 2] = ["virtualscsi", "vmxnet3"];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match facts.format {
        Format::Ova | Format::Vmdk | Format::VmdkSparse | Format::Vhd | Format::VhdDynamic => {}
        Format::Qcow2 | Format::Qcow2Plain | Format::Vhdx => {
            let reason =
                format!("VirtualBox reads {} at best, and does not write it", facts.format);
            findings.push(Finding::warning("format", reason, convert_to(Format::Ova)));
        }
        Format::Qcow2Zstd => {
            let reason = "its clusters are compressed with zstd, which VirtualBox does not know";
            findings.push(Finding::error("zstd", reason, convert_to(Format::Ova)));
        }
        Format::Raw | Format::RawZst | Format::Gce => {
            findings.push(wrong_format(facts, "VirtualBox", Format::Ova));
        }
    }
    if let Some(package) = &facts.package {
        findings.extend(package::check(package, facts.size));
        for device in package.controllers.iter().chain(&package.networks) {
            if VMWARE_ONLY.contains(&device.to_ascii_lowercase().as_str()) {
                let reason =
                    format!("VirtualBox has no {device}: it puts something else in its place");
                let fix = "ask for lsilogic or AHCI, and for E1000";
                findings.push(Finding::warning("device", reason, fix));
            }
        }
    }
    findings.extend(drivers::check(facts, "VirtualBox", &NEEDS));
    findings
}
