//! An inventory as an SPDX 2.3 document in JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::component::{Component, Inventory, Sort};
use super::licence;
use super::subject::{File, Party, Subject};
use crate::error::{Error, Kind, Result};
use crate::units::Digest;

/// The version of SPDX that is written.
pub(super) const VERSION: &str = "SPDX-2.3";
/// What is not told (SPDX 2.3, 7.7 and others).
pub(super) const NO_ASSERTION: &str = "NOASSERTION";
/// The image's own id in the document.
const IMAGE: &str = "SPDXRef-Image";
/// The document's.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
/// Hexadecimal digits of a purl's digest in an id.
const DIGITS: usize = 12;

/// The document's text; the same for the same input.
pub fn spdx(inventory: &Inventory, subject: &Subject) -> Result<String> {
    let ids: BTreeMap<&str, String> =
        inventory.components.iter().map(|c| (c.purl.as_str(), id(c))).collect();
    let mut packages = vec![image(subject)];
    packages.extend(subject.files.iter().enumerate().map(|(n, file)| artifact(n, file, subject)));
    packages
        .extend(inventory.components.iter().map(|c| package(c, &ids[c.purl.as_str()], subject)));
    let mut creators = vec![format!("Tool: slipway-{}", env!("CARGO_PKG_VERSION"))];
    creators.extend(subject.supplier.as_deref().and_then(Party::parse).map(|p| actor(&p, true)));
    let mut document = json!({
        "spdxVersion": VERSION,
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": format!("{} {}", subject.name, subject.version).trim_end(),
        "documentNamespace": format!("urn:uuid:{}", subject.id(inventory)?),
        "creationInfo": { "created": subject.created.to_string(), "creators": creators },
        "packages": packages,
        "relationships": relationships(inventory, subject, &ids),
    });
    let extracted = extracted(inventory);
    if !extracted.is_empty() {
        document["hasExtractedLicensingInfos"] = Value::Array(extracted);
    }
    text(&document)
}

/// A document's text.
pub(super) fn text(document: &Value) -> Result<String> {
    serde_json::to_string_pretty(document)
        .map(|text| text + "\n")
        .map_err(|e| Error::new(Kind::Input, "the list of components cannot be written").because(e))
}

/// A name that a document of any day has for the component (SPDX 2.3, 3.2: letters, digits, dots and hyphens).
fn id(component: &Component) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let name: String = component.name.chars().map(plain).collect();
    let digest = Digest::of(&component.purl).to_string();
    format!("SPDXRef-{name}-{}", &digest[..DIGITS])
}

fn image(subject: &Subject) -> Value {
    let mut image = bare(IMAGE, &subject.name, &subject.version);
    image["supplier"] = supplier(subject.supplier.as_deref().and_then(Party::parse).as_ref(), true);
    image["primaryPackagePurpose"] = "OPERATING-SYSTEM".into();
    image
}

fn artifact(n: usize, file: &File, subject: &Subject) -> Value {
    let mut artifact = bare(&artifact_id(n), &file.name, &subject.version);
    artifact["supplier"] =
        supplier(subject.supplier.as_deref().and_then(Party::parse).as_ref(), true);
    artifact["packageFileName"] = file.name.as_str().into();
    artifact["checksums"] = checksums(&file.sha256);
    artifact["primaryPackagePurpose"] = "FILE".into();
    artifact
}

fn artifact_id(n: usize) -> String {
    format!("SPDXRef-Artifact-{n}")
}

fn bare(id: &str, name: &str, version: &str) -> Value {
    let mut package = json!({
        "SPDXID": id, "name": name, "downloadLocation": NO_ASSERTION, "filesAnalyzed": false,
        "licenseConcluded": NO_ASSERTION, "licenseDeclared": NO_ASSERTION, "copyrightText": NO_ASSERTION,
    });
    if !version.is_empty() {
        package["versionInfo"] = version.into();
    }
    package
}

fn package(component: &Component, id: &str, subject: &Subject) -> Value {
    let mut package = bare(id, &component.name, &component.version);
    let party = subject.party(component);
    package["supplier"] = supplier(party.as_ref(), false);
    package["licenseDeclared"] = component.licence.as_deref().unwrap_or(NO_ASSERTION).into();
    package["externalRefs"] = json!([{
        "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": component.purl,
    }]);
    if let Some(sha256) = &component.sha256 {
        package["checksums"] = checksums(sha256);
    }
    if let Some(source) = &component.source {
        let text = format!("built from the source package {} {}", source.name, source.version);
        package["sourceInfo"] = text.into();
    }
    package["primaryPackagePurpose"] = match component.sort {
        Sort::App => "APPLICATION",
        Sort::Base => "OPERATING-SYSTEM",
        Sort::Bundle => "ARCHIVE",
        Sort::Module | Sort::Npm | Sort::Package => "LIBRARY",
        Sort::Other => "OTHER",
    }
    .into();
    package
}

fn checksums(sha256: &Digest) -> Value {
    json!([{ "algorithm": "SHA256", "checksumValue": sha256.to_string() }])
}

fn supplier(party: Option<&Party>, organization: bool) -> Value {
    party.map_or(NO_ASSERTION.into(), |party| actor(party, organization).into())
}

fn actor(party: &Party, organization: bool) -> String {
    let what = if organization || party.is_organization() { "Organization" } else { "Person" };
    match &party.email {
        Some(email) => format!("{what}: {} ({email})", party.name),
        None => format!("{what}: {}", party.name),
    }
}

fn relationships(
    inventory: &Inventory,
    subject: &Subject,
    ids: &BTreeMap<&str, String>,
) -> Vec<Value> {
    let relation = |from: &str, how: &str, to: &str| json!({ "spdxElementId": from, "relationshipType": how, "relatedSpdxElement": to });
    let mut all = vec![relation(DOCUMENT, "DESCRIBES", IMAGE)];
    for n in 0..subject.files.len() {
        all.push(relation(DOCUMENT, "DESCRIBES", &artifact_id(n)));
        all.push(relation(&artifact_id(n), "CONTAINS", IMAGE));
    }
    for component in &inventory.components {
        let id = &ids[component.purl.as_str()];
        let mut above: Vec<&str> = component
            .within
            .iter()
            .filter_map(|purl| ids.get(purl.as_str()))
            .map(String::as_str)
            .collect();
        if above.is_empty() {
            above.push(IMAGE);
        }
        all.extend(above.into_iter().map(|above| relation(above, "CONTAINS", id)));
    }
    all
}

/// The licences that SPDX does not list, each with where its text is.
fn extracted(inventory: &Inventory) -> Vec<Value> {
    let mut all: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for component in &inventory.components {
        for reference in component.licence.iter().flat_map(|licence| licence::references(licence)) {
            let place = match component.sort {
                Sort::Package => format!("/usr/share/doc/{}/copyright", component.name),
                _ => format!("{} {}", component.name, component.version),
            };
            all.entry(reference).or_default().insert(place);
        }
    }
    let one = |(reference, places): (&str, BTreeSet<String>)| {
        let places = places.into_iter().collect::<Vec<_>>().join(", ");
        json!({
            "licenseId": reference,
            "name": &reference[licence::REF.len()..],
            "extractedText": format!("The text is in the image, under this name: {places}"),
        })
    };
    all.into_iter().map(one).collect()
}
