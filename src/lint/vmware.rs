//! ESXi and vCenter.

use super::package::Package;
use super::{Facts, Finding, convert_to, drivers, package, wrong_format};
use crate::inspect::{Container, VmdkFacts};
use crate::profile::Format;

/// The header's version that ESXi requires of a streamOptimized disk.
const VERSION: u32 = 3;
/// The hardware versions of ESXi 5.0 and of ESXi 7.0: nobody runs older ones, and many do not have
/// newer ones yet.
const HARDWARE: std::ops::RangeInclusive<u32> = 8..=17;
const MODERN: drivers::Need = ("disks", &["vmw_pvscsi", "mptspi", "ahci", "nvme"]);
const NETWORK: drivers::Need = ("network", &["vmxnet3", "e1000", "e1000e"]);
/// Drivers for the devices that a description asks for.
const DEVICES: [(&str, drivers::Need); 6] = [
    ("virtualscsi", ("paravirtual SCSI controller", &["vmw_pvscsi"])),
    ("lsilogic", ("LSI Logic controller", &["mptspi"])),
    ("lsilogicsas", ("LSI Logic SAS controller", &["mptsas"])),
    ("vmware.sata.ahci", ("AHCI controller", &["ahci"])),
    ("vmxnet3", ("VMXNET3 network card", &["vmxnet3"])),
    ("e1000", ("E1000 network card", &["e1000"])),
];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.container {
        Container::Ova(_, vmdk) => stream(vmdk, Format::Ova, &mut findings),
        Container::Vmdk(vmdk) if facts.format == Format::Vmdk => {
            stream(vmdk, Format::Vmdk, &mut findings);
            let reason = "a disk alone needs a machine made for it by hand";
            findings.push(Finding::note("package", reason, convert_to(Format::Ova)));
        }
        Container::Vmdk(_) => {
            let reason = "the VMDK is monolithicSparse, which Workstation and Fusion use and ESXi cannot import";
            findings.push(Finding::error("format", reason, convert_to(Format::Ova)));
        }
        _ => findings.push(wrong_format(facts, "VMware", Format::Ova)),
    }
    if let Some(package) = &facts.package {
        findings.extend(package::check(package, facts.size));
        hardware(package, &mut findings);
        let asked = package.controllers.iter().chain(&package.networks);
        for device in asked.map(|name| name.to_ascii_lowercase()) {
            let needs = DEVICES.iter().filter(|(name, _)| *name == device);
            findings.extend(needs.flat_map(|(_, need)| drivers::check(facts, "VMware", &[*need])));
        }
    }
    findings.extend(drivers::check(facts, "VMware", &[MODERN, NETWORK]));
    findings
}

/// ESXi's requirements for a streamOptimized disk.
fn stream(vmdk: &VmdkFacts, format: Format, findings: &mut Vec<Finding>) {
    let mut wrong = |rule, reason: &str| {
        findings.push(Finding::error(rule, reason, convert_to(format)));
    };
    if !vmdk.compressed || vmdk.create_type.as_deref() != Some("streamOptimized") {
        wrong("stream", "the VMDK is not streamOptimized, and ESXi imports no other");
    }
    if vmdk.version != VERSION {
        let reason = format!(
            "the VMDK's header has version {}, and ESXi refuses all but {VERSION}",
            vmdk.version
        );
        wrong("vmdk-version", &reason);
    }
    if vmdk.compressed && !vmdk.markers {
        wrong("markers", "the VMDK has no markers, without which it cannot be read as a stream");
    }
    if vmdk.compressed && !vmdk.footer {
        let reason = "the VMDK's header is not repeated at its end, as ESXi's own tools do";
        findings.push(Finding::warning("footer", reason, convert_to(format)));
    }
}

fn hardware(package: &Package, findings: &mut Vec<Finding>) {
    let fix = convert_to(Format::Ova);
    match package.hardware() {
        None => {
            let reason = "the description names no hardware version (vmx-N): ESXi refuses it";
            findings.push(Finding::error("hardware", reason, fix));
        }
        Some(version) if version > *HARDWARE.end() => {
            let reason = format!("hardware version {version} is newer than ESXi 7.0 knows");
            findings.push(Finding::warning("hardware", reason, fix));
        }
        Some(version) if version < *HARDWARE.start() => {
            let reason = format!("hardware version {version} is older than ESXi 5.0's");
            findings.push(Finding::warning("hardware", reason, fix));
        }
        Some(_) => {}
    }
}
