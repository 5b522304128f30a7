//! The extents that a VMDK's description names (VMware, "Virtual Disk Format 5.0", "The Extent
//! Description").

use crate::error::Result;
use crate::inspect::source::Source;

/// The words that begin a line about an extent.
const ACCESS: [&str; 3] = ["RW", "RDONLY", "NOACCESS"];
/// The kind of an extent that is a sparse file: this file.
const SPARSE: &str = "SPARSE";

/// Refuses a description of anything but one sparse extent in the file itself, of `capacity`
/// sectors.
///
/// The extent's name is not compared with the file's: files get renamed, and importers ignore it,
/// too. But a name that leads into another folder was never this file's.
pub(super) fn check(source: &Source, description: &str, capacity: u64) -> Result<()> {
    let lines = || description.lines().filter_map(Extent::parse);
    let other = || {
        let message = "this VMDK cannot be read: it describes a disk in other files";
        source.refused(message, "convert it first: qemu-img convert -O qcow2 DISK.vmdk NEW.qcow2")
    };
    let mut extents = lines();
    let (Some(extent), None) = (extents.next(), extents.next()) else { return Err(other()) };
    if !extent.kind.eq_ignore_ascii_case(SPARSE) || extent.name.contains(['/', '\\']) {
        return Err(other());
    }
    if extent.sectors.is_none_or(|sectors| sectors > capacity) {
        let message = "the VMDK's description and its header have different sizes";
        return Err(source.damaged(message, 0));
    }
    Ok(())
}

/// A line about an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent<'a> {
    /// None if the line has no number.
    sectors: Option<u64>,
    kind: &'a str,
    name: &'a str,
}

impl<'a> Extent<'a> {
    /// As in `RW 16777216 SPARSE "disk.vmdk"`; none for a line about something else.
    fn parse(line: &'a str) -> Option<Self> {
        let (access, rest) = word(line);
        ACCESS.iter().find(|known| known.eq_ignore_ascii_case(access))?;
        let (sectors, rest) = word(rest);
        let (kind, name) = word(rest);
        Some(Self { sectors: sectors.parse().ok(), kind, name: name.trim() })
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_extents_are_told_from_others() {
        let extent = Extent::parse("RW 16777216 SPARSE \"a b.vmdk\"").unwrap();
        let expected = Extent { sectors: Some(16_777_216), kind: "SPARSE", name: "\"a b.vmdk\"" };
        assert_eq!(extent, expected);
        assert_eq!(Extent::parse("rw\t8 FLAT \"/etc/shadow\" 0").unwrap().kind, "FLAT");
        assert_eq!(Extent::parse("NOACCESS").unwrap().sectors, None);
        for line in ["", "# Extent description", "createType=\"monolithicSparse\"", "RWX 1 SPARSE"]
        {
            assert_eq!(Extent::parse(line), None, "{line}");
        }
    }
}
