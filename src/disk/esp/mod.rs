//! The EFI system partition: FAT32 as a pure function of its files.
//!
//! The fatfs crate is the reader in `inspect` and in the tests, but not the writer: it puts long
//! names before `.` and `..`, which fsck.vfat refuses. Folders and files lie one after another
//! without holes, and a file's bytes stay where they are: an extent points at them.

mod geometry;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use geometry::Geometry;
use names::{ARCHIVE, DIRECTORY, ENTRY, Moment, Short, VOLUME_ID};

use super::layout::{Region, SECTOR};
use super::{Data, Extent};
use crate::error::{Error, Kind, Result};
use crate::tree::Content;
use crate::units::{ByteSize, Timestamp};

/// Bytes of a cluster: one sector, since 64 MiB would have too few larger ones for FAT32.
const CLUSTER: u64 = SECTOR;
/// The first cluster of the data area has this number.
const FIRST_CLUSTER: u32 = 2;
/// Ends a chain of clusters.
const END_OF_CHAIN: u32 = 0x0FFF_FFFF;
/// Entry 0 holds the media byte, F8 for a fixed disk; entry 1 the flags for a clean volume.
const TABLE_HEAD: [u32; 2] = [0x0FFF_FFF8, END_OF_CHAIN];
/// The volume's label, in the boot sector and in the root folder.
const LABEL: Short = *b"ESP        ";

/// Everything in the partition that is not a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// The partition's place; the boot sector repeats its first sector.
    pub region: Region,
    /// The volume's serial number.
    pub serial: u32,
    /// The time of every file and folder.
    pub time: Timestamp,
}

/// Files by their path, with `/` between names, as in `EFI/BOOT/BOOTX64.EFI`.
pub type Files = BTreeMap<String, Content>;

/// Writes the filesystem; offsets are relative to the partition.
///
/// # Errors
/// [`Kind::Input`] for names that FAT cannot hold, names that differ in case only, and files that
/// do not fit.
pub fn build(files: &Files, params: &Params) -> Result<Vec<Extent>> {
    let geometry = Geometry::new(params.region)?;
    let mut root = Folder::default();
    for (path, content) in files {
        root.add(path, path, content)?;
    }
    let mut volume = Volume { time: Moment::new(params.time), ..Volume::default() };
    volume.table.extend(TABLE_HEAD);
    let first = volume.folder(&root, None)?;
    let used = volume.table.len() as u64 - u64::from(FIRST_CLUSTER);
    if used > geometry.clusters {
        let needed = ByteSize(used * CLUSTER);
        let room = ByteSize(geometry.clusters * CLUSTER);
        let message = format!("the boot files need {needed} and the EFI partition holds {room}");
        return Err(Error::new(Kind::Input, message));
    }
    Ok(geometry.extents(volume, params, first))
}

/// A folder before it has a place.
#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: BTreeMap<&'a str, &'a Content>,
}

impl<'a> Folder<'a> {
    fn add(&mut self, whole: &str, rest: &'a str, content: &'a Content) -> Result<()> {
        let wrong = |why| {
            Error::new(Kind::Input, format!("the EFI partition cannot hold {whole:?}: {why}"))
        };
        let (name, below) = match rest.split_once('/') {
            Some((name, below)) => (name, Some(below)),
            None => (rest, None),
        };
        if !names::is_valid(name) {
            return Err(wrong("FAT has no such names"));
        }
        let other = |n: &&str| *n != name && n.to_lowercase() == name.to_lowercase();
        if self.folders.keys().chain(self.files.keys()).any(other) {
            return Err(wrong("another name differs from it in case only"));
        }
        match below {
            Some(below) if !self.files.contains_key(name) => {
                self.folders.entry(name).or_default().add(whole, below, content)
            }
            None if !self.folders.contains_key(name) => {
                self.files.insert(name, content);
                Ok(())
            }
            _ => Err(wrong("it is a file and a folder")),
        }
    }

    /// Every name with its short one, and whether the long one is stored; folders first.
    fn names(&self) -> Result<Vec<(&'a str, Short, bool)>> {
        let mut taken = BTreeSet::new();
        let all = self.folders.keys().chain(self.files.keys());
        all.map(|name| {
            let (short, long) = names::shorten(name, &mut taken).ok_or_else(|| {
                Error::new(Kind::Input, format!("too many names in a folder are like {name:?}"))
            })?;
            Ok((*name, short, long))
        })
        .collect()
    }
}

/// What has been placed so far.
#[derive(Default)]
struct Volume {
    table: Vec<u32>,
    contents: Vec<(u32, Data)>,
    time: Moment,
}

impl Volume {
    /// Chains enough new clusters for the `length` bytes of `name`; returns the first, or 0 for no
    /// bytes.
    fn allocate(&mut self, name: &str, length: u64) -> Result<u32> {
        let first = self.table.len() as u32;
        let count = length.div_ceil(CLUSTER);
        let last = u32::try_from(u64::from(first) + count).map_err(|_| too_large(name, length))?;
        if count == 0 {
            return Ok(0);
        }
        self.table.extend(first + 1..last);
        self.table.push(END_OF_CHAIN);
        Ok(first)
    }

    /// Places a folder and everything in it; returns its first cluster.
    fn folder(&mut self, folder: &Folder<'_>, parent: Option<u32>) -> Result<u32> {
        let names = folder.names()?;
        let long: usize = names.iter().map(|(name, _, long)| names::entries(name, *long)).sum();
        // the root contains its label, any other folder the entries for itself and its parent
        let count = long + if parent.is_none() { 1 } else { 2 };
        let first = self.allocate("the table of names", (count * ENTRY) as u64)?;
        let mut bytes = Vec::with_capacity(count * ENTRY);
        match parent {
            None => bytes.extend(names::entry(&LABEL, VOLUME_ID, 0, 0, self.time)),
            Some(parent) => {
                bytes.extend(names::entry(b".          ", DIRECTORY, first, 0, self.time));
                bytes.extend(names::entry(b"..         ", DIRECTORY, parent, 0, self.time));
            }
        }
        // in a folder directly below the root, `..` says 0, whatever the root's cluster is
        let above = if parent.is_none() { 0 } else { first };
        for (name, short, long) in names {
            if long {
                bytes.extend(names::long_entries(name, &short));
            }
            if let Some(inner) = folder.folders.get(name) {
                let cluster = self.folder(inner, Some(above))?;
                bytes.extend(names::entry(&short, DIRECTORY, cluster, 0, self.time));
            } else if let Some(content) = folder.files.get(name) {
                let (cluster, size) = self.file(name, content)?;
                bytes.extend(names::entry(&short, ARCHIVE, cluster, size, self.time));
            }
        }
        self.contents.push((first, Content::from(bytes).into()));
        Ok(first)
    }

    fn file(&mut self, name: &str, content: &Content) -> Result<(u32, u32)> {
        let length = content.length();
        let size = u32::try_from(length).map_err(|_| too_large(name, length))?;
        let cluster = self.allocate(name, length)?;
        if cluster != 0 {
            self.contents.push((cluster, content.clone().into()));
        }
        Ok((cluster, size))
    }
}

fn too_large(name: &str, length: u64) -> Error {
    let length = ByteSize(length);
    Error::new(Kind::Input, format!("the boot file {name} has {length}, which FAT cannot hold"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;
    use crate::units::MIB;

    fn params() -> Params {
        let region = Region { offset: 2 * MIB, length: 64 * MIB };
        Params { region, serial: 0x1234_ABCD, time: Timestamp::from_seconds(1_700_000_000) }
    }

    fn files(names: &[(&str, &str)]) -> Files {
        names.iter().map(|(name, text)| (name.to_string(), Content::from(*text))).collect()
    }

    fn whole(files: &Files) -> Vec<u8> {
        let disk = Disk::new(64 * MIB, build(files, &params()).unwrap()).unwrap();
        let mut bytes = vec![0; 64 << 20];
        disk.read_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn an_independent_reader_finds_every_file_by_its_name() {
        let long = "x".repeat(70_000);
        let names = [
            ("EFI/BOOT/BOOTX64.EFI", "shim"),
            ("EFI/BOOT/grubx64.efi", long.as_str()),
            ("EFI/debian/grub.cfg", "set"),
            ("a name of more than thirteen letters.txt", ""),
        ];
        let bytes = whole(&files(&names));
        let volume =
            fatfs::FileSystem::new(std::io::Cursor::new(bytes), fatfs::FsOptions::new()).unwrap();
        assert_eq!(volume.fat_type(), fatfs::FatType::Fat32);
        assert_eq!(volume.volume_id(), 0x1234_ABCD);
        for (name, text) in names {
            let mut found = String::new();
            let mut file = volume.root_dir().open_file(name).unwrap();
            std::io::Read::read_to_string(&mut file, &mut found).unwrap();
            assert_eq!(found, text, "{name}");
        }
        let names: Vec<_> = volume
            .root_dir()
            .open_dir("EFI/BOOT")
            .unwrap()
            .iter()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, [".", "..", "BOOTX64.EFI", "grubx64.efi"]);
    }

    #[test]
    fn names_that_cannot_stand_together_are_refused() {
        for names in [["A", "a"], ["EFI", "EFI/x"], ["EFI/x", "efi/y"]] {
            let files = files(&names.map(|n| (n, "")));
            assert_eq!(build(&files, &params()).unwrap_err().kind(), Kind::Input, "{names:?}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_for_fat_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pack = crate::pack::PackWriter::create(file.path()).unwrap().open().unwrap();
        let mut files = files(&[("EFI/BOOT/small", "")]);
        let huge = Content::Packed { pack, offset: 0, length: 1 << 32 };
        files.insert("EFI/BOOT/huge.efi".into(), huge);
        let error = build(&files, &params()).unwrap_err();
        assert!(error.to_string().contains("the boot file huge.efi has 4 GiB"), "{error}");
    }

    #[test]
    fn files_that_do_not_fit_are_refused_with_both_sizes() {
        let mut files = Files::new();
        files.insert("big".into(), Content::from(vec![1; 64 << 20]));
        let error = build(&files, &params()).unwrap_err();
        assert!(error.to_string().contains("64.0 MiB and the EFI partition holds 6"), "{error}");
    }
}
