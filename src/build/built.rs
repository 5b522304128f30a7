//! What is known of a build when it is over: the record beside its artifacts, and the pointer to the newest one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Kind, Result};
use crate::format;
use crate::manifest::ImageRecord;
use crate::profile::Format;
use crate::units::{ByteSize, Digest};

/// What a build wrote; lies beside the artifacts as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Built {
    /// What went in.
    pub record: ImageRecord,
    /// What came out.
    pub artifacts: Vec<Artifact>,
}

/// One image file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its format.
    pub format: Format,
    /// Its name, beside the record.
    pub file: String,
    /// Its length in bytes, holes included.
    pub size: ByteSize,
    /// SHA-256 of all its bytes; none when the build was told to go without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Where it may be cut into pieces that images of one base share: bytes from its start, rising. Older records have
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "stretches")]
    pub cuts: Vec<u64>,
}

/// Cuts in a record: the lengths of the stretches between them in one line, since a number a line would be most of the
/// record.
mod stretches {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(cuts: &[u64], to: S) -> Result<S::Ok, S::Error> {
        let before = std::iter::once(&0).chain(cuts);
        let lengths: Vec<_> =
            cuts.iter().zip(before).map(|(at, before)| (at - before).to_string()).collect();
        to.serialize_str(&lengths.join(" "))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        let text = String::deserialize(from)?;
        let mut end = 0u64;
        let cut = |length: &str| {
            let length: u64 = length.parse().map_err(serde::de::Error::custom)?;
            end = end.checked_add(length).ok_or_else(|| serde::de::Error::custom("too long"))?;
            Ok(end)
        };
        text.split_whitespace().map(cut).collect()
    }
}

impl From<&format::Written> for Artifact {
    fn from(written: &format::Written) -> Self {
        let file = written.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (size, sha256) = (ByteSize(written.size), written.digest);
        Self { format: written.format, file, size, sha256, cuts: written.cuts.clone() }
    }
}

/// The file beside a customer's artifacts that names the newest complete build's record.
pub const LATEST: &str = "latest.json";

/// The content of [`LATEST`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Latest {
    pub record: String,
}

/// The newest complete build of a customer in `out`.
///
/// # Errors
/// [`Kind::NotFound`] when there is none.
pub fn latest(out: &Path, customer: &str) -> Result<(PathBuf, Built)> {
    let folder = out.join(customer);
    let pointer = folder.join(LATEST);
    let text = std::fs::read(&pointer).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::new(Kind::NotFound, "there is no image of this customer")
            .at(&pointer)
            .remedy(format!("build one with `slipway build {customer}`"))
            .because(e),
        _ => Error::new(Kind::Io, "cannot read which image is the newest").at(&pointer).because(e),
    })?;
    let damaged = |path: &Path, e| {
        Error::new(Kind::Damaged, "cannot read the record")
            .at(path)
            .remedy(format!("build it again with `slipway build {customer}`"))
            .because(e)
    };
    let latest: Latest = serde_json::from_slice(&text).map_err(|e| damaged(&pointer, e))?;
    let path = folder.join(latest.record);
    let text = std::fs::read(&path).at("cannot read the record", &path)?;
    let built = serde_json::from_slice(&text).map_err(|e| damaged(&path, e))?;
    Ok((path, built))
}

/// A record's text.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| Error::new(Kind::Input, "a record cannot be written").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_that_cannot_be_read_is_not_taken_for_a_customer_without_an_image() {
        let out = tempfile::tempdir().unwrap();
        assert_eq!(latest(out.path(), "acme").unwrap_err().kind(), Kind::NotFound);
        std::fs::create_dir_all(out.path().join("acme").join(LATEST)).unwrap();
        assert_eq!(latest(out.path(), "acme").unwrap_err().kind(), Kind::Io);
    }
}
