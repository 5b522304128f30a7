//! What differs between two images, or between two releases: by package, application, module, setting, file and size.
//!
//! The way through: [`Side`] is what is known of an image or a release; [`between`] compares two of them, `parts` component
//! by component and `files` name by name; [`notes`] says the same to a customer's administrator, as Markdown and as a page.
//!
//! Values of settings are never shown, only their keys. A file that not everybody on the machine may read has no digest
//! in a release, because a short secret could be guessed from it; of two releases such files are compared by their size.

mod files;
mod notes;
mod parts;
mod side;

use std::collections::BTreeMap;

use serde::Serialize;

pub use crate::bundle::Change;
pub use files::{Fate, FileChange};
pub use notes::{Heading, Notes, notes};
pub use side::{BUILD, CONTENTS, Side};

use crate::build::Artifact;
use crate::inventory::Sort;
use crate::manifest::{HieraRecord, ImageRecord, ProfileRecord};

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The name of the first side; none for a first release.
    pub before: Option<String>,
    /// The name of the second side.
    pub after: String,
    /// The base, the bundle's release, and the customer's own choices in the profile.
    pub image: Vec<Change>,
    /// The bundle's applications.
    pub apps: Vec<Change>,
    /// The bundle's Puppet modules.
    pub modules: Vec<Change>,
    /// The npm packages in the applications.
    pub libraries: Vec<Change>,
    /// The operating system's packages.
    pub packages: Vec<Change>,
    /// The customer's settings, by key. A value is never here.
    pub settings: Vec<Change>,
    /// Names in the image.
    pub files: Vec<FileChange>,
    /// The image files' lengths, by format.
    pub sizes: Vec<Change>,
}

impl Difference {
    /// Whether both sides have the same in all that was compared.
    pub fn is_empty(&self) -> bool {
        let Self {
            before: _,
            after: _,
            image,
            apps,
            modules,
            libraries,
            packages,
            settings,
            files,
            sizes,
        } = self;
        [image, apps, modules, libraries, packages, settings, sizes]
            .iter()
            .all(|changes| changes.is_empty())
            && files.is_empty()
    }

    /// A first release: all its applications, modules and packages are new.
    pub fn first(after: &Side) -> Self {
        let parts = |sort| parts::first(&after.inventory, sort);
        Self {
            before: None,
            after: after.name.clone(),
            apps: parts(Sort::App),
            modules: parts(Sort::Module),
            libraries: parts(Sort::Npm),
            packages: parts(Sort::Package),
            sizes: Change::between(BTreeMap::new(), sizes(&after.artifacts)),
            ..Self::default()
        }
    }
}

/// What has to be known to go from one side to the other.
pub fn between(before: &Side, after: &Side) -> Difference {
    let records = (before.record.as_ref(), after.record.as_ref());
    let profile = |record: Option<&ImageRecord>| {
        record.map(|record| record.profile.clone()).unwrap_or_default()
    };
    let (old, new) = (profile(records.0), profile(records.1));
    let parts = |sort| parts::changes(&before.inventory, &after.inventory, sort);
    Difference {
        before: Some(before.name.clone()),
        after: after.name.clone(),
        image: Change::between(image(records.0, &old), image(records.1, &new)),
        apps: parts(Sort::App),
        modules: parts(Sort::Module),
        libraries: parts(Sort::Npm),
        packages: parts(Sort::Package),
        settings: settings(&old.hiera, &new.hiera),
        files: files::changes(before, after),
        sizes: Change::between(sizes(&before.artifacts), sizes(&after.artifacts)),
    }
}

fn sizes(artifacts: &[Artifact]) -> BTreeMap<String, String> {
    artifacts
        .iter()
        .map(|artifact| (artifact.format.to_string(), artifact.size.to_string()))
        .collect()
}

/// The lines of a record that a person decided, by a name for people.
fn image(record: Option<&ImageRecord>, profile: &ProfileRecord) -> BTreeMap<String, String> {
    let Some(record) = record else { return BTreeMap::new() };
    let ProfileRecord { network, hardware, access, .. } = profile;
    let optional = |value: &Option<String>, otherwise: &str| {
        value.clone().unwrap_or_else(|| otherwise.to_owned())
    };
    let lines = [
        ("customer", profile.customer.name.clone()),
        ("base", format!("{} {}", record.base.name, record.base.digest.short())),
        ("bundle", record.bundle.release.clone()),
        ("bundle's digest", record.bundle.digest.short()),
        ("builder", format!("slipway {}", record.builder)),
        (
            "master",
            format!("{}, every {} minutes", profile.master.mode, profile.master.interval_minutes),
        ),
        ("host name", profile.hostname().to_owned()),
        ("time zone", optional(&profile.system.timezone, "UTC")),
        ("address", optional(&network.address, "DHCP")),
        ("gateway", optional(&network.gateway, "-")),
        ("name servers", network.dns.join(", ")),
        ("proxy", optional(&network.proxy, "-")),
        ("time servers", network.ntp.join(", ")),
        ("disk", hardware.disk.to_string()),
        ("memory", hardware.memory.to_string()),
        ("processors", hardware.vcpus.to_string()),
        ("keys that may log in", access.ssh_keys.len().to_string()),
        ("formats", profile.formats.join(", ")),
    ];
    lines.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Keys that came and went. Which of the others have another value, nobody knows: a record has one digest of all.
fn settings(before: &HieraRecord, after: &HieraRecord) -> Vec<Change> {
    let keys = |record: &HieraRecord| {
        record.keys.iter().map(|key| (key.clone(), "set".to_owned())).collect()
    };
    let mut all = Change::between(keys(before), keys(after));
    if all.is_empty() && before.sha256 != after.sha256 {
        let name = "a value of one of the settings".to_owned();
        all.push(Change {
            name,
            before: Some("set".to_owned()),
            after: Some("another".to_owned()),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Digest;

    #[test]
    fn settings_are_told_by_their_keys_and_another_value_of_the_same_keys_is_told_too() {
        let record = |keys: &[&str], values: &str| HieraRecord {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            sha256: Some(Digest::of(values)),
        };
        let told = settings(&record(&["a", "b"], "1"), &record(&["b", "c"], "2"));
        let names: Vec<_> =
            told.iter().map(|change| (change.name.as_str(), change.before.is_some())).collect();
        assert_eq!(names, [("a", true), ("c", false)]);
        assert_eq!(settings(&record(&["a"], "1"), &record(&["a"], "2")).len(), 1);
        assert_eq!(settings(&record(&["a"], "1"), &record(&["a"], "1")), vec![]);
    }
}
