//! Follows symbolic links before the ext4-view crate does: it takes memory for whatever length a link claims.

use ext4_view::{Ext4, Ext4Error, PathBuf};

/// The longest target, in bytes, and the most links on one way (`PATH_MAX` and `MAXSYMLINKS` of Linux).
const LONGEST: u64 = 4096;
const MOST: usize = 40;

/// The path without any symbolic link in it.
pub fn follow(filesystem: &Ext4, path: &str) -> Result<Vec<u8>, Ext4Error> {
    let mut left = parts(path.as_bytes());
    let mut real = Vec::new();
    let mut links = 0;
    while let Some(part) = left.pop() {
        match &part[..] {
            b"" | b"." => continue,
            b".." => {
                let parent = real.iter().rposition(|b| *b == b'/').unwrap_or(0);
                real.truncate(parent);
                continue;
            }
            _ => {}
        }
        let next = [&real[..], b"/", &part].concat();
        let Some(target) = link(filesystem, &next)? else {
            real = next;
            continue;
        };
        links += 1;
        if links > MOST {
            return Err(Ext4Error::TooManySymlinks);
        }
        if target.is_absolute() {
            real.clear();
        }
        left.extend(parts(target.as_ref()));
    }
    Ok(if real.is_empty() { b"/".to_vec() } else { real })
}

/// Where the link at `path` points; none for what is no link.
pub fn target(filesystem: &Ext4, path: &str) -> Result<Option<PathBuf>, Ext4Error> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = follow(filesystem, folder)?;
    link(filesystem, &[&folder[..], b"/", name.as_bytes()].concat())
}

/// The same for a path whose folders are no links.
fn link(filesystem: &Ext4, path: &[u8]) -> Result<Option<PathBuf>, Ext4Error> {
    let facts = filesystem.symlink_metadata(path)?;
    if !facts.is_symlink() {
        return Ok(None);
    }
    if facts.len() > LONGEST {
        return Err(Ext4Error::PathTooLong);
    }
    filesystem.read_link(path).map(Some)
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

    /// A filesystem with links, by mke2fs; a link whose target is longer than 59 bytes has it in a block.
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
        let filesystem = Ext4::load(Box::new(filesystem())).unwrap();
        for path in
            ["/usr/lib/os-release", "/lib/os-release", "/usr/release", "/../lib//os-release"]
        {
            assert_eq!(follow(&filesystem, path).unwrap(), b"/usr/lib/os-release", "{path}");
        }
        assert_eq!(follow(&filesystem, "/").unwrap(), b"/");
        assert!(matches!(follow(&filesystem, "/loop"), Err(Ext4Error::TooManySymlinks)));
        assert!(matches!(follow(&filesystem, "/lib/none"), Err(Ext4Error::NotFound)));
        let to = target(&filesystem, "/usr/release").unwrap().unwrap();
        assert_eq!(to.display().to_string(), "/lib/../lib/./os-release");
        assert!(target(&filesystem, "/lib/os-release").unwrap().is_none());
    }

    #[test]
    fn a_link_that_claims_an_impossible_length_takes_no_memory() {
        let mut bytes = filesystem();
        // the length in its inode: 100 bytes, which no other file has, behind the mode of a link
        let inode = bytes.windows(8).position(|w| w == [0xFF, 0xA1, 0, 0, 100, 0, 0, 0]).unwrap();
        bytes[inode + 4 + 104..][..4].copy_from_slice(&0x20u32.to_le_bytes());
        let filesystem = Ext4::load(Box::new(bytes)).unwrap();
        assert!(matches!(follow(&filesystem, "/long"), Err(Ext4Error::PathTooLong)));
        assert!(matches!(target(&filesystem, "/long"), Err(Ext4Error::PathTooLong)));
    }
}
