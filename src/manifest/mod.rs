//! The record of what was built into an image: readable inside it and from outside.

use serde::{Deserialize, Serialize};

use crate::units::{Digest, Timestamp};

mod profile;

pub use profile::{
    AccessRecord, BrandingRecord, CustomerRecord, FileRecord, HardwareRecord, HieraRecord,
    MasterRecord, NetworkRecord, ProfileRecord, SystemRecord,
};

/// The record's path in the image.
pub const IMAGE_RECORD: &str = "/usr/lib/slipway/image.json";
/// The path of the profile's probes in the image, for the smoke test. They are not in the record,
/// because a probe may log in.
pub const PROBES: &str = "/etc/slipway/probes.json";

/// The version of the record that is written; all versions from 1 on can be read.
pub const RECORD_FORMAT: u32 = 2;

/// The number of digits of a plan's digest in its artifacts' names.
pub const STEM_DIGITS: usize = 8;

/// Everything that went into one image. Nothing here is secret: it may be published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Version of this format: [`RECORD_FORMAT`], or what an older program wrote.
    pub format: u32,
    /// The builder's version.
    pub builder: String,
    /// The digest of the plan; it names the build.
    pub plan: Digest,
    /// The image's time: not earlier than anything in it. The appliance's clock may not be before
    /// it.
    pub time: Timestamp,
    /// The profile with everything inherited.
    pub profile: ProfileRecord,
    /// The base and its package layers.
    pub base: BaseRecord,
    /// The configuration bundle.
    pub bundle: BundleRecord,
    /// The operating system's packages, sorted by name.
    pub packages: Vec<Package>,
}

/// The artifacts' name without an extension: the customer, the bundle's version and the first
/// digits of the plan's digest. So two plans never share a name, and people still see what it is.
pub fn stem(customer: &str, bundle: &BundleRecord, plan: Digest) -> String {
    format!("{customer}-{}-{}", bundle.version(), &plan.to_string()[..STEM_DIGITS])
}

impl ImageRecord {
    /// The name of what was built, without an extension: see [`stem`].
    pub fn stem(&self) -> String {
        stem(&self.profile.customer.id, &self.bundle, self.plan)
    }
}

/// The base, and the content that it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRecord {
    /// The definition's name, as in "debian-12".
    pub name: String,
    /// The digest of the base with its package layers: names, attributes and contents.
    pub digest: Digest,
}

/// The bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleRecord {
    /// The site.
    pub site: String,
    /// The release id, as in "demo-1.0.0+b1".
    pub release: String,
    /// SHA-256 of the .tgz.
    pub digest: Digest,
}

impl BundleRecord {
    /// The release without the site, as in "1.0.0+b1".
    pub fn version(&self) -> &str {
        let rest = self.release.strip_prefix(&self.site);
        rest.and_then(|rest| rest.strip_prefix('-')).unwrap_or(&self.release)
    }
}

/// An installed package of the operating system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Binary package name.
    pub name: String,
    /// Version, as dpkg writes it.
    pub version: String,
    /// Architecture, as dpkg writes it: amd64, all.
    pub architecture: String,
}
