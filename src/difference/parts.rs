//! What differs between two inventories.

use std::collections::BTreeMap;

use crate::bundle::Change;
use crate::inventory::{Component, Inventory, Sort};

/// What is said of a component that has the same version and other bytes.
const OTHER_BYTES: &str = "other bytes";

/// What differs among the components of a sort: versions, and then bytes.
pub(super) fn changes(before: &Inventory, after: &Inventory, sort: Sort) -> Vec<Change> {
    let (old, new) = (by_name(before, sort), by_name(after, sort));
    let versions = |all: &BTreeMap<String, Vec<&Component>>| {
        all.iter().map(|(name, parts)| (name.clone(), shown(parts))).collect()
    };
    let mut all = Change::between(versions(&old), versions(&new));
    all.extend(new.iter().filter_map(|(name, parts)| {
        let was = old.get(name)?;
        let other = shown(was) == shown(parts) && bytes(was) != bytes(parts);
        let after = Some(format!("{}, {OTHER_BYTES}", shown(parts)));
        other.then(|| Change { name: name.clone(), before: Some(shown(was)), after })
    }));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// All components of a sort as new ones.
pub(super) fn first(after: &Inventory, sort: Sort) -> Vec<Change> {
    let none = Inventory { components: Vec::new(), ..after.clone() };
    changes(&none, after, sort)
}

/// Several versions of an npm package may be in an image at once.
fn by_name(inventory: &Inventory, sort: Sort) -> BTreeMap<String, Vec<&Component>> {
    let mut all: BTreeMap<String, Vec<&Component>> = BTreeMap::new();
    for component in inventory.of_sort(sort) {
        let name = match component.architecture.as_deref() {
            None | Some("all" | "amd64") => component.name.clone(),
            Some(other) => format!("{}:{other}", component.name),
        };
        all.entry(name).or_default().push(component);
    }
    all
}

fn shown(parts: &[&Component]) -> String {
    let known =
        parts.iter().map(|part| part.version.as_str()).filter(|version| !version.is_empty());
    let mut versions: Vec<&str> = known.collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.is_empty() { "no version".to_owned() } else { versions.join(", ") }
}

/// The digests that are known, in an order of their own.
fn bytes(parts: &[&Component]) -> Vec<String> {
    let digests = parts.iter().filter_map(|part| part.sha256.or(part.tree));
    let mut digests: Vec<String> = digests.map(|digest| digest.to_string()).collect();
    digests.sort();
    digests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Digest;

    fn inventory(modules: &[(&str, &str, &str)]) -> Inventory {
        let component = |(name, version, bytes): &(&str, &str, &str)| {
            serde_json::json!({
                "purl": format!("pkg:puppet/x/{name}@{version}"), "sort": "module", "name": name, "version": version,
                "tree": Digest::of(bytes),
            })
        };
        let components: Vec<_> = modules.iter().map(component).collect();
        let text = serde_json::json!({ "format": 1, "components": components }).to_string();
        Inventory::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn versions_are_compared_and_then_bytes() {
        let before =
            inventory(&[("a", "1.0.0", "x"), ("b", "1.0.0", "x"), ("c", "1", ""), ("e", "", "x")]);
        let after =
            inventory(&[("a", "1.0.0", "y"), ("b", "1.0.0", "x"), ("d", "1", ""), ("e", "", "y")]);
        let told: Vec<_> = changes(&before, &after, Sort::Module)
            .into_iter()
            .map(|change| (change.name, change.before, change.after))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                ("a".to_owned(), some("1.0.0"), some("1.0.0, other bytes")),
                ("c".to_owned(), some("1"), None),
                ("d".to_owned(), None, some("1")),
                ("e".to_owned(), some("no version"), some("no version, other bytes")),
            ]
        );
        assert_eq!(changes(&before, &after, Sort::App), vec![]);
        assert_eq!(first(&after, Sort::Module).len(), 4);
    }
}
