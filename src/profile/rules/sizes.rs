//! Sizes of disk and memory.

use crate::units::{ByteSize, GIB, MIB};

use super::{Complaint, Verdict};

/// The units that profiles use; a plain number tells a reader too little.
const UNITS: [&str; 3] = ["MiB", "GiB", "TiB"];

/// The smallest disk: a base with Puppet Server takes about 1.3 GiB; the rest is for the
/// application.
pub(super) const DISK_SMALLEST: ByteSize = ByteSize(3 * GIB);

/// The largest disk: ext4 with 4 KiB blocks and 32-bit block numbers reaches this far.
pub(super) const DISK_LARGEST: ByteSize = ByteSize(16 << 40);

/// The smallest memory of any machine: systemd, Puppet's agent and an application.
pub(super) const MEMORY_SMALLEST: ByteSize = ByteSize(GIB);

/// The largest memory that any supported hypervisor accepts.
pub(super) const MEMORY_LARGEST: ByteSize = ByteSize(4 << 40);

pub(super) fn disk(text: &str) -> Verdict {
    between(text, "disk", DISK_SMALLEST, DISK_LARGEST)
}

pub(super) fn memory(text: &str) -> Verdict {
    between(text, "memory", MEMORY_SMALLEST, MEMORY_LARGEST)
}

/// Any amount of bytes.
pub(super) fn amount(text: &str) -> Verdict {
    between(text, "size", ByteSize(MIB), ByteSize(u64::MAX))
}

fn between(text: &str, what: &str, smallest: ByteSize, largest: ByteSize) -> Verdict {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let size = match text.parse::<ByteSize>() {
        Ok(size) if UNITS.contains(&unit) => size,
        _ => return Err(not_a_size(text)),
    };
    let range = format!("allowed are {smallest} to {largest}");
    if size < smallest || size > largest {
        let fault = if size < smallest { "too small" } else { "too large" };
        return Err(Complaint::new(format!("this {what} is {fault}"), fault).help(range));
    }
    if !size.bytes().is_multiple_of(MIB) {
        return Err(Complaint::new(format!("this {what} is not a whole number of MiB"), "odd")
            .help("write it in GiB or MiB"));
    }
    Ok(())
}

fn not_a_size(text: &str) -> Complaint {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[digits.len()..].trim().to_lowercase();
    let binary = match unit.as_str() {
        "g" | "gb" | "gib" | "" => Some("GiB"),
        "m" | "mb" | "mib" => Some("MiB"),
        "t" | "tb" | "tib" => Some("TiB"),
        _ => None,
    };
    let label = match binary {
        Some(unit) if format!("{digits} {unit}") == text => "no machine has so much".to_owned(),
        Some(unit) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("write \"{digits} {unit}\"")
        }
        _ => "not a size".to_owned(),
    };
    Complaint::new("this is not a size", label)
        .help("write a whole number and MiB, GiB or TiB, as in \"8 GiB\"")
}
