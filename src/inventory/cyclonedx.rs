//! An inventory as a CycloneDX 1.6 document in JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::component::{Component, Inventory, Sort};
use super::licence;
use super::spdx::text;
use super::subject::{File, Party, Subject};
use crate::error::Result;
use crate::units::Digest;

/// The version of CycloneDX that is written.
pub(super) const VERSION: &str = "1.6";
/// The image's own reference in the document.
const IMAGE: &str = "image";

/// The document's text; the same for the same input.
pub fn cyclonedx(inventory: &Inventory, subject: &Subject) -> Result<String> {
    let tool =
        json!({ "type": "application", "name": "slipway", "version": env!("CARGO_PKG_VERSION") });
    let mut metadata = json!({
        "timestamp": subject.created.to_string(),
        "tools": { "components": [tool] },
        "component": image(subject),
    });
    if let Some(party) = subject.supplier.as_deref().and_then(Party::parse) {
        metadata["supplier"] = organization(&party);
    }
    let components: Vec<Value> =
        inventory.components.iter().map(|c| component(c, subject)).collect();
    text(&json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "serialNumber": format!("urn:uuid:{}", subject.id(inventory)?),
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": dependencies(inventory),
    }))
}

fn image(subject: &Subject) -> Value {
    let files: Vec<Value> = subject.files.iter().map(file).collect();
    let mut image = json!({
        "type": "operating-system", "bom-ref": IMAGE, "name": subject.name, "version": subject.version,
    });
    if !files.is_empty() {
        image["components"] = files.into();
    }
    image
}

fn file(file: &File) -> Value {
    json!({ "type": "file", "name": file.name, "hashes": hashes(&file.sha256) })
}

fn hashes(sha256: &Digest) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256.to_string() }])
}

fn component(component: &Component, subject: &Subject) -> Value {
    let what = match component.sort {
        Sort::App => "application",
        Sort::Base => "operating-system",
        Sort::Bundle => "file",
        Sort::Module | Sort::Npm | Sort::Package | Sort::Other => "library",
    };
    let mut value = json!({
        "type": what, "bom-ref": component.purl, "name": component.name, "purl": component.purl,
    });
    if !component.version.is_empty() {
        value["version"] = component.version.as_str().into();
    }
    if let Some(party) = subject.party(component) {
        value["supplier"] = organization(&party);
    }
    if let Some(licence) = &component.licence {
        value["licenses"] = licences(licence);
    }
    if let Some(sha256) = &component.sha256 {
        value["hashes"] = hashes(sha256);
    }
    if let Some(source) = &component.source {
        let text = format!("{} {}", source.name, source.version);
        value["properties"] = json!([{ "name": "slipway:source", "value": text }]);
    }
    value
}

fn organization(party: &Party) -> Value {
    match &party.email {
        Some(email) => json!({ "name": party.name, "contact": [{ "email": email }] }),
        None => json!({ "name": party.name }),
    }
}

/// Scanners look one licence up by its id; anything else is an expression, or a name that SPDX does not list.
fn licences(expression: &str) -> Value {
    if licence::is_one_id(expression) {
        return json!([{ "license": { "id": expression } }]);
    }
    if expression.starts_with(licence::REF) && !expression.contains(' ') {
        return json!([{ "license": { "name": expression } }]);
    }
    json!([{ "expression": expression }])
}

/// What brought what, as in the SPDX document.
fn dependencies(inventory: &Inventory) -> Vec<Value> {
    let there: BTreeSet<&str> = inventory.components.iter().map(|c| c.purl.as_str()).collect();
    let mut below: BTreeMap<&str, Vec<&str>> = BTreeMap::from([(IMAGE, Vec::new())]);
    for component in &inventory.components {
        below.entry(&component.purl).or_default();
        let above = component.within.iter().map(String::as_str).filter(|purl| there.contains(purl));
        let above: Vec<&str> = above.collect();
        for one in if above.is_empty() { vec![IMAGE] } else { above } {
            below.entry(one).or_default().push(&component.purl);
        }
    }
    let one = |(purl, below): (&str, Vec<&str>)| json!({ "ref": purl, "dependsOn": below });
    below.into_iter().map(one).collect()
}
