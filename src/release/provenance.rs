//! How a release's images were made, as an in-toto statement with SLSA's predicate, in a signed DSSE envelope.
//!
//! It says again what the record says, for programs that know nothing of slipway: policies and scanners read SLSA, and
//! cosign checks the signature.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::maker::Maker;
use super::record::{Part, Release};
use crate::error::{Error, Kind, Result};
use crate::inventory::{Component, File, Inventory, Sort};
use crate::key::{Namespace, SecretKey, Trust};
use crate::manifest::ImageRecord;
use crate::units::{Digest, Timestamp};

/// The envelope's name in a release's folder.
pub const PROVENANCE: &str = "provenance.dsse.json";
/// The payload's media type (in-toto Attestation Framework 1.0, envelope).
pub const PAYLOAD: &str = "application/vnd.in-toto+json";
/// The type of the payload (in-toto Attestation Framework 1.0, statement).
pub(super) const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The type of what it says (SLSA 1.0, provenance).
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// What the parameters mean: a name that needs no server (RFC 4151).
const BUILD_TYPE: &str = "tag:slipway,2026:image/v1";
/// The program that built.
const BUILDER: &str = "tag:slipway,2026:builder";
/// What names a folder of files, in digests: SHA-256 over the modes, digests and paths of all of them.
const TREE: &str = "slipwayTree";

/// What a statement is made of.
#[derive(Clone, Copy, Debug)]
pub struct Provenance<'a> {
    /// What went in.
    pub record: &'a ImageRecord,
    /// What the images hold.
    pub inventory: &'a Inventory,
    /// What came out.
    pub files: &'a [File],
    /// What was written about it.
    pub byproducts: &'a [Part],
    /// Where that was done, where somebody says so.
    pub maker: Option<&'a Maker>,
    /// When all of it was done.
    pub finished: Timestamp,
}

impl Provenance<'_> {
    /// The signed envelope's text.
    pub fn seal(&self, key: &SecretKey) -> Result<String> {
        let text = serde_json::to_vec(&self.statement()?)
            .map_err(|e| Error::new(Kind::Input, "the statement cannot be written").because(e))?;
        key.seal(PAYLOAD, &text)
    }

    fn statement(&self) -> Result<Value> {
        let record = self.record;
        let mut metadata = json!({ "finishedOn": self.finished.to_string() });
        if let Some(run) = self.maker.and_then(|maker| maker.run.as_deref()) {
            metadata["invocationId"] = run.into();
        }
        Ok(json!({
            "_type": STATEMENT,
            "subject": self.files.iter().map(|f| named(&f.name, &f.sha256)).collect::<Vec<_>>(),
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": self.asked()?,
                    "internalParameters": { "plan": record.plan, "time": record.time.to_string() },
                    "resolvedDependencies": self.inputs(),
                },
                "runDetails": {
                    "builder": { "id": builder(self.maker), "version": { "slipway": record.builder } },
                    "metadata": metadata,
                    "byproducts":
                        self.byproducts.iter().map(|p| named(&p.name, &p.sha256)).collect::<Vec<_>>(),
                },
            },
        }))
    }

    /// What the customer's profile asked for; its digest is that of the profile as the record has it.
    fn asked(&self) -> Result<Value> {
        let profile = &self.record.profile;
        let text = serde_json::to_vec(profile)
            .map_err(|e| Error::new(Kind::Input, "the profile cannot be written").because(e))?;
        let mut asked = json!({
            "customer": profile.customer.id, "site": profile.site, "base": profile.base,
            "formats": profile.formats, "profile": { "sha256": Digest::of(text) },
        });
        for (name, value) in [("channel", &profile.channel), ("bundle", &profile.bundle)] {
            if let Some(value) = value {
                asked[name] = value.as_str().into();
            }
        }
        Ok(asked)
    }

    fn inputs(&self) -> Vec<Value> {
        let ours = |component: &&Component| {
            matches!(component.sort, Sort::Base | Sort::Bundle | Sort::App | Sort::Module)
        };
        self.inventory.components.iter().filter(ours).map(input).collect()
    }
}

pub(super) fn named(name: &str, sha256: &Digest) -> Value {
    json!({ "name": name, "digest": { "sha256": sha256 } })
}

/// Who built, in a word: the name that the place gives itself, else this program's.
fn builder(maker: Option<&Maker>) -> &str {
    maker.and_then(|maker| maker.builder.as_deref()).unwrap_or(BUILDER)
}

fn input(component: &Component) -> Value {
    let digests = [("sha256", component.sha256), (TREE, component.tree)];
    let digests: BTreeMap<_, _> =
        digests.into_iter().filter_map(|(name, digest)| Some((name, digest?))).collect();
    json!({ "uri": component.purl, "name": component.name, "digest": digests })
}

/// All that is wrong with the envelope of a release; empty when a trusted key says of these very images what the record
/// says.
pub fn check(envelope: &[u8], trust: &Trust, now: Timestamp, release: &Release) -> Vec<String> {
    let payload = match trust.open(&release.site, Namespace::Provenance, envelope, PAYLOAD, now) {
        Ok(payload) => payload,
        Err(why) => return vec![format!("{why}; {}", why.remedy())],
    };
    let Ok(statement) = serde_json::from_slice::<Value>(&payload) else {
        return vec!["what is signed is not JSON".to_owned()];
    };
    let mut faults = Vec::new();
    let definition = &statement["predicate"]["buildDefinition"];
    let asked = &definition["externalParameters"];
    let run = &statement["predicate"]["runDetails"];
    let version = &run["builder"]["version"]["slipway"];
    let plan = release.plan.to_string();
    for (what, found, wanted) in [
        ("type", &statement["_type"], STATEMENT),
        ("predicate's type", &statement["predicateType"], PREDICATE),
        ("build's type", &definition["buildType"], BUILD_TYPE),
        ("customer", &asked["customer"], &release.customer),
        ("site", &asked["site"], &release.site),
        ("plan", &definition["internalParameters"]["plan"], &plan),
        ("builder", &run["builder"]["id"], builder(release.maker.as_ref())),
        ("builder's version", version, &release.builder),
    ] {
        if found != wanted {
            faults.push(format!("its {what} is {found}, and not {wanted:?}"));
        }
    }
    let named = release.maker.as_ref().and_then(|maker| maker.run.as_deref());
    if run["metadata"]["invocationId"].as_str() != named {
        faults.push("it names another run than the record".to_owned());
    }
    faults.extend(subjects(&statement["subject"], release));
    let base = json!({ (TREE): release.base.digest });
    let bundle = json!({ "sha256": release.bundle.digest });
    for (what, wanted) in [("base", base), ("bundle", bundle)] {
        let mut inputs = definition["resolvedDependencies"].as_array().into_iter().flatten();
        if !inputs.any(|input| input["digest"] == wanted) {
            faults.push(format!("it does not name the {what}, whose digest is {wanted}"));
        }
    }
    faults
}

/// Whether it is about the release's images, all of them and no other file.
pub(super) fn subjects(found: &Value, release: &Release) -> Vec<String> {
    let wanted: Vec<Value> = release
        .artifacts
        .iter()
        .filter_map(|artifact| Some(named(&artifact.file, artifact.sha256.as_ref()?)))
        .collect();
    let found = found.as_array().cloned().unwrap_or_default();
    let same = |a: &Value, b: &Value| a["name"] == b["name"] && a["digest"] == b["digest"];
    let lacking = wanted.iter().filter(|w| !found.iter().any(|f| same(f, w)));
    let more = found.iter().filter(|f| !wanted.iter().any(|w| same(f, w)));
    let lacking = lacking.map(|w| format!("it says nothing of {} with its digest", w["name"]));
    let more = more.map(|f| {
        format!("it speaks of {} with another digest, or of none of the images", f["name"])
    });
    lacking.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Artifact;
    use crate::key::Sites;
    use crate::manifest::{BaseRecord, BundleRecord, ProfileRecord};
    use crate::platform::Format;
    use crate::release::Tested;
    use crate::units::ByteSize;

    const NOW: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 0 };

    fn record() -> ImageRecord {
        let mut profile = ProfileRecord::default();
        profile.customer.id = "acme".into();
        profile.site = "demo".into();
        ImageRecord {
            format: 2,
            builder: "1.0.0".into(),
            plan: Digest::of("plan"),
            time: NOW,
            profile,
            base: BaseRecord { name: "debian-12".into(), digest: Digest::of("base") },
            bundle: BundleRecord {
                site: "demo".into(),
                release: "demo-1.0.0+b1".into(),
                digest: Digest::of("bundle"),
            },
            packages: Vec::new(),
        }
    }

    fn release() -> Release {
        let ImageRecord { builder, plan, base, bundle, .. } = record();
        let artifact = Artifact {
            format: Format::Qcow2,
            file: "acme.qcow2".into(),
            size: ByteSize(1),
            sha256: Some(Digest::of("image")),
            cuts: Vec::new(),
        };
        Release {
            format: 1,
            id: "acme-1.0.0+b1-0a1b2c3d".into(),
            customer: "acme".into(),
            name: "Acme".into(),
            site: "demo".into(),
            created: NOW,
            builder,
            plan,
            base,
            bundle,
            artifacts: vec![artifact],
            files: Vec::new(),
            smoke: Tested::Without("a test".into()),
            maker: None,
            previous: None,
        }
    }

    fn sealed(key: &SecretKey) -> String {
        let record = record();
        let part = |sort, sha256, tree| Component {
            purl: "pkg:generic/x".into(),
            sort,
            name: "x".into(),
            version: String::new(),
            architecture: None,
            source: None,
            supplier: None,
            licence: None,
            sha256,
            tree,
            within: Vec::new(),
        };
        let components = vec![
            part(Sort::Base, None, Some(record.base.digest)),
            part(Sort::Bundle, Some(record.bundle.digest), None),
            part(Sort::Package, None, None),
        ];
        let inventory = Inventory { format: 1, system: None, components };
        let files = [File { name: "acme.qcow2".into(), sha256: Digest::of("image") }];
        let made = Provenance {
            record: &record,
            inventory: &inventory,
            files: &files,
            byproducts: &[],
            maker: None,
            finished: NOW,
        };
        made.seal(key).unwrap()
    }

    #[test]
    fn a_statement_of_these_images_by_a_trusted_key_is_believed_and_of_others_all_is_told() {
        let key = SecretKey::generate("a").unwrap();
        let mut trust = Trust::default();
        trust.add(key.public(), Sites::named(["demo"]).unwrap());
        let envelope = sealed(&key);
        let faults = |release: &Release| check(envelope.as_bytes(), &trust, NOW, release);
        assert_eq!(faults(&release()), [""; 0]);
        // signing is deterministic
        assert_eq!(sealed(&key), envelope);
        let mut other = release();
        other.customer = "other".into();
        other.builder = "2.0.0".into();
        other.plan = Digest::of("x");
        other.base.digest = Digest::of("x");
        other.bundle.digest = Digest::of("x");
        other.artifacts[0].sha256 = Some(Digest::of("x"));
        let found = faults(&other);
        assert_eq!(found.len(), 7, "{found:#?}");
        other = release();
        other.site = "acme".into();
        assert!(faults(&other)[0].contains("not trusted for the site acme"));
        let found = check(envelope.as_bytes(), &Trust::default(), NOW, &release());
        assert!(found[0].contains("not trusted"), "{found:?}");
        let other = SecretKey::generate("b").unwrap();
        let found = check(other.seal(PAYLOAD, b"[").unwrap().as_bytes(), &trust, NOW, &release());
        assert_eq!(found.len(), 1);
        let found = check(key.seal(PAYLOAD, b"{}").unwrap().as_bytes(), &trust, NOW, &release());
        assert_eq!(found.len(), 11, "{found:#?}");
    }
}
