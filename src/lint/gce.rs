//! Google Compute Engine (its documentation, "Manually import boot disks").

use super::{Facts, Finding, convert_to, drivers, wrong_format};
use crate::inspect::Container;
use crate::profile::Format;
use crate::units::GIB;

/// The only name that the disk may have in its archive.
const MEMBER: &str = "disk.raw";
const NEEDS: [drivers::Need; 2] =
    [("disks", &["virtio_scsi"]), ("network", &["virtio_net", "gve"])];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Container::Gce(archive) = &facts.container else {
        findings.push(wrong_format(facts, "GCE", Format::Gce));
        return findings;
    };
    if archive.member != MEMBER {
        let reason = format!("the disk in the archive is named {:?}, not {MEMBER}", archive.member);
        findings.push(Finding::error("member", reason, convert_to(Format::Gce)));
    }
    if archive.more {
        let reason = "the archive holds more than the disk";
        findings.push(Finding::error("members", reason, convert_to(Format::Gce)));
    }
    if !archive.old_gnu {
        let reason = "the archive is not of the old GNU format";
        let fix = "make it with tar --format=oldgnu, or with slipway convert";
        findings.push(Finding::error("tar-format", reason, fix));
    }
    if !facts.size.is_multiple_of(GIB) {
        let reason = format!("the disk of {} bytes is not a whole number of GiB", facts.size);
        let fix = "build it with a disk of whole GiB";
        findings.push(Finding::error("size", reason, fix));
    }
    findings.extend(drivers::check(facts, "GCE", &NEEDS));
    findings
}
