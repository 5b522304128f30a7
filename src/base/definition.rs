//! What a base is made from: the contents of a definition's file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::units::Digest;

/// What a base is made from. Two equal definitions give the same cache entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Definition {
    /// The file's name without .toml, as in "debian-12".
    #[serde(skip)]
    pub name: String,
    /// The folder of the project's definitions: relative paths in this one start here.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Name for people.
    pub title: String,
    /// The distribution that the packages come from.
    pub distribution: Distribution,
    /// How the root is made.
    pub kind: DefinitionKind,
    /// The finished root, for `kind = "tarball"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tarball: Option<Tarball>,
    /// Uses the archives as they were at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Who may sign the archives' indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyring: Option<Keyring>,
    /// Package archives; a tarball without any cannot take package layers.
    #[serde(default)]
    pub archives: Vec<Archive>,
    /// What is installed, for `kind = "mmdebstrap"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// The names of the local master's packages in this distribution.
    pub puppet: Puppet,
}

/// A family of releases: how its files are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Debian.
    Debian,
    /// Ubuntu.
    Ubuntu,
}

/// How a root is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefinitionKind {
    /// From packages, by mmdebstrap.
    Mmdebstrap,
    /// From an archive that somebody else made.
    Tarball,
}

/// A pinned root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tarball {
    /// https://…, file:///…, or a path, from the definition's folder: .tar, .tar.gz, .tar.xz,
    /// .tar.zst.
    pub source: String,
    /// SHA-256 of the file as it is, still compressed.
    pub sha256: Digest,
    /// The image's time: not earlier than anything in the root.
    pub time: String,
}

/// The key that verifies the archives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keyring {
    /// Path on the build machine, and in the root.
    pub file: PathBuf,
    /// The package that contains it.
    pub package: String,
}

/// A package archive with the same content on several mirrors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Archive {
    /// Addresses in order of preference (http, https or file); the first goes into the image.
    pub mirrors: Vec<String>,
    /// Suites, as in "noble-updates".
    pub suites: Vec<String>,
    /// Components, as in "universe".
    pub components: Vec<String>,
    /// Where old states are kept; the time is appended as in `20261101T000000Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<String>,
}

/// What is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Packages {
    /// The system.
    pub system: Vec<String>,
    /// The kernel's flavour: the package that always depends on the newest.
    pub kernel: String,
    /// The boot loader for BIOS, and the tools that make its image.
    pub boot: Vec<String>,
    /// The signed chain of UEFI Secure Boot.
    pub secure_boot: Vec<String>,
}

/// Package names of the local master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Puppet {
    /// The agent; part of the base.
    pub agent: Vec<String>,
    /// The server, which is a layer on the base. Empty if the distribution has none.
    pub server: Vec<String>,
}

impl Definition {
    /// Whether the base knows the old names of time zones, as in "US/Eastern". Debian moved them to
    /// a separate package in 13 (tzdata 2024a), Ubuntu in 24.04. What a tarball contains is not
    /// known.
    pub fn has_old_time_zones(&self) -> bool {
        const APART: &str = "tzdata-legacy";
        const TOGETHER: [&str; 4] = ["bullseye", "bookworm", "focal", "jammy"];
        let suites = self.archives.iter().flat_map(|archive| &archive.suites);
        let packages = self.packages.iter().flat_map(|packages| &packages.system);
        self.kind == DefinitionKind::Tarball
            || packages.into_iter().any(|package| package == APART)
            || suites.into_iter().any(|suite| TOGETHER.contains(&suite.as_str()))
    }

    /// All packages that apt is asked for, in a fixed order.
    pub fn all_packages(&self) -> Vec<String> {
        let Some(packages) = &self.packages else { return Vec::new() };
        let mut all = packages.system.clone();
        all.push(packages.kernel.clone());
        all.extend_from_slice(&packages.boot);
        all.extend_from_slice(&packages.secure_boot);
        all.extend_from_slice(&self.puppet.agent);
        all.sort();
        all.dedup();
        all
    }
}
