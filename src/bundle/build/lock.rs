//! SITE.lock: which version and which bytes of everything that a site takes from elsewhere were chosen.
//!
//! The first build writes it, the vendor commits it, and only `slipway bundle update` changes it: what somebody
//! publishes today reaches tomorrow's bundle when a person has looked at the difference. What lies in the
//! vendor's own folders is not in it: the commit that holds this file holds those too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::units::Digest;
use crate::whole;
use crate::written;

/// The file's name in the site's folder.
pub(crate) const LOCK: &str = "SITE.lock";
/// The version of the file's format.
const FORMAT: u32 = 1;
/// Explains the file to whoever finds it.
const HEAD: &str =
    "# What the site was built from. Commit it; `slipway bundle update` changes it.\n";

/// What was chosen, by the names that the site has for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    format: u32,
    /// Apps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apps: BTreeMap<String, Locked>,
    /// Puppet modules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, Locked>,
}

/// One thing that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// What the site asked for.
    pub wanted: String,
    /// The version, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where it came from: a store, a repository's URL, a package or a release.
    pub source: String,
    /// The commit, of a module of a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SHA-256 of the app's package, or over the module's files.
    pub sha256: Digest,
}

/// What is done with the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Locking {
    /// What it says is built; where there is none, one is written.
    #[default]
    Follow,
    /// What it says is built; where there is none, nothing is.
    Demand,
    /// These are chosen anew, all where none is named.
    Renew(BTreeSet<String>),
}

impl Default for Lock {
    fn default() -> Self {
        Self { format: FORMAT, apps: BTreeMap::new(), modules: BTreeMap::new() }
    }
}

impl Lock {
    /// Reads a site's; none where it has none.
    pub(crate) fn read(site: &Path) -> Result<Option<Self>> {
        let path = site.join(LOCK);
        let text = match written::text(&path, "the lock file") {
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            read => read?,
        };
        let lock: Self = written::parse(&text, &path, "the lock file")?;
        if lock.format != FORMAT {
            let message =
                format!("the lock file has format {}, this slipway reads {FORMAT}", lock.format);
            return Err(Error::new(Kind::Refused, message).at(&path).remedy("use a newer slipway"));
        }
        Ok(Some(lock))
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self, site: &Path) -> Result<()> {
        let path = site.join(LOCK);
        let text = toml::to_string_pretty(self)
            .map_err(|e| Error::new(Kind::Input, "cannot write TOML").because(e))?;
        whole::replace(&path, 0o644, format!("{HEAD}{text}").as_bytes())
    }

    fn all(&self) -> BTreeMap<(&'static str, &str), &Locked> {
        let apps = self.apps.iter().map(|(name, locked)| (("app", name.as_str()), locked));
        let modules = self.modules.iter().map(|(name, locked)| (("module", name.as_str()), locked));
        apps.chain(modules).collect()
    }

    /// What became of what, for people: one line each.
    fn changes(&self, newer: &Self) -> Vec<String> {
        let (old, new) = (self.all(), newer.all());
        let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        let shown = |locked: &Locked| {
            let version = locked.version.as_deref().or(locked.commit.as_deref()).unwrap_or("-");
            format!("{version} ({})", locked.sha256.short())
        };
        let line = |key: &&(&str, &str)| {
            let (kind, name) = **key;
            match (old.get(*key), new.get(*key)) {
                (Some(a), Some(b)) if a.same(b) => None,
                (Some(a), Some(b)) => Some(format!("{kind} {name}: {} -> {}", shown(a), shown(b))),
                (None, Some(b)) => Some(format!("{kind} {name}: new, {}", shown(b))),
                (Some(a), None) => Some(format!("{kind} {name}: gone, was {}", shown(a))),
                (None, None) => None,
            }
        };
        names.iter().filter_map(line).collect()
    }
}

impl Locked {
    /// Whether it is the same thing, wherever it came from: a mirror is another place, not another app.
    fn same(&self, other: &Self) -> bool {
        let key = |l: &Self| (l.wanted.clone(), l.version.clone(), l.commit.clone(), l.sha256);
        key(self) == key(other)
    }
}

/// What a build goes by.
#[derive(Debug)]
pub(super) struct Pins<'a> {
    site: &'a Path,
    old: Option<Lock>,
    locking: &'a Locking,
    /// Apps that the caller takes from elsewhere, this once.
    aside: BTreeSet<String>,
    /// What is being built.
    found: Lock,
}

impl<'a> Pins<'a> {
    pub(super) fn read(
        site: &'a Path,
        locking: &'a Locking,
        aside: BTreeSet<String>,
    ) -> Result<Self> {
        let pins = Self { site, old: Lock::read(site)?, locking, aside, found: Lock::default() };
        if let Locking::Renew(names) = locking {
            let known = |name: &&String| {
                pins.old
                    .as_ref()
                    .is_some_and(|l| l.apps.contains_key(*name) || l.modules.contains_key(*name))
            };
            if let Some(name) = names.iter().find(|name| !known(name)) {
                let message = format!("{LOCK} has neither an app nor a module {name}");
                return Err(Error::new(Kind::NotFound, message)
                    .at(site)
                    .remedy("name one that it has, or none: then all are chosen anew"));
            }
        }
        Ok(pins)
    }

    /// What was chosen for an app when the site asked for the same.
    pub(super) fn app(&self, name: &str, wanted: &str) -> Result<Option<&Locked>> {
        self.pin("app", name, wanted, |lock| lock.apps.get(name))
    }

    /// What was chosen for a module when the site asked for the same.
    pub(super) fn module(&self, name: &str, wanted: &str) -> Result<Option<&Locked>> {
        self.pin("module", name, wanted, |lock| lock.modules.get(name))
    }

    /// Takes note of an app that came from elsewhere.
    pub(super) fn found_app(&mut self, name: String, locked: Locked) {
        self.found.apps.insert(name, locked);
    }

    /// Takes note of a module that came from elsewhere.
    pub(super) fn found_module(&mut self, name: String, locked: Locked) {
        self.found.modules.insert(name, locked);
    }

    fn pin<'b>(
        &'b self,
        kind: &str,
        name: &str,
        wanted: &str,
        of: impl Fn(&'b Lock) -> Option<&'b Locked>,
    ) -> Result<Option<&'b Locked>> {
        let Some(old) = &self.old else { return Ok(None) };
        let there = of(old);
        if let Locking::Renew(names) = self.locking {
            let renewed = names.is_empty() || names.contains(name);
            return Ok(there.filter(|locked| !renewed && locked.wanted == wanted));
        }
        match there {
            Some(locked) if locked.wanted == wanted => Ok(Some(locked)),
            Some(locked) => {
                let was = &locked.wanted;
                let message = format!(
                    "the site asks for the {kind} {name} as {wanted}, its lock file has it as {was}"
                );
                Err(self.stale(message))
            }
            None => {
                Err(self
                    .stale(format!("the lock file has no {kind} {name}, which the site asks for")))
            }
        }
    }

    fn stale(&self, message: String) -> Error {
        Error::new(Kind::Refused, message)
            .at(self.site.join(LOCK))
            .remedy("run `slipway bundle update`, look at what changes, and commit the file")
    }

    /// Whether what was found is what may be built.
    pub(super) fn check(&self) -> Result<()> {
        let found = &self.found;
        let Some(old) = &self.old else {
            if *self.locking == Locking::Demand && *found != Lock::default() {
                return Err(self.stale("the site has no lock file".to_owned()));
            }
            return Ok(());
        };
        if matches!(self.locking, Locking::Renew(_)) {
            return Ok(());
        }
        let mut old = old.clone();
        old.apps.retain(|name, _| !self.aside.contains(name));
        match old.changes(found).first() {
            None => Ok(()),
            Some(change) => {
                Err(self.stale(format!("what came is not what the lock file says: {change}")))
            }
        }
    }

    /// Keeps what was found, where that is for this run to do; says whether it did.
    pub(super) fn keep(&self) -> Result<bool> {
        let found = &self.found;
        let wanted = match (self.locking, &self.old) {
            (Locking::Renew(_), old) => old.as_ref() != Some(found),
            // a branch that somebody tries out must not become what everybody builds
            (Locking::Follow, None) => self.aside.is_empty() && *found != Lock::default(),
            (Locking::Follow, Some(_)) | (Locking::Demand, _) => false,
        };
        if wanted {
            found.write(self.site)?;
        }
        Ok(wanted)
    }

    /// What differs from what was there before, for people.
    pub(super) fn changes(&self) -> Vec<String> {
        self.old.clone().unwrap_or_default().changes(&self.found)
    }
}
