//! What an inventory holds, as it is written beside a release and read back by every later version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::units::Digest;

/// The version of [`Inventory`] that is written; all versions from 1 on can be read.
pub const FORMAT: u32 = 1;

/// The components of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Version of this format: [`FORMAT`], or what an older program wrote.
    pub format: u32,
    /// The operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<OperatingSystem>,
    /// Each component once, sorted by purl.
    pub components: Vec<Component>,
}

/// What os-release says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatingSystem {
    /// ID, as in "debian".
    pub id: String,
    /// `VERSION_ID`, as in "12".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `PRETTY_NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One thing that an image holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its package URL, which names it everywhere.
    pub purl: String,
    /// What it is.
    pub sort: Sort,
    /// Its name, as its own world writes it.
    pub name: String,
    /// Its version; empty where it tells none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// dpkg's architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The source package, where it has another name or version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// Whose it is: `Name <address>` as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
    /// An SPDX expression, as it declares it; none where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// SHA-256 of its file: a bundle's or an app's .tgz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// What names a whole folder of files: a base's digest, or a module's as a bundle's manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
    /// The purls of those that brought it, sorted; none for what the image itself holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
}

/// Kinds of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// The base with its package layers.
    Base,
    /// The configuration bundle.
    Bundle,
    /// One of its web applications.
    App,
    /// One of its Puppet modules.
    Module,
    /// A package of the operating system.
    Package,
    /// An npm package inside an app.
    Npm,
    /// Something that a later program knows.
    #[serde(other)]
    Other,
}

/// What a package was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Component {
    /// One of which no more is known.
    pub(crate) fn new(sort: Sort, purl: String, name: &str, version: &str) -> Self {
        Self {
            purl,
            sort,
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: None,
            source: None,
            supplier: None,
            licence: None,
            sha256: None,
            tree: None,
            within: Vec::new(),
        }
    }
}

impl Inventory {
    /// Sorts the components; one that several brought is there once, with all of them.
    pub(super) fn new(system: Option<OperatingSystem>, found: Vec<Component>) -> Self {
        let mut all: BTreeMap<String, Component> = BTreeMap::new();
        for component in found {
            let within = component.within.clone();
            let there = all.entry(component.purl.clone()).or_insert(component);
            there.within.extend(within);
            there.within.sort();
            there.within.dedup();
        }
        Self { format: FORMAT, system, components: all.into_values().collect() }
    }

    /// Those of one sort.
    pub fn of_sort(&self, sort: Sort) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |component| component.sort == sort)
    }

    /// The text that is written beside a release.
    pub fn text(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|e| Error::new(Kind::Input, "the inventory cannot be written").because(e))
    }

    /// Reads what [`Self::text`] wrote, in this version or another.
    ///
    /// # Errors
    /// [`Kind::Refused`] for one of a newer format, [`Kind::Damaged`] for what is none.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        // read once where nothing is wrong: a thousand of them are read for one answer
        if let Ok(read) = serde_json::from_slice::<Self>(bytes)
            && read.format <= FORMAT
        {
            return Ok(read);
        }
        let damaged = |e| Error::new(Kind::Damaged, "this is no inventory of an image").because(e);
        let Head { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format > FORMAT {
            let message = format!("the inventory has format {format}, this slipway reads {FORMAT}");
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_component_that_two_brought_is_there_once_with_both() {
        let by = |app: &str| {
            let within = vec![format!("pkg:generic/app/{app}")];
            Component {
                within,
                ..Component::new(Sort::Npm, "pkg:npm/ms@2.0.0".into(), "ms", "2.0.0")
            }
        };
        let inventory = Inventory::new(None, vec![by("ui"), by("api"), by("ui")]);
        assert_eq!(inventory.components.len(), 1);
        assert_eq!(inventory.components[0].within, ["pkg:generic/app/api", "pkg:generic/app/ui"]);
    }

    #[test]
    fn an_inventory_of_a_later_program_is_read_and_one_of_a_later_format_is_refused() {
        let text = r#"{"format":1,"more":1,"components":[{"purl":"pkg:x/y","sort":"model","name":"y","more":[]}]}"#;
        assert_eq!(Inventory::parse(text.as_bytes()).unwrap().components[0].sort, Sort::Other);
        let kind = |text: &str| Inventory::parse(text.as_bytes()).unwrap_err().kind();
        assert_eq!(kind(r#"{"format":2}"#), Kind::Refused);
        assert_eq!(kind("{}"), Kind::Damaged);
    }

    /// What was written once is read by every later version.
    #[test]
    fn the_first_inventory_that_was_written_is_still_read_to_its_last_field() {
        let text = include_str!("../../tests/records/inventories/inventory-1.json");
        let read = Inventory::parse(text.as_bytes()).unwrap();
        assert_eq!(read.text().unwrap(), text);
    }
}
