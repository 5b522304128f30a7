//! A plan as it is kept and shown. Its own types, as those of images' records: a plan that somebody kept is read by every
//! later version, and nothing in it is secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Plan;
use crate::error::{Error, Kind, Result};
use crate::manifest::{BaseRecord, BundleRecord, Package, ProfileRecord};
use crate::units::{ByteSize, Digest, Timestamp};

/// One image, pinned, without secrets. The digest of the plan is not that of this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// [`super::FORMAT`], as the program had it that made the plan.
    pub format: u32,
    /// The builder's version.
    pub builder: String,
    /// The image's time.
    pub time: Timestamp,
    /// The profile with everything inherited.
    pub profile: ProfileRecord,
    /// The digests of the profile's source files.
    #[serde(default)]
    pub sources: BTreeMap<String, Digest>,
    /// The base with its layers.
    pub base: BaseRecord,
    /// The layers on the base, from below.
    #[serde(default)]
    pub layers: Vec<String>,
    /// The bundle.
    pub bundle: BundleRecord,
}

/// What is known of an order without making anything: what `slipway plan --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// Whether all that the image is made of is there, so that the plan is exact.
    pub cached: bool,
    /// The plan's digest, which names the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The artifacts' name without an ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanRecord>,
    /// The profile, where there is no plan yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileRecord>,
    /// What is to be made first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The operating system's packages, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// The bundle's manifest, as its publisher signed it. Not as this program understands it: that refuses what a later
    /// one adds.
    pub bundle: Value,
    /// The data in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<ByteSize>,
    /// The most that its formats can take here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_needed: Option<ByteSize>,
}

impl Plan {
    /// The plan without what may be secret: for people, logs and pages.
    pub fn shown(&self) -> Result<PlanRecord> {
        Ok(PlanRecord {
            format: self.format,
            builder: self.builder.clone(),
            time: self.time,
            profile: ProfileRecord::of(&self.profile, &self.sources)?,
            sources: self.sources.clone(),
            base: self.base.clone(),
            layers: self.layers.clone(),
            bundle: self.bundle.clone(),
        })
    }
}

/// A bundle's manifest as it is kept in an [`Outlook`].
pub fn kept(manifest: &impl Serialize) -> Result<Value> {
    serde_json::to_value(manifest)
        .map_err(|e| Error::new(Kind::Input, "the bundle's manifest cannot be kept").because(e))
}
