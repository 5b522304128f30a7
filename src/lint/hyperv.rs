//! Hyper-V, generations 1 and 2.

use super::{Facts, Finding, azure, drivers, wrong_format};
use crate::inspect::{Container, Inside};
use crate::profile::Format;
use crate::units::{GIB, MIB};

/// The largest VHD, in bytes (Microsoft, "Virtual Hard Disk Image Format Specification"); VHDX has
/// 64 TiB.
const VHD_LIMIT: u64 = 2040 * GIB;
/// Hyper-V's own block size for dynamic disks.
const BLOCK: u64 = 32 * MIB;
/// The file of a VHDX is a whole number of these (\[MS-VHDX\] 2).
const UNIT: u64 = MIB;
/// Who signs boot loaders that are not Windows's.
const AUTHORITY: &str = "Microsoft Corporation UEFI CA";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match (&facts.format, &facts.container) {
        (Format::Vhdx, Container::Vhdx { block, logical_sector }) => {
            vhdx(facts, *block, *logical_sector, &mut findings);
        }
        (Format::Vhd | Format::VhdDynamic, _) => vhd(facts, &mut findings),
        _ => findings.push(wrong_format(facts, "Hyper-V", Format::Vhdx)),
    }
    if let Ok(inside) = &facts.inside {
        azure::generations(inside.bios, inside.boots_by_uefi(), "Hyper-V", &mut findings);
        if facts.format == Format::Vhdx && inside.boots_by_uefi() {
            findings.push(secure_boot(inside));
        }
    }
    findings.extend(drivers::check(facts, "Hyper-V", &azure::NEEDS));
    findings
}

fn vhdx(facts: &Facts, block: u64, sector: u32, findings: &mut Vec<Finding>) {
    if !facts.size.is_multiple_of(u64::from(sector)) {
        let reason = format!("the disk of {} bytes is not a whole number of sectors", facts.size);
        findings.push(Finding::error("size", reason, "convert it from a disk of whole MiB"));
    }
    if !facts.length.is_multiple_of(UNIT) {
        let reason = "the file is not a whole number of MiB, in which a VHDX is laid out";
        findings.push(Finding::error("alignment", reason, "copy it again, or convert it again"));
    }
    if block > BLOCK {
        let mib = block / MIB;
        let reason =
            format!("its blocks of {mib} MiB make a dynamic disk grow by as much at a time");
        findings.push(Finding::warning("block-size", reason, super::convert_to(Format::Vhdx)));
    }
}

fn vhd(facts: &Facts, findings: &mut Vec<Finding>) {
    if facts.size > VHD_LIMIT {
        let reason = "the disk is larger than the 2040 GiB that a VHD can have";
        findings.push(Finding::error("size-limit", reason, super::convert_to(Format::Vhdx)));
    }
    if facts.inside.as_ref().is_ok_and(|inside| !inside.bios) {
        let reason =
            "a VHD needs a machine of generation 1, which boots by BIOS, and this disk does not";
        findings.push(Finding::error("format", reason, super::convert_to(Format::Vhdx)));
    }
}

fn secure_boot(inside: &Inside) -> Finding {
    let first =
        inside.efi.iter().find(|file| file.path.eq_ignore_ascii_case("EFI/BOOT/BOOTX64.EFI"));
    let signers = first.and_then(|file| file.signers.as_deref()).unwrap_or_default();
    if signers.iter().any(|name| name.contains(AUTHORITY)) {
        let reason = "machines of generation 2 have a Secure Boot template for Windows at first";
        let fix = "choose the template \"Microsoft UEFI Certificate Authority\"";
        return Finding::note("secure-boot", reason, fix);
    }
    let reason = "the first boot loader is not signed by Microsoft's authority (shim): with Secure Boot, a \
                  machine of generation 2 does not start it";
    Finding::warning("secure-boot", reason, "add shim-signed to the base, or turn Secure Boot off")
}
