//! Whether the kernels have the drivers that a platform's hardware needs.

use super::{Facts, Finding};

/// A piece of hardware, and the drivers for it, any one of which is enough.
pub(super) type Need = (&'static str, &'static [&'static str]);

/// A finding for every piece of hardware without a driver. An image whose kernels list none is not
/// judged.
pub(super) fn check(facts: &Facts, platform: &str, needs: &[Need]) -> Vec<Finding> {
    let Some(drivers) = facts.inside.as_ref().ok().and_then(|i| i.system.drivers.as_ref()) else {
        return Vec::new();
    };
    let missing = needs.iter().filter(|(_, any)| !any.iter().any(|d| drivers.contains(*d)));
    let finding = |(hardware, any): &Need| {
        let reason = format!("the kernel has no driver for {platform}'s {hardware} ({})", any[0]);
        Finding::error("driver", reason, "use a kernel for machines of every kind")
    };
    missing.map(finding).collect()
}
