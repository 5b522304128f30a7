//! OVA: a tar with a description first and the disk behind it, read in place (DMTF DSP0243 1.1, 5.1).

use super::members::{self, Member};
use super::source::Source;
use crate::error::Result;

/// The endings of a description and of the disks that are read.
const DESCRIPTION: &str = ".ovf";
const DISK: &str = ".vmdk";

/// A package's members, with the disk among them.
#[derive(Clone, Debug)]
pub struct Ova {
    /// The archive.
    pub source: Source,
    /// All its files in their order.
    pub members: Vec<Member>,
    /// Which of them is the disk.
    pub disk: usize,
}

impl Ova {
    /// Lists the members and finds the disk.
    ///
    /// # Errors
    /// [`crate::error::Kind::Refused`] for a package with several disks; [`crate::error::Kind::Damaged`] for a tar that is no
    /// package.
    pub fn open(source: &Source) -> Result<Self> {
        let members = members::list(source)?;
        if !members.iter().any(|m| ends(m, DESCRIPTION)) {
            let error = source.damaged("the tar has no .ovf: it is no OVA package", 0);
            return Err(error.remedy("give an image, or a package with its description"));
        }
        let disks: Vec<usize> = (0..members.len()).filter(|i| ends(&members[*i], DISK)).collect();
        match disks[..] {
            [disk] => Ok(Self { source: source.clone(), members, disk }),
            [] => Err(source.damaged("the package has no VMDK", 0)),
            _ => {
                let message = format!("the package has {} disks", disks.len());
                Err(source.refused(message, "unpack it with tar and give one of its disks"))
            }
        }
    }

    /// The disk, in place.
    pub fn disk(&self) -> Result<Source> {
        let disk = &self.members[self.disk];
        self.source.slice(disk.offset, disk.size)
    }
}

/// Whether a member's name has this ending, in whatever case.
fn ends(member: &Member, ending: &str) -> bool {
    member.name.to_ascii_lowercase().ends_with(ending)
}
