//! MANIFEST.json: what a bundle says about itself. It is the archive's first entry, and nothing else may
//! be in the archive than what it lists.

use serde::{Deserialize, Serialize};

use super::parameter::Parameters;
use super::release::{Name, Version};
use crate::units::{Digest, Timestamp, rfc3339};

/// The manifest's name in the archive.
pub const MANIFEST: &str = "MANIFEST.json";
/// The file that holds the release id; environment.conf's config_version prints it.
pub const RELEASE_ID: &str = "RELEASE_ID";
/// The version of the bundle format that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// What a bundle is and holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format: [`FORMAT`].
    pub format: u32,
    /// The site.
    pub site: Name,
    /// The version.
    pub version: Version,
    /// `<site>-<version>`.
    pub release: String,
    /// The commit of the vendor's repository, with `-dirty` when files differed from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When its sources were last changed.
    #[serde(with = "rfc3339")]
    pub created: Timestamp,
    /// The oldest slipway that understands it, as in "0.1.0".
    pub min_builder: String,
    /// What the image must give it.
    pub needs: Needs,
    /// Where the applications say whether they work; READY needs all their answers.
    pub health: Vec<Health>,
    /// What a profile may set; none where the site does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Puppet modules.
    pub modules: Vec<Module>,
    /// Applications.
    pub apps: Vec<App>,
    /// Every other file of the archive, in its order: by path bytes, each once.
    pub files: Vec<FileRecord>,
}

/// What the image must give a bundle, so that it converges without a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// Bases that it was made for, as in "debian-12"; any when empty.
    pub os: Vec<String>,
    /// Puppet's version, as in ">= 7".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub puppet: Option<String>,
    /// Operating system packages to bake.
    pub packages: Vec<String>,
    /// Files that must lie in the root before the packages are installed.
    pub files: Vec<NeededFile>,
}

/// A file that must lie in the root before packages are installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededFile {
    /// An absolute path.
    pub path: String,
    /// Its text.
    pub content: String,
}

/// Where an application says whether it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Path with a leading slash, asked on 127.0.0.1.
    pub path: String,
    /// TCP port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Status of the answer when all is well.
    #[serde(default = "default_status")]
    pub status: u16,
    /// Text that the answer must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

fn default_port() -> u16 {
    80
}

fn default_status() -> u16 {
    200
}

/// A Puppet module in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Its folder's name under modules/.
    pub name: String,
    /// The version in its metadata.json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The distribution's package that it came from, `name=version`; the vendor's own has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The commit of its repository, with `-dirty` when its files differed from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The repository that a Puppetfile names, or the forge's release, as in
    /// `forge:puppetlabs-stdlib-9.4.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// SHA-256 over its files' modes, digests and paths.
    pub digest: Digest,
}

/// An application in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// The name in its package.json.
    pub name: String,
    /// The version in its package.json.
    pub version: String,
    /// The .tgz's path in the bundle.
    pub file: String,
    /// SHA-256 of the .tgz.
    pub digest: Digest,
    /// The commit that it was packed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The channel of the store that it came from; none where it was packed with the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// One file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Path in the release's folder.
    pub path: String,
    /// SHA-256.
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
    /// Permission bits in octal: "0644" or "0755".
    #[serde(with = "octal")]
    pub mode: u16,
}

mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::bundle) fn serialize<S: Serializer>(mode: &u16, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{mode:04o}"))
    }

    pub(in crate::bundle) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u16, D::Error> {
        let text = String::deserialize(d)?;
        u16::from_str_radix(&text, 8).map_err(D::Error::custom)
    }
}
