//! Whether documents that were written once say of an image what its inventory says.
//!
//! They are read as anybody's, and not written anew and compared: a later version may write them differently.

use std::collections::BTreeMap;

use serde_json::Value;

use super::component::Inventory;
use super::subject::File;
use super::{cyclonedx, spdx};
use crate::units::Digest;

/// What a document says of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    name: String,
    version: String,
    licence: String,
    sha256: Option<String>,
}

/// All that an SPDX and a CycloneDX document say otherwise than the inventory and the image's files; empty when
/// both say the same. A sentence each, which begins with the document's kind.
pub fn matches(
    inventory: &Inventory,
    files: &[File],
    spdx: &[u8],
    cyclonedx: &[u8],
) -> Vec<String> {
    let held: BTreeMap<String, Said> = inventory
        .components
        .iter()
        .map(|component| {
            let licence = component.licence.as_deref().unwrap_or(spdx::NO_ASSERTION);
            let said = Said {
                name: component.name.clone(),
                version: component.version.clone(),
                licence: licence.to_owned(),
                sha256: component.sha256.as_ref().map(Digest::to_string),
            };
            (component.purl.clone(), said)
        })
        .collect();
    let digests = files.iter().map(|f| (f.name.clone(), f.sha256.to_string())).collect();
    let mut faults = Vec::new();
    for (kind, document) in [
        ("the SPDX document", read_spdx(spdx)),
        ("the CycloneDX document", read_cyclonedx(cyclonedx)),
    ] {
        let found = match document {
            Err(why) => vec![why],
            Ok(document) => document.differences(&held, &digests),
        };
        faults.extend(found.into_iter().map(|fault| format!("{kind} {fault}")));
    }
    faults
}

/// What was read of one document.
#[derive(Default)]
struct Document {
    components: BTreeMap<String, Said>,
    /// Names and digests of the image's files.
    files: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Document {
    fn take(&mut self, purl: &str, said: Said) {
        if self.components.insert(purl.to_owned(), said).is_some() {
            self.faults.push(format!("lists {purl} twice"));
        }
    }

    fn differences(
        self,
        held: &BTreeMap<String, Said>,
        files: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let mut faults = self.faults;
        for (purl, said) in held {
            match self.components.get(purl) {
                None => faults.push(format!("does not list {purl}")),
                Some(other) => faults.extend(other.against(said, purl)),
            }
        }
        let more = self.components.keys().filter(|purl| !held.contains_key(*purl));
        faults.extend(more.map(|purl| format!("lists {purl}, which is not in the image")));
        for (name, digest) in files {
            match self.files.get(name) {
                None => faults.push(format!("does not name the file {name}")),
                Some(other) if other != digest => {
                    faults.push(format!("has another digest of {name}: {other}"));
                }
                Some(_) => {}
            }
        }
        let more = self.files.keys().filter(|name| !files.contains_key(*name));
        faults.extend(more.map(|name| format!("names the file {name}, which is not there")));
        faults
    }
}

impl Said {
    fn against(&self, held: &Self, purl: &str) -> Vec<String> {
        let digest = |said: &Self| said.sha256.clone().unwrap_or_else(|| "none".to_owned());
        let pairs = [
            ("name", self.name.clone(), held.name.clone()),
            ("version", self.version.clone(), held.version.clone()),
            ("licence", self.licence.clone(), held.licence.clone()),
            ("SHA-256", digest(self), digest(held)),
        ];
        let other = pairs.into_iter().filter(|(_, said, held)| said != held);
        other
            .map(|(what, said, held)| {
                format!("says {said:?} for the {what} of {purl}, not {held:?}")
            })
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn parse(bytes: &[u8], field: &str, wanted: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("is not JSON: {e}"))?;
    match value[field].as_str() {
        Some(version) if version == wanted => Ok(value),
        _ => Err(format!("is not of the version {wanted}")),
    }
}

fn each<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

fn read_spdx(bytes: &[u8]) -> Result<Document, String> {
    let value = parse(bytes, "spdxVersion", spdx::VERSION)?;
    let mut document = Document::default();
    for package in each(&value, "packages") {
        let mut checksums = each(package, "checksums").filter(|c| c["algorithm"] == "SHA256");
        let sha256 = checksums.next().map(|c| text(&c["checksumValue"]));
        let purl = each(package, "externalRefs").find(|r| r["referenceType"] == "purl");
        if let Some(purl) = purl {
            let (name, version) = (text(&package["name"]), text(&package["versionInfo"]));
            let said = Said { name, version, licence: text(&package["licenseDeclared"]), sha256 };
            document.take(&text(&purl["referenceLocator"]), said);
        } else if let (Some(name), Some(sha256)) = (package["packageFileName"].as_str(), sha256) {
            document.files.insert(name.to_owned(), sha256);
        } else if package["primaryPackagePurpose"] != "OPERATING-SYSTEM" {
            document
                .faults
                .push(format!("has a package without a purl: {}", text(&package["name"])));
        }
    }
    Ok(document)
}

fn read_cyclonedx(bytes: &[u8]) -> Result<Document, String> {
    let value = parse(bytes, "specVersion", cyclonedx::VERSION)?;
    let mut document = Document::default();
    let sha256 = |component: &Value| {
        let mut hashes = each(component, "hashes").filter(|hash| hash["alg"] == "SHA-256");
        hashes.next().map(|hash| text(&hash["content"]))
    };
    for component in each(&value, "components") {
        let Some(purl) = component["purl"].as_str() else {
            document
                .faults
                .push(format!("has a component without a purl: {}", text(&component["name"])));
            continue;
        };
        let (name, version) = (text(&component["name"]), text(&component["version"]));
        let said = Said { name, version, licence: licence(component), sha256: sha256(component) };
        document.take(purl, said);
    }
    for file in each(&value["metadata"]["component"], "components") {
        document.files.insert(text(&file["name"]), sha256(file).unwrap_or_default());
    }
    Ok(document)
}

fn licence(component: &Value) -> String {
    let choice = &component["licenses"][0];
    let forms = [&choice["expression"], &choice["license"]["id"], &choice["license"]["name"]];
    let said = forms.into_iter().find_map(Value::as_str);
    said.unwrap_or(spdx::NO_ASSERTION).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::component::{Component, Sort};
    use super::super::subject::Subject;
    use super::*;
    use crate::units::Timestamp;

    fn made() -> (Inventory, Subject, String, String) {
        let package = |name: &str, licence: Option<&str>| Component {
            licence: licence.map(str::to_owned),
            ..Component::new(Sort::Npm, format!("pkg:npm/{name}@1.0.0"), name, "1.0.0")
        };
        let mut components = vec![
            package("a", Some("MIT")),
            package("b", Some("LicenseRef-b")),
            package("c", Some("MIT OR ISC")),
            package("d", None),
        ];
        components[0].sha256 = Some(Digest::of("a"));
        let inventory = Inventory::new(None, components);
        let subject = Subject {
            name: "acme".into(),
            version: "1.0.0+b1".into(),
            created: Timestamp::from_seconds(1),
            supplier: Some("Vendor".into()),
            files: vec![File { name: "acme.qcow2".into(), sha256: Digest::of("image") }],
        };
        let spdx = spdx::spdx(&inventory, &subject).unwrap();
        let cyclonedx = cyclonedx::cyclonedx(&inventory, &subject).unwrap();
        (inventory, subject, spdx, cyclonedx)
    }

    #[test]
    fn what_was_written_matches_and_each_change_is_told() {
        let (inventory, subject, spdx, cyclonedx) = made();
        let faults = |spdx: &str, cyclonedx: &str| {
            matches(&inventory, &subject.files, spdx.as_bytes(), cyclonedx.as_bytes())
        };
        assert_eq!(faults(&spdx, &cyclonedx), [""; 0]);
        let (a, image) = (Digest::of("a").to_string(), Digest::of("image").to_string());
        let other = Digest::of("other").to_string();
        for (before, after, said) in [
            ("pkg:npm/d@1.0.0", "pkg:npm/e@1.0.0", "does not list pkg:npm/d@1.0.0"),
            (
                "pkg:npm/d@1.0.0",
                "pkg:npm/e@1.0.0",
                "lists pkg:npm/e@1.0.0, which is not in the image",
            ),
            ("pkg:npm/d@1.0.0", "pkg:npm/a@1.0.0", "lists pkg:npm/a@1.0.0 twice"),
            ("\"LicenseRef-b\"", "\"ISC\"", "the licence of pkg:npm/b@1.0.0"),
            ("MIT OR ISC", "MIT AND ISC", "the licence of pkg:npm/c@1.0.0"),
            ("\"name\": \"d\"", "\"name\": \"x\"", "the name of pkg:npm/d@1.0.0"),
            (a.as_str(), other.as_str(), "the SHA-256 of pkg:npm/a@1.0.0"),
            (image.as_str(), other.as_str(), "another digest of acme.qcow2"),
            ("\"acme.qcow2\"", "\"x.qcow2\"", "does not name the file acme.qcow2"),
            ("2.3\"", "2.2\"", "is not of the version"),
            ("\"1.6\"", "\"1.5\"", "is not of the version"),
        ] {
            let (spdx, cyclonedx) = (spdx.replace(before, after), cyclonedx.replace(before, after));
            let found = faults(&spdx, &cyclonedx).join("\n");
            assert!(found.contains(said), "{before} {said}: {found}");
        }
        assert_eq!(faults("", "[").len(), 2);
    }

    #[test]
    fn both_documents_hold_the_same_set_and_the_same_input_gives_the_same_bytes() {
        let (inventory, subject, spdx, cyclonedx) = made();
        let purls = |document: Result<Document, String>| {
            document.ok().unwrap().components.into_keys().collect::<Vec<_>>()
        };
        let all: Vec<String> = inventory.components.iter().map(|c| c.purl.clone()).collect();
        assert_eq!(purls(read_spdx(spdx.as_bytes())), all);
        assert_eq!(purls(read_cyclonedx(cyclonedx.as_bytes())), all);
        assert_eq!(made().2, spdx);
        let later = Subject { created: Timestamp::from_seconds(2), ..subject };
        let id = |text: &str| text.lines().find(|l| l.contains("urn:uuid")).unwrap().to_owned();
        assert_ne!(id(&spdx::spdx(&inventory, &later).unwrap()), id(&spdx));
    }
}
