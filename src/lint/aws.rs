//! Amazon's VM Import/Export (its user guide, "Requirements for importing a VM").

use super::{Facts, Finding, convert_to, drivers, wrong_format};
use crate::profile::Format;

/// Today's machines (Nitro) present their disks as NVMe and their network as ENA; VM Import itself
/// starts the machine once on an older type, but only if it must.
const NEEDS: [drivers::Need; 2] = [("disks", &["nvme"]), ("network", &["ena"])];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match facts.format {
        Format::Raw | Format::Vhd | Format::VhdDynamic | Format::Vhdx | Format::Vmdk => {}
        Format::Ova => {}
        Format::VmdkSparse => {
            let reason =
                "VM Import takes VMDKs that are streamOptimized, and this one is monolithicSparse";
            findings.push(Finding::error("format", reason, convert_to(Format::Vmdk)));
        }
        Format::RawZst | Format::Qcow2 | Format::Qcow2Zstd | Format::Qcow2Plain | Format::Gce => {
            findings.push(wrong_format(facts, "VM Import", Format::Vmdk))
        }
    }
    if let Ok(inside) = &facts.inside {
        let (reason, fix) = match (inside.bios, inside.boots_by_uefi()) {
            (true, true) => {
                ("the disk boots by BIOS and by UEFI", "import it with --boot-mode uefi")
            }
            (true, false) => {
                ("the disk boots by BIOS alone", "import it with --boot-mode legacy-bios")
            }
            (false, true) => ("the disk boots by UEFI alone", "import it with --boot-mode uefi"),
            // a finding for every platform
            (false, false) => return findings,
        };
        findings.push(Finding::note("boot-mode", reason, fix));
    }
    findings.extend(drivers::check(facts, "EC2", &NEEDS));
    findings
}
