//! What a release is, as it is written, signed, and read by every later version.

use serde::{Deserialize, Serialize};

use super::maker::Maker;
use crate::build::Artifact;
use crate::error::{Error, Kind, Result};
use crate::inventory::File;
use crate::manifest::{BaseRecord, BundleRecord};
use crate::smoke::Firmware;
use crate::units::{Digest, MIB, Timestamp, rfc3339};

/// The version of the record that is written; all versions from 1 on can be read.
pub const FORMAT: u32 = 1;
/// The largest record, list or report that is read, in bytes.
pub(super) const LARGEST: u64 = 64 * MIB;
/// The record's name in a release's folder.
pub const RECORD: &str = "release.json";

/// One customer's image, with all that proves and explains it. Nothing in it is secret: it may be published.
///
/// Its id is the artifacts' common name (`<customer>-<bundle version>-<8 digits of the plan's digest>`), so it says which
/// plan it is of; the same plan gives the same bytes, and is released once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Version of this format: [`FORMAT`], or what an older program wrote.
    pub format: u32,
    /// Its name.
    pub id: String,
    /// The customer's id.
    pub customer: String,
    /// The customer, for people.
    pub name: String,
    /// The site: whose keys sign it.
    pub site: String,
    /// When it was made.
    #[serde(with = "rfc3339")]
    pub created: Timestamp,
    /// The builder's version.
    pub builder: String,
    /// The digest of the plan.
    pub plan: Digest,
    /// The base and its package layers.
    pub base: BaseRecord,
    /// The configuration bundle.
    pub bundle: BundleRecord,
    /// The images.
    pub artifacts: Vec<Artifact>,
    /// Every other file but this record, its signature and SHA256SUMS, sorted by name.
    #[serde(default)]
    pub files: Vec<Part>,
    /// How it was tested.
    pub smoke: Tested,
    /// Where it was made, where whoever made it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<Maker>,
    /// The customer's release before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

/// A small file of a release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Its name in the release's folder.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// How a release was tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// Booted until it was READY, once for each of these.
    Booted(Vec<Boot>),
    /// Not at all, for this reason: somebody gave it, and it stays in the release.
    Without(String),
}

/// One smoke test of one of the release's images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// What the machine started with.
    pub firmware: Firmware,
    /// The digest of the image that was booted.
    pub image_sha256: Digest,
    /// The report's name in the release's folder.
    pub report: String,
}

/// A release that another one follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its name.
    pub id: String,
    /// The digest of its record.
    pub sha256: Digest,
}

impl Release {
    /// The record's text.
    pub fn text(&self) -> Result<String> {
        json(self)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`Kind::Refused`] for one of a newer format, [`Kind::Damaged`] for what is none.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let damaged = |e| Error::new(Kind::Damaged, "this is no release's record").because(e);
        let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
        if head.format > FORMAT {
            let message =
                format!("the release has format {}, this slipway reads {FORMAT}", head.format);
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

/// The images as documents about them name them.
pub(super) fn images(artifacts: &[Artifact]) -> Vec<File> {
    let file = |a: &Artifact| Some(File { name: a.file.clone(), sha256: a.sha256? });
    artifacts.iter().filter_map(file).collect()
}

/// A text that a release holds.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| Error::new(Kind::Input, "a part of the release cannot be written").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_newer_format_is_refused_and_what_is_none_is_damaged() {
        let kind = |text: &str| Release::parse(text.as_bytes()).unwrap_err().kind();
        assert_eq!(kind("{\"format\": 2}"), Kind::Refused);
        assert_eq!(kind("{\"format\": 1}"), Kind::Damaged);
        assert_eq!(kind("nonsense"), Kind::Damaged);
    }

    #[test]
    fn a_reason_to_go_untested_is_read_back() {
        let tested = Tested::Without("no machine with KVM".to_owned());
        let text = serde_json::to_string(&tested).unwrap();
        assert_eq!(text, r#"{"without":"no machine with KVM"}"#);
        assert_eq!(serde_json::from_str::<Tested>(&text).unwrap(), tested);
    }
}
