//! The manifest of a package: digests of its members (DMTF DSP0243 1.1, 5.1; RFC 3174 and FIPS
//! 180-4 for the digests).

use std::collections::BTreeMap;

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::source::Source;
use crate::error::Result;
use crate::units::MIB;

/// The algorithm of a member's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// Used by packages before vSphere 6.5.
    Sha1,
    /// Used by all others.
    Sha256,
    /// Allowed, but rare.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// Its name in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// Hexadecimal digits of a digest.
    fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// The digest of a run, in lowercase.
    pub fn of(self, content: &Source) -> Result<String> {
        match self {
            Self::Sha1 => digest(content, Sha1::new()),
            Self::Sha256 => digest(content, Sha256::new()),
            Self::Sha512 => digest(content, Sha512::new()),
        }
    }
}

fn digest(content: &Source, mut hasher: impl sha2::Digest) -> Result<String> {
    let mut at = 0;
    while at < content.length() {
        let bytes = content.up_to(MIB, at)?;
        hasher.update(&bytes);
        at += bytes.len() as u64;
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A line of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The algorithm of the digest.
    pub algorithm: Algorithm,
    /// The member.
    pub name: &'a str,
    /// Hexadecimal digits.
    pub digest: &'a str,
    /// Whether VMware can read it: it expects nothing before the parenthesis and one space before
    /// the digest.
    pub exact: bool,
}

impl<'a> Line<'a> {
    /// A line in VMware's form, or in that of other programs, with spaces elsewhere.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (word, rest) = line.split_once('(')?;
        let (name, rest) = rest.rsplit_once(')')?;
        let digest = rest.trim_start().strip_prefix('=')?.trim();
        let known = |a: &Algorithm| a.name().eq_ignore_ascii_case(word.trim());
        let algorithm = Algorithm::ALL.into_iter().find(known)?;
        let fits =
            digest.len() == algorithm.digits() && digest.bytes().all(|b| b.is_ascii_hexdigit());
        let exact = word == algorithm.name() && rest.strip_prefix("= ") == Some(digest);
        fits.then_some(Self { algorithm, name, digest, exact })
    }
}

/// Digests by their algorithm and the member's name.
pub type Sums = BTreeMap<(Algorithm, String), String>;

/// The members that do not match the manifest, in its order, each once.
pub fn changed<'a>(manifest: &'a str, sums: &Sums) -> Vec<&'a str> {
    let mut changed = Vec::new();
    for line in manifest.lines().filter_map(Line::parse) {
        let real = sums.get(&(line.algorithm, line.name.to_owned()));
        let differs = real.is_some_and(|real| !real.eq_ignore_ascii_case(line.digest));
        if differs && !changed.contains(&line.name) {
            changed.push(line.name);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_line_is_told_apart_from_one_that_vmware_does_not_read() {
        let digest = "0".repeat(64);
        let line = format!("SHA256(disk.vmdk)= {digest}");
        let (algorithm, name) = (Algorithm::Sha256, "disk.vmdk");
        let expected = Line { algorithm, name, digest: &digest, exact: true };
        assert_eq!(Line::parse(&line), Some(expected));
        for loose in [
            format!("SHA256 (disk.vmdk)= {digest}"),
            format!("SHA256(disk.vmdk)={digest}"),
            format!("sha256(disk.vmdk) = {digest}"),
            format!("SHA256(disk.vmdk)= {digest} "),
        ] {
            assert_eq!(Line::parse(&loose), Some(Line { exact: false, ..expected }), "{loose}");
        }
        for wrong in [
            format!("MD5(disk.vmdk)= {digest}"),
            format!("SHA1(disk.vmdk)= {digest}"),
            format!("SHA256(disk.vmdk)= {}", &digest[1..]),
            format!("SHA256(disk.vmdk)= {}x", &digest[1..]),
            digest,
        ] {
            assert_eq!(Line::parse(&wrong), None, "{wrong}");
        }
    }
}
