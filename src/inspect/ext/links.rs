//! Follows symbolic links before the ext4-view crate does: the crate allocates whatever length a
//! link claims.

use std::cell::Cell;

use ext4_view::{Ext4, Ext4Error, PathBuf};

use crate::units::GIB;

/// The longest target, in bytes, and the most links on one path (`PATH_MAX` and `MAXSYMLINKS` of
/// Linux).
const LONGEST: u64 = 4096;
const MOST: usize = 40;

/// The total bytes of folders that may be searched; a folder counts each time. The crate searches
/// for a name from the root on, folder by folder, and keeps the blocks that it read. The image
/// cannot influence this number.
const FOLDERS: u64 = GIB;

/// A filesystem whose links are followed here.
#[derive(Debug)]
pub struct Links {
    filesystem: Ext4,
    left: Cell<u64>,
}

/// Why a name is not found, or not looked for.
#[derive(Debug)]
pub enum LinkError {
    /// The crate's reason.
    Crate(Ext4Error),
    /// There was more to search than a real filesystem has.
    Endless,
}

impl From<Ext4Error> for LinkError {
    fn from(error: Ext4Error) -> Self {
        Self::Crate(error)
    }
}

/// The path to a name, without links, and the bytes of the folders on it.
struct Way {
    real: Vec<u8>,
    /// Bytes of the root, and of each folder after it.
    folders: Vec<u64>,
}

impl Links {
    /// Starts without looking at anything.
    pub fn new(filesystem: Ext4) -> Self {
        Self { filesystem, left: Cell::new(FOLDERS) }
    }

    /// The filesystem, for paths that have been followed.
    pub fn filesystem(&self) -> &Ext4 {
        &self.filesystem
    }

    /// Counts this many bytes of folders as searched.
    pub fn walk(&self, bytes: u64) -> Result<(), LinkError> {
        let left = self.left.get().checked_sub(bytes).ok_or(LinkError::Endless)?;
        self.left.set(left);
        Ok(())
    }

    /// The path without any symbolic link in it.
    pub fn follow(&self, path: &str) -> Result<Vec<u8>, LinkError> {
        self.way(path).map(|way| if way.real.is_empty() { b"/".to_vec() } else { way.real })
    }

    fn way(&self, path: &str) -> Result<Way, LinkError> {
        let root = self.filesystem.symlink_metadata("/")?.len();
        let mut way = Way { real: Vec::new(), folders: vec![root] };
        let mut left = parts(path.as_bytes());
        let mut links = 0;
        while let Some(part) = left.pop() {
            match &part[..] {
                b"" | b"." => continue,
                b".." => {
                    let parent = way.real.iter().rposition(|b| *b == b'/').unwrap_or(0);
                    way.real.truncate(parent);
                    way.folders.truncate((way.folders.len() - 1).max(1));
                    continue;
                }
                _ => {}
            }
            let next = [&way.real[..], b"/", &part].concat();
            let facts = self.facts(&way, &next)?;
            if !facts.is_symlink() {
                way.real = next;
                way.folders.push(facts.len());
                continue;
            }
            links += 1;
            if links > MOST {
                return Err(Ext4Error::TooManySymlinks.into());
            }
            let target = self.read(&next, &facts)?;
            if target.is_absolute() {
                way.real.clear();
                way.folders.truncate(1);
            }
            left.extend(parts(target.as_ref()));
        }
        Ok(way)
    }

    /// The metadata of a name in the last folder of a path.
    fn facts(&self, way: &Way, path: &[u8]) -> Result<ext4_view::Metadata, LinkError> {
        self.walk(way.folders.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes)))?;
        Ok(self.filesystem.symlink_metadata(path)?)
    }

    fn read(&self, path: &[u8], facts: &ext4_view::Metadata) -> Result<PathBuf, LinkError> {
        if facts.len() > LONGEST {
            return Err(Ext4Error::PathTooLong.into());
        }
        Ok(self.filesystem.read_link(path)?)
    }

    /// Where the link at `path` points; none if it is not a link.
    pub fn target(&self, path: &str) -> Result<Option<PathBuf>, LinkError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let way = self.way(folder)?;
        let path = [&way.real[..], b"/", name.as_bytes()].concat();
        let facts = self.facts(&way, &path)?;
        if facts.is_symlink() { self.read(&path, &facts).map(Some) } else { Ok(None) }
    }
}

/// The components, the last one first.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|b| *b == b'/').rev().map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    /// A filesystem with links, made by mke2fs; a target longer than 59 bytes is stored in a block.
    fn filesystem() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (root, image) = (folder.path().join("root"), folder.path().join("image"));
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::write(root.join("usr/lib/os-release"), "x").unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        symlink("/lib/../lib/./os-release", root.join("usr/release")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("t/".repeat(50), root.join("long")).unwrap();
        let mut make = Command::new("mke2fs");
        make.env("PATH", format!("/usr/sbin:/sbin:{}", std::env::var("PATH").unwrap()));
        make.args(["-q", "-t", "ext4", "-b1024", "-O", "^metadata_csum,^has_journal", "-d"]);
        make.arg(&root).arg(&image).arg("400");
        crate::command::output(&mut make, "e2fsprogs").unwrap();
        std::fs::read(image).unwrap()
    }

    #[test]
    fn links_are_followed_as_the_system_does() {
        let filesystem = Links::new(Ext4::load(Box::new(filesystem())).unwrap());
        let follow = |path: &str| filesystem.follow(path);
        for path in
            ["/usr/lib/os-release", "/lib/os-release", "/usr/release", "/../lib//os-release"]
        {
            assert_eq!(follow(path).unwrap(), b"/usr/lib/os-release", "{path}");
        }
        assert_eq!(follow("/").unwrap(), b"/");
        let circle = follow("/loop").unwrap_err();
        assert!(matches!(circle, LinkError::Crate(Ext4Error::TooManySymlinks)), "{circle:?}");
        let none = follow("/lib/none").unwrap_err();
        assert!(matches!(none, LinkError::Crate(Ext4Error::NotFound)), "{none:?}");
        let to = filesystem.target("/usr/release").unwrap().unwrap();
        assert_eq!(to.display().to_string(), "/lib/../lib/./os-release");
        assert!(filesystem.target("/lib/os-release").unwrap().is_none());
    }

    #[test]
    fn names_are_not_looked_for_without_end() {
        let filesystem = Links::new(Ext4::load(Box::new(filesystem())).unwrap());
        filesystem.walk(FOLDERS - 100_000).unwrap();
        let lookups = (0..1000).map(|_| filesystem.follow("/lib/os-release"));
        let failed = lookups.filter(|found| matches!(found, Err(LinkError::Endless))).count();
        assert!((900..1000).contains(&failed), "{failed}");
    }

    #[test]
    fn a_link_that_claims_an_impossible_length_takes_no_memory() {
        let mut bytes = filesystem();
        // the length in its inode: 100 bytes, which no other file has, after the mode of a link
        let inode = bytes.windows(8).position(|w| w == [0xFF, 0xA1, 0, 0, 100, 0, 0, 0]).unwrap();
        bytes[inode + 4 + 104..][..4].copy_from_slice(&0x20u32.to_le_bytes());
        let filesystem = Links::new(Ext4::load(Box::new(bytes)).unwrap());
        let long = |error| matches!(error, LinkError::Crate(Ext4Error::PathTooLong));
        assert!(long(filesystem.follow("/long").unwrap_err()));
        assert!(long(filesystem.target("/long").unwrap_err()));
    }
}
