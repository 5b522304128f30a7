//! What differs between two bundles, by their manifests: pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bundle::form::manifest::{App, FileRecord, Manifest, Module};

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Applications, by version.
    pub apps: Vec<Change>,
    /// Modules, by version.
    pub modules: Vec<Change>,
    /// Packages that the image bakes.
    pub packages: Vec<Change>,
    /// Files, by mode, size and digest.
    pub files: Vec<Change>,
}

/// One thing that differs; without a side where it is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name or path.
    pub name: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a person has to know to go from `before` to `after`.
pub fn diff(before: &Manifest, after: &Manifest) -> Diff {
    Diff {
        apps: changes(before, after, |m| {
            // the digest too: the same version with other bytes is what one looks for
            let shown = |a: &App| format!("{} ({})", a.version, a.digest.short());
            m.apps.iter().map(|a| (a.name.clone(), shown(a))).collect()
        }),
        modules: changes(before, after, |m| {
            let shown = |x: &Module| {
                format!("{} ({})", x.version.as_deref().unwrap_or("-"), x.digest.short())
            };
            m.modules.iter().map(|x| (x.name.clone(), shown(x))).collect()
        }),
        packages: changes(before, after, |m| {
            m.needs.packages.iter().map(|name| (name.clone(), "baked".to_owned())).collect()
        }),
        files: changes(before, after, |m| {
            let shown =
                |f: &FileRecord| format!("{:04o} {} bytes ({})", f.mode, f.size, f.sha256.short());
            m.files.iter().map(|f| (f.path.clone(), shown(f))).collect()
        }),
    }
}

fn changes(
    before: &Manifest,
    after: &Manifest,
    of: impl Fn(&Manifest) -> BTreeMap<String, String>,
) -> Vec<Change> {
    Change::between(of(before), of(after))
}

impl Change {
    /// What differs between two lists, sorted by name.
    pub fn between(
        mut before: BTreeMap<String, String>,
        after: BTreeMap<String, String>,
    ) -> Vec<Self> {
        let mut all = Vec::new();
        for (name, is) in after {
            match before.remove(&name) {
                Some(was) if was == is => {}
                was => all.push(Self { name, before: was, after: Some(is) }),
            }
        }
        let gone = before.into_iter();
        all.extend(gone.map(|(name, was)| Self { name, before: Some(was), after: None }));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}
