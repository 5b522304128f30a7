//! Azure (Microsoft, "Prepare Linux for imaging" and "Create and upload a generic Linux virtual
//! machine").

use super::{Facts, Finding, convert_to, drivers, wrong_format};
use crate::inspect::{Container, System};
use crate::profile::Format;
use crate::units::{GIB, MIB};

/// The largest disk that an image may have, in bytes: only machines of generation 2 allow more, and
/// their system disks have their own limits.
const LIMIT: u64 = 2048 * GIB;
/// Bytes of a VHD's footer.
const FOOTER: u64 = 512;
pub(super) const NEEDS: [drivers::Need; 2] =
    [("disks", &["hv_storvsc"]), ("network", &["hv_netvsc"])];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match (&facts.format, &facts.container) {
        (Format::Vhd, Container::Vhd(footer)) => {
            if footer.size != facts.length.saturating_sub(FOOTER) {
                let reason = format!(
                    "the footer says {} bytes, but there are {} before it",
                    footer.size,
                    facts.length - FOOTER
                );
                findings.push(Finding::error("footer-size", reason, convert_to(Format::Vhd)));
            }
        }
        (Format::VhdDynamic, _) => {
            let reason = "Azure takes fixed VHDs, and this one is dynamic";
            findings.push(Finding::error("format", reason, convert_to(Format::Vhd)));
        }
        _ => findings.push(wrong_format(facts, "Azure", Format::Vhd)),
    }
    if !facts.size.is_multiple_of(MIB) {
        let reason = format!("the disk of {} bytes is not a whole number of MiB", facts.size);
        findings.push(Finding::error("size", reason, "build it with a disk of whole MiB"));
    }
    if facts.size > LIMIT {
        let reason = "the disk is larger than 2 TiB";
        findings.push(Finding::error("size-limit", reason, "build it smaller; it grows on Azure"));
    }
    if let Ok(inside) = &facts.inside {
        system(&inside.system, &mut findings);
        generations(inside.bios, inside.boots_by_uefi(), "Azure", &mut findings);
    }
    findings.extend(drivers::check(facts, "Azure", &NEEDS));
    findings
}

/// Which of Hyper-V's two kinds of machine can boot it.
pub(super) fn generations(bios: bool, uefi: bool, platform: &str, findings: &mut Vec<Finding>) {
    let missing = match (bios, uefi) {
        (true, false) => ("generation 2", "a boot loader on an EFI partition"),
        (false, true) => ("generation 1", "GRUB for BIOS"),
        // both can, or there is a finding for every platform
        (true, true) | (false, false) => return,
    };
    let reason =
        format!("{platform}'s machines of {} cannot boot it: it lacks {}", missing.0, missing.1);
    let fix = "choose the other generation";
    findings.push(Finding::warning("generation", reason, fix));
}

fn system(system: &System, findings: &mut Vec<Finding>) {
    let console = |line: &String| line.contains("console=ttyS0");
    if !system.command_lines.is_empty() && !system.command_lines.iter().any(console) {
        let reason = "without console=ttyS0, boot diagnostics and the serial console stay empty";
        let fix = "add console=ttyS0,115200 to the kernel's command line";
        findings.push(Finding::warning("azure-console", reason, fix));
    }
    for path in &system.addresses {
        let reason = format!("{path} has a fixed address; Azure's networks give addresses by DHCP");
        let fix = "build the image without an address and reserve one in Azure";
        findings.push(Finding::warning("static-address", reason, fix));
    }
    if system.agents.is_empty() {
        let reason = "nothing in the image (waagent, cloud-init) tells Azure that the machine is there: it runs, \
                      but its creation is reported as failed after 40 minutes, and keys and names given in \
                      the portal do not arrive";
        let fix =
            "create it from a specialized image or disk, or add an agent to the base's packages";
        findings.push(Finding::warning("agent", reason, fix));
    }
}
