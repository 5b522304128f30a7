//! The files that a package of the distribution brought: those that nobody changed are the distribution's own.

use std::collections::HashMap;

use md5::{Digest as _, Md5};

use crate::error::Result;
use crate::inspect::walk::{EntryKind, Walk};
use crate::units::MIB;

/// Where dpkg keeps the digests of packages' files, and of their configuration (dpkg-query(1), deb-md5sums(5)).
const INFO: &str = "/var/lib/dpkg/info/";
const STATUS: &str = "/var/lib/dpkg/status";
/// Bytes of these files that are read.
const LIMIT: u64 = 64 * MIB;
/// The largest file that is compared; a larger one is nobody's.
const LARGEST: u64 = 512 * MIB;
/// Folders that are links into /usr since the two were merged: packages name their files by either path.
const MERGED: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// The digests by path, in hexadecimal digits.
#[derive(Debug, Default)]
pub(super) struct Distribution {
    sums: HashMap<String, String>,
}

impl Distribution {
    /// Reads what dpkg knows; nothing where there is no dpkg.
    pub fn read(walk: &Walk) -> Result<Self> {
        let mut sums = HashMap::new();
        let lists = walk.entries().iter().map(|entry| entry.path.as_str());
        for list in lists.filter(|path| path.starts_with(INFO) && path.ends_with(".md5sums")) {
            let text = walk.bytes(list, LIMIT)?.unwrap_or_default();
            for line in String::from_utf8_lossy(&text).lines() {
                let Some((sum, path)) = line.split_once("  ") else { continue };
                sums.insert(real(walk, &format!("/{path}")), sum.to_owned());
            }
        }
        let status = walk.bytes(STATUS, LIMIT)?.unwrap_or_default();
        // a line of Conffiles is indented: path, digest, perhaps a remark
        for line in String::from_utf8_lossy(&status).lines().filter(|line| line.starts_with(" /")) {
            let mut words = line.split_whitespace();
            if let (Some(path), Some(sum)) = (words.next(), words.next()) {
                sums.insert(real(walk, path), sum.to_owned());
            }
        }
        Ok(Self { sums })
    }

    /// Whether a package brought a file of this name.
    pub fn lists(&self, path: &str) -> bool {
        self.sums.contains_key(path)
    }

    /// Whether a file is as its package brought it. MD5 is enough here: this tells a package's files from others, and
    /// nobody who could forge one would need to hide a leak in it.
    pub fn owns(&self, walk: &Walk, path: &str) -> Result<bool> {
        let Some(sum) = self.sums.get(path) else { return Ok(false) };
        let size = walk.find(path).and_then(|(_, entry)| entry.size).unwrap_or_default();
        if size > LARGEST {
            return Ok(false);
        }
        let bytes = walk.bytes(path, LARGEST)?.unwrap_or_default();
        let found: String = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(found == *sum)
    }
}

/// A package's path as it is in the image.
fn real(walk: &Walk, path: &str) -> String {
    let inside =
        |folder: &&str| path.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
    let link = |folder: &&str| {
        walk.find(folder).is_some_and(|(_, entry)| entry.kind == EntryKind::Symlink)
    };
    match MERGED.iter().find(|folder| inside(folder) && link(folder)) {
        Some(_) => format!("/usr{path}"),
        None => path.to_owned(),
    }
}
