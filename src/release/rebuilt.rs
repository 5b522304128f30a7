//! What somebody says who built a release again: an in-toto statement with SLSA's summary of a verification, in a signed
//! DSSE envelope. It may lie beside the release's files; the record cannot name it, because it is made later.
//!
//! Another provenance by another builder was rejected: it would say how the second images were made, and not that they are
//! the first ones. A summary is what policies ask for, and cosign checks its signature.

use serde::Serialize;
use serde_json::{Value, json};

use super::provenance::{PAYLOAD, PROVENANCE, STATEMENT, named, subjects};
use super::record::{RECORD, Release};
use crate::error::{Error, Kind, Result};
use crate::key::{KeyId, Namespace, SecretKey, Trust};
use crate::units::{Digest, Timestamp};

/// The envelope's name in a release's folder.
pub const REBUILT: &str = "rebuilt.dsse.json";
/// The type of what the statement says (SLSA 1.0, verification summary).
pub const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
/// Who verified: this program.
const VERIFIER: &str = "tag:slipway,2026:rebuild";
/// What was verified: all images were built again from what the record names, and every byte is the same.
const POLICY: &str = "tag:slipway,2026:every-byte-again/v1";
/// What the images have reached by that. SLSA keeps names that begin with its own to itself.
const LEVEL: &str = "REBUILT_BYTE_FOR_BYTE";
/// How the good result is called (SLSA 1.0).
const PASSED: &str = "PASSED";
/// The version of SLSA whose words these are.
const SLSA: &str = "1.0";

/// Somebody built a release again, and every byte was the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Who says so.
    pub by: KeyId,
    /// When.
    pub at: String,
}

/// What a store has of such a statement about a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// None.
    Nothing,
    /// One that is proven.
    Proven {
        /// The envelope.
        envelope: Vec<u8>,
        /// What it says.
        rebuilt: Rebuilt,
    },
    /// One that is not believed, and why.
    NotBelieved(String),
}

/// The signed envelope's text; `record` is the digest of the release's record.
pub fn attest(
    release: &Release,
    record: Digest,
    key: &SecretKey,
    now: Timestamp,
) -> Result<String> {
    let images = release.artifacts.iter().filter_map(|a| Some(named(&a.file, a.sha256.as_ref()?)));
    let provenance = release.files.iter().find(|part| part.name == PROVENANCE);
    let inputs = provenance.map(|part| (PROVENANCE, part.sha256)).into_iter();
    let inputs = inputs.chain([(RECORD, record)]);
    let inputs = inputs.map(|(uri, sha256)| json!({ "uri": uri, "digest": { "sha256": sha256 } }));
    let statement = json!({
        "_type": STATEMENT,
        "subject": images.collect::<Vec<_>>(),
        "predicateType": SUMMARY,
        "predicate": {
            "verifier": { "id": VERIFIER },
            "timeVerified": now.to_string(),
            "resourceUri": resource(release),
            "policy": { "uri": POLICY },
            "inputAttestations": inputs.collect::<Vec<_>>(),
            "verificationResult": PASSED,
            "verifiedLevels": [LEVEL],
            "slsaVersion": SLSA,
        },
    });
    let text = serde_json::to_vec(&statement)
        .map_err(|e| Error::new(Kind::Input, "the statement cannot be written").because(e))?;
    key.seal(PAYLOAD, &text)
}

fn resource(release: &Release) -> String {
    format!("tag:slipway,2026:release/{}/{}/{}", release.site, release.customer, release.id)
}

/// What an envelope says; all that is wrong with it when no trusted key says that this very release was built again.
pub fn check(
    envelope: &[u8],
    trust: &Trust,
    now: Timestamp,
    release: &Release,
    record: Digest,
) -> Result<Rebuilt, Vec<String>> {
    let opened = trust.open_by(&release.site, Namespace::Rebuild, envelope, PAYLOAD, now);
    let (payload, by) = opened.map_err(|why| vec![format!("{why}; {}", why.remedy())])?;
    let Ok(statement) = serde_json::from_slice::<Value>(&payload) else {
        return Err(vec!["what is signed is not JSON".to_owned()]);
    };
    let predicate = &statement["predicate"];
    let resource = resource(release);
    let mut faults = subjects(&statement["subject"], release);
    for (what, found, wanted) in [
        ("type", &statement["_type"], STATEMENT),
        ("predicate's type", &statement["predicateType"], SUMMARY),
        ("policy", &predicate["policy"]["uri"], POLICY),
        ("release", &predicate["resourceUri"], &resource),
        ("result", &predicate["verificationResult"], PASSED),
    ] {
        if found != wanted {
            faults.push(format!("its {what} is {found}, and not {wanted:?}"));
        }
    }
    let mut inputs = predicate["inputAttestations"].as_array().into_iter().flatten();
    let digest = json!({ "sha256": record });
    if !inputs.any(|input| input["uri"] == RECORD && input["digest"] == digest) {
        faults.push(format!("it is not of the record with the digest {record}"));
    }
    let at = predicate["timeVerified"].as_str().unwrap_or_default().to_owned();
    if at.parse::<Timestamp>().is_err() {
        faults.push("it does not say when that was".to_owned());
    }
    if faults.is_empty() { Ok(Rebuilt { by, at }) } else { Err(faults) }
}
