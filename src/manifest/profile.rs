//! The part of a profile that a record keeps. It has its own types, because a record outlives the
//! program that wrote it: a missing key has its default, an unknown one is ignored, and a new key
//! in profiles makes no old image unreadable.
//!
//! Values that may be secret are not in it, only their digests: Hiera data, contents of files, and
//! the probes, which may log in somewhere. Records of format 1 had the values, which are replaced
//! by their digests while reading.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::profile::{self, Probe, Profile};
use crate::units::{ByteSize, Digest};

/// A profile with everything inherited, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileRecord {
    /// Who it is for.
    pub customer: CustomerRecord,
    /// The base's name.
    pub base: String,
    /// The site.
    pub site: String,
    /// The channel that was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The version that was pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// Where the bundle came from; never a secret.
    pub store: String,
    /// How the machine converges.
    pub master: MasterRecord,
    /// The machine's name and time zone.
    pub system: SystemRecord,
    /// Its network.
    pub network: NetworkRecord,
    /// The virtual machine.
    pub hardware: HardwareRecord,
    /// The formats' names.
    pub formats: Vec<String>,
    /// Extra packages.
    pub packages: Vec<String>,
    /// Extra files.
    pub files: Vec<FileRecord>,
    /// Who may log in.
    pub access: AccessRecord,
    /// The customer's Hiera data.
    pub hiera: HieraRecord,
    /// What people see.
    pub branding: BrandingRecord,
    /// The digest of the probes, which are in the image at [`super::PROBES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes_sha256: Option<Digest>,
    /// The probes of a record of format 1.
    #[serde(skip_serializing)]
    pub probes: Vec<Probe>,
}

/// Who an appliance is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerRecord {
    /// For files.
    pub id: String,
    /// For people.
    pub name: String,
    /// The customer's contact person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// How the machine converges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MasterRecord {
    /// As the profile names it.
    pub mode: String,
    /// Minutes between runs.
    pub interval_minutes: u32,
}

/// The machine's name and time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemRecord {
    /// None for the customer's id.
    pub hostname: Option<String>,
    /// None for UTC.
    pub timezone: Option<String>,
}

/// The machine's network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkRecord {
    /// None for DHCP.
    pub address: Option<String>,
    /// The router.
    pub gateway: Option<String>,
    /// Name servers.
    pub dns: Vec<String>,
    /// The proxy, which has no password in it.
    pub proxy: Option<String>,
    /// Time servers.
    pub ntp: Vec<String>,
}

/// The virtual machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HardwareRecord {
    /// Size of the virtual disk.
    pub disk: ByteSize,
    /// Whether root grows to it.
    pub grow: bool,
    /// Recommended processors.
    pub vcpus: u32,
    /// Recommended memory.
    pub memory: ByteSize,
}

/// One extra file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AnyFile")]
pub struct FileRecord {
    /// Its path in the image.
    pub path: String,
    /// Its permission bits in octal.
    pub mode: String,
    /// The profile's file that it was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The digest of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

/// Who may log in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessRecord {
    /// Public keys.
    pub ssh_keys: Vec<String>,
    /// When guestinfo is believed, as the profile names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guestinfo: Option<String>,
}

/// Hiera data without its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AnyHiera")]
pub struct HieraRecord {
    /// The keys that have a value, sorted.
    pub keys: Vec<String>,
    /// The digest of all values together: the digest of a single short value could be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

/// What people see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BrandingRecord {
    /// The product's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Lines above the status on the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
    /// Who makes the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The product's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_url: Option<String>,
    /// What the appliance is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where the application is opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
}

/// A file as written in any format.
#[derive(Deserialize)]
struct AnyFile {
    #[serde(default)]
    path: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    sha256: Option<Digest>,
    /// Only in format 1.
    #[serde(default)]
    content: Option<String>,
}

/// Hiera data as written in any format.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyHiera {
    Digested {
        keys: Vec<String>,
        sha256: Option<Digest>,
    },
    /// Format 1.
    Values(BTreeMap<String, Value>),
}

impl From<AnyFile> for FileRecord {
    fn from(AnyFile { path, mode, source, sha256, content }: AnyFile) -> Self {
        Self { path, mode, source, sha256: sha256.or_else(|| content.map(Digest::of)) }
    }
}

impl From<AnyHiera> for HieraRecord {
    fn from(any: AnyHiera) -> Self {
        match any {
            AnyHiera::Digested { keys, sha256 } => Self { keys, sha256 },
            AnyHiera::Values(values) => {
                let sha256 = (!values.is_empty())
                    .then(|| Digest::of(Value::from_iter(values.clone()).to_string()));
                Self { keys: values.into_keys().collect(), sha256 }
            }
        }
    }
}

impl Default for HardwareRecord {
    fn default() -> Self {
        let profile::Hardware { disk, grow, vcpus, memory } = profile::Hardware::default();
        Self { disk, grow, vcpus, memory }
    }
}

impl From<HardwareRecord> for profile::Hardware {
    fn from(HardwareRecord { disk, grow, vcpus, memory }: HardwareRecord) -> Self {
        Self { disk, grow, vcpus, memory }
    }
}

impl ProfileRecord {
    /// Makes a profile's record; `sources` has the digests of the files that the profile names.
    ///
    /// There is one way from values to digests: the one that reads records of format 1, which held
    /// whole profiles.
    pub fn of(profile: &Profile, sources: &BTreeMap<String, Digest>) -> Result<Self> {
        let wrong = |e| Error::new(Kind::Input, "the profile cannot be recorded").because(e);
        let value = serde_json::to_value(profile).map_err(wrong)?;
        let mut record: Self = serde_json::from_value(value).map_err(wrong)?;
        for file in &mut record.files {
            let named = file.source.as_ref().and_then(|source| sources.get(source));
            file.sha256 = file.sha256.or(named.copied());
        }
        let probes = std::mem::take(&mut record.probes);
        if !probes.is_empty() {
            record.probes_sha256 = Some(Digest::of(serde_json::to_vec(&probes).map_err(wrong)?));
        }
        Ok(record)
    }

    /// The machine's host name.
    pub fn hostname(&self) -> &str {
        self.system.hostname.as_deref().unwrap_or(&self.customer.id)
    }

    /// The product's name for people.
    pub fn product(&self) -> &str {
        self.branding.product.as_deref().unwrap_or(&self.site)
    }
}
