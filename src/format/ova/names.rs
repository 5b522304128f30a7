//! The names of the archive's members.

/// Characters that a member's name may keep: the portable set of POSIX (IEEE 1003.1, 3.265) and
/// `+`, which versions contain. A manifest's line has no quoting, so a bracket in a name would end
/// it.
fn is_portable(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+')
}

/// The longest stem in bytes: with the longest extension it fits the 100 bytes of a ustar header's
/// name, which every reader knows.
const LONGEST: usize = 80;

/// The names of the archive's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The description's.
    pub ovf: String,
    /// The disk's.
    pub disk: String,
    /// The manifest's. VMware requires the same stem as the description's.
    pub manifest: String,
}

impl Names {
    /// The names for a machine.
    pub fn of(machine: &str) -> Self {
        let portable = |c| if is_portable(c) { c } else { '_' };
        let mut stem: String = machine.chars().map(portable).take(LONGEST).collect();
        // neither hidden nor like an option
        if !stem.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            stem.insert(0, 'x');
            stem.truncate(LONGEST);
        }
        Self {
            ovf: format!("{stem}.ovf"),
            disk: format!("{stem}-disk1.vmdk"),
            manifest: format!("{stem}.mf"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_s_name_holds_nothing_that_a_manifest_or_a_shell_reads() {
        assert_eq!(Names::of("acme-1.0.0+b17").disk, "acme-1.0.0+b17-disk1.vmdk");
        assert_eq!(Names::of("../a)= b\u{e9}\n").ovf, "x.._a___b__.ovf");
        assert_eq!(Names::of("").manifest, "x.mf");
        assert!(Names::of(&"\u{e9}".repeat(300)).disk.len() < 100);
    }
}
