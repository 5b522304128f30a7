//! OVA: a tar with a description first and the disk behind it, read in place (DMTF DSP0243 1.1, 5.1).

use std::collections::BTreeMap;

use super::members::{self, Member};
use super::source::Source;
use crate::error::{Error, Kind, Result};
use crate::units::{Digest, Hasher, MIB};

/// The endings of a description, of a manifest, of its signature, and of the disks that are read.
const DESCRIPTION: &str = ".ovf";
const MANIFEST: &str = ".mf";
const CERTIFICATE: &str = ".cert";
const DISK: &str = ".vmdk";

/// The largest description or manifest that is read, in bytes.
const TEXT_LIMIT: u64 = MIB;

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

/// What a package says in words, and what its members really are.
#[derive(Clone, Debug, Default)]
pub struct PackageText {
    /// All members in their order.
    pub members: Vec<Member>,
    /// The description.
    pub description: String,
    /// The manifest, when there is one.
    pub manifest: Option<String>,
    /// The SHA-256 of every member that a manifest must name.
    pub digests: BTreeMap<String, Digest>,
}

impl PackageText {
    /// Reads the texts, and hashes all other members.
    pub fn read(ova: &Ova) -> Result<Self> {
        let (source, members) = (&ova.source, ova.members.clone());
        let find = |ending| members.iter().find(|m| ends(m, ending));
        let description = find(DESCRIPTION).map(|m| text(source, m)).transpose()?;
        let manifest = find(MANIFEST).map(|m| text(source, m)).transpose()?;
        let mut digests = BTreeMap::new();
        for member in members.iter().filter(|m| !ends(m, MANIFEST) && !ends(m, CERTIFICATE)) {
            digests.insert(member.name.clone(), digest(source, member)?);
        }
        let description = description.unwrap_or_default();
        Ok(Self { members, description, manifest, digests })
    }
}

/// A small member as text.
fn text(source: &Source, member: &Member) -> Result<String> {
    if member.size > TEXT_LIMIT {
        let message = format!("the member {} has more than {TEXT_LIMIT} bytes", member.name);
        return Err(source.damaged(message, member.offset));
    }
    let bytes = source.up_to(member.size, member.offset)?;
    String::from_utf8(bytes).map_err(|e| {
        let message = format!("the member {} is no text", member.name);
        Error::new(Kind::Damaged, message).at(source.path()).offset(member.offset).because(e)
    })
}

fn digest(source: &Source, member: &Member) -> Result<Digest> {
    let content = source.slice(member.offset, member.size)?;
    let mut hasher = Hasher::default();
    let mut at = 0;
    while at < content.length() {
        let bytes = content.up_to(MIB, at)?;
        hasher.update(&bytes);
        at += bytes.len() as u64;
    }
    Ok(hasher.finish())
}
