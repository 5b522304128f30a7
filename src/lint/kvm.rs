//! QEMU with KVM, libvirt, Proxmox.

use super::{Facts, Finding, convert_to, drivers, wrong_format};
use crate::profile::Format;

const NEEDS: [drivers::Need; 2] =
    [("disks", &["virtio_blk", "virtio_scsi"]), ("network", &["virtio_net"])];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match facts.format {
        Format::Raw | Format::Qcow2 | Format::Qcow2Plain => {}
        Format::Qcow2Zstd => {
            let reason = "its clusters are compressed with zstd, which needs QEMU 5.1 (2020), and which \
                          other readers of qcow2 refuse";
            findings.push(Finding::warning("zstd", reason, convert_to(Format::Qcow2)));
        }
        Format::Vmdk | Format::VmdkSparse | Format::Vhd | Format::VhdDynamic | Format::Vhdx => {
            let reason = format!("QEMU reads {}, slowly and without snapshots", facts.format);
            findings.push(Finding::warning("format", reason, convert_to(Format::Qcow2)));
        }
        Format::RawZst | Format::Ova | Format::Gce => {
            findings.push(wrong_format(facts, "QEMU", Format::Qcow2));
        }
    }
    findings.extend(drivers::check(facts, "KVM", &NEEDS));
    findings
}
