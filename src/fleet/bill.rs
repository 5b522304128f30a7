//! What is in an image, by name and version, and what differs from one night to the next.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bundle::{self, Manifest};
use crate::manifest::Package;

/// What is in an image: names with their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bill {
    /// Packages of the operating system.
    pub packages: BTreeMap<String, String>,
    /// Web applications.
    pub apps: BTreeMap<String, String>,
    /// Puppet modules.
    pub modules: BTreeMap<String, String>,
}

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Changes {
    /// The night that it is compared with; none where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Packages of the operating system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Change>,
    /// Web applications.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<Change>,
    /// Puppet modules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Change>,
}

/// One name whose version is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The name.
    pub name: String,
    /// The version before; none where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The version now; none where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

impl Bill {
    /// Of a root with these packages, and a bundle.
    pub fn of(packages: &[Package], bundle: &Manifest) -> Self {
        let packages = packages.iter().map(|p| (p.name.clone(), p.version.clone()));
        let apps = bundle.apps.iter().map(|app| (app.name.clone(), app.version.clone()));
        let modules = bundle.modules.iter().map(|module| {
            // a module of the vendor's own may have no version
            let version = module.version.clone().or_else(|| module.commit.clone());
            (module.name.clone(), version.unwrap_or_else(|| "without a version".to_owned()))
        });
        Self { packages: packages.collect(), apps: apps.collect(), modules: modules.collect() }
    }

    /// What differs from an earlier one, of the night `since`.
    pub fn since(&self, before: &Self, since: &str) -> Changes {
        Changes {
            since: Some(since.to_owned()),
            packages: changes(&before.packages, &self.packages),
            apps: changes(&before.apps, &self.apps),
            modules: changes(&before.modules, &self.modules),
        }
    }
}

impl Changes {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.apps.is_empty() && self.modules.is_empty()
    }
}

/// In a report's own words, which are read for ever.
fn changes(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Change> {
    let all = bundle::Change::between(before.clone(), now.clone()).into_iter();
    all.map(|bundle::Change { name, before, after }| Change { name, before, now: after }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_what_is_gone_and_what_has_another_version_differs() {
        let bill = |packages: &[(&str, &str)]| Bill {
            packages: packages.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            ..Bill::default()
        };
        let before = bill(&[("curl", "1"), ("perl", "5"), ("zlib", "1")]);
        let now = bill(&[("bash", "5"), ("curl", "2"), ("perl", "5")]);
        let found: Vec<String> = now
            .since(&before, "n")
            .packages
            .iter()
            .map(|c| format!("{} {:?} {:?}", c.name, c.before.as_deref(), c.now.as_deref()))
            .collect();
        assert_eq!(
            found,
            ["bash None Some(\"5\")", "curl Some(\"1\") Some(\"2\")", "zlib Some(\"1\") None"]
        );
        assert!(now.since(&now, "n").is_empty());
    }
}
