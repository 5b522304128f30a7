//! OVA: a tar with the description first and the disk after it, read in place (DMTF DSP0243 1.1,
//! 5.1).

use super::members::{self, Member};
use super::source::Source;
use super::sums::{Line, Sums};
use super::{stream, vmdk};
use crate::error::{Error, Kind, Result};
use crate::units::MIB;

/// The extensions of a description, of a manifest, of its signature, and of the disks that are
/// supported.
const DESCRIPTION: &str = ".ovf";
const MANIFEST: &str = ".mf";
const CERTIFICATE: &str = ".cert";
const DISK: &str = ".vmdk";

/// Extensions of disks that are not VMDKs, and the number of digits in a chunk's name.
const OTHER_DISKS: [&str; 6] = [".vhd", ".vhdx", ".qcow2", ".vdi", ".img", ".raw"];
const CHUNK_DIGITS: usize = 9;
const COMPRESSED: &str = "the package's disk is compressed with gzip, which neither slipway nor vSphere 6.5 and newer can read";

/// The largest description or manifest that is read, in bytes.
const TEXT_LIMIT: u64 = MIB;

/// A package's members, with the disk among them.
#[derive(Clone, Debug)]
pub struct Ova {
    /// The archive.
    pub source: Source,
    /// All its files in their order.
    pub members: Vec<Member>,
    /// The index of the disk among them.
    pub disk: usize,
}

impl Ova {
    /// Lists the members and finds the disk.
    ///
    /// # Errors
    /// [`crate::error::Kind::Refused`] for a package with several disks;
    /// [`crate::error::Kind::Damaged`] for a tar that is no package.
    pub fn open(source: &Source) -> Result<Self> {
        let members = members::list(source)?;
        if !members.iter().any(|m| ends(m, DESCRIPTION) && !m.is_apple_double()) {
            let error = source.damaged("the tar has no .ovf: it is no OVA package", 0);
            return Err(error.remedy("give an image, or a package with its description"));
        }
        let disk = find_disk(source, &members)?;
        Ok(Self { source: source.clone(), members, disk })
    }

    /// The disk, in place.
    pub fn disk(&self) -> Result<Source> {
        let disk = &self.members[self.disk];
        self.source.slice(disk.offset, disk.size)
    }
}

/// Which member is the disk: the only one named as a VMDK, or the only one that is a VMDK without
/// such a name.
fn find_disk(source: &Source, members: &[Member]) -> Result<usize> {
    let all = |wanted: &dyn Fn(&Member) -> bool| -> Vec<usize> {
        (0..members.len())
            .filter(|i| !members[*i].is_apple_double() && wanted(&members[*i]))
            .collect()
    };
    let begins = |m: &Member, magic: &[u8]| {
        source.up_to(magic.len() as u64, m.offset).is_ok_and(|start| start == magic)
    };
    let mut disks = all(&|m| ends(m, DISK));
    if disks.is_empty() {
        disks = all(&|m| begins(m, vmdk::MAGIC) && !is_chunk(m));
    }
    let remedy = "unpack the package with tar, and give its disk as a VMDK";
    match disks[..] {
        [disk] if begins(&members[disk], stream::GZIP) => Err(source.refused(COMPRESSED, remedy)),
        [disk] => Ok(disk),
        [] if members.iter().any(|m| ends(m, ".gz")) => Err(source.refused(COMPRESSED, remedy)),
        [] if members.iter().any(is_chunk) => {
            let message = "the package's disk is cut into chunks, which slipway does not read";
            Err(source.refused(message, "join the chunks with cat, and give the disk"))
        }
        [] => {
            let other = members.iter().find(|m| OTHER_DISKS.iter().any(|ending| ends(m, ending)));
            Err(match other {
                Some(other) => {
                    let message = format!("the package's disk {} is no VMDK", other.name);
                    source.refused(message, "unpack the package with tar, and give its disk")
                }
                None => source.damaged("the package has no VMDK", 0),
            })
        }
        _ => {
            let message = format!("the package has {} disks", disks.len());
            Err(source.refused(message, "unpack it with tar and give one of its disks"))
        }
    }
}

/// Whether a member's name has this extension, in any case.
fn ends(member: &Member, ending: &str) -> bool {
    member.name.to_ascii_lowercase().ends_with(ending)
}

/// Whether a member is one part of a file, as in "disk.vmdk.000000001" (DSP0243 1.1, 7.1).
fn is_chunk(member: &Member) -> bool {
    let digits = member.name.rsplit_once('.').map(|(_, digits)| digits);
    digits.is_some_and(|d| d.len() == CHUNK_DIGITS && d.bytes().all(|b| b.is_ascii_digit()))
}

/// A package's texts, and the real digests of its members.
#[derive(Clone, Debug, Default)]
pub struct PackageText {
    /// All members in their order.
    pub members: Vec<Member>,
    /// The description.
    pub description: String,
    /// The manifest, when there is one.
    pub manifest: Option<String>,
    /// The digests of the members that the manifest names, computed with the algorithms that it
    /// names.
    pub sums: Sums,
}

impl PackageText {
    /// Reads the texts, and hashes the members that the manifest names.
    pub fn read(ova: &Ova) -> Result<Self> {
        let (source, members) = (&ova.source, ova.members.clone());
        let find = |ending| members.iter().find(|m| ends(m, ending) && !m.is_apple_double());
        let description = find(DESCRIPTION).map(|m| text(source, m)).transpose()?;
        let manifest = find(MANIFEST).map(|m| text(source, m)).transpose()?;
        let mut sums = Sums::new();
        for line in manifest.iter().flat_map(|text| text.lines()).filter_map(Line::parse) {
            let key = (line.algorithm, line.name.to_owned());
            if let Some(member) = members.iter().find(|member| member.name == line.name)
                && !sums.contains_key(&key)
            {
                let content = source.slice(member.offset, member.size)?;
                sums.insert(key, line.algorithm.of(&content)?);
            }
        }
        Ok(Self { description: description.unwrap_or_default(), members, manifest, sums })
    }

    /// The members that do not match the manifest.
    pub fn changed(&self) -> Vec<&str> {
        super::sums::changed(self.manifest.as_deref().unwrap_or_default(), &self.sums)
    }

    /// The members that a manifest must name: all except itself and its signature.
    pub fn to_be_named(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| !ends(m, MANIFEST) && !ends(m, CERTIFICATE))
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
