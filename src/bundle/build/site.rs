//! SITE.toml: what a site is made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::app::{AppName, Channel, Range};
use crate::bundle::form::manifest::{Health, Needs};
use crate::bundle::form::needs;
use crate::bundle::form::parameter::Parameters;
use crate::bundle::form::release::{Name, three};
use crate::error::{Error, Kind, Result};
use crate::written;

/// The file's name in the site's folder.
pub(crate) const SITE: &str = "SITE.toml";

/// A site as its vendor wrote it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Site {
    /// The site's name.
    pub site: Name,
    /// `1.4.0`; the build's number is added when a bundle is built.
    pub version: String,
    /// The oldest slipway that understands it.
    #[serde(default = "this_builder")]
    pub min_builder: String,
    /// Folders whose folders are modules, relative to the site's.
    #[serde(default)]
    pub module_folders: Vec<String>,
    /// A Puppetfile that names modules, relative to the site's folder.
    pub puppetfile: Option<String>,
    /// Health pages.
    #[serde(default)]
    pub health: Vec<Health>,
    /// What the image must give it.
    #[serde(default)]
    pub needs: Needs,
    /// What a profile may set; without the table, profiles are not checked.
    pub parameters: Option<Parameters>,
    /// Where apps and releases of modules come from.
    #[serde(default)]
    pub store: Places,
    /// The archive that module packages come from.
    pub archive: Option<Archive>,
    /// Puppet modules by their folder's name.
    #[serde(default)]
    pub modules: BTreeMap<String, ModuleSource>,
    /// Dependencies of modules that are left unmet on purpose, each with the reason.
    #[serde(default)]
    pub unmet: BTreeMap<String, String>,
    /// What its catalog is compiled with when it is checked.
    #[serde(default)]
    pub check: Examples,
    /// Applications by their package's name.
    #[serde(default)]
    pub apps: BTreeMap<AppName, AppSource>,
}

/// Where apps and releases of modules come from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Places {
    /// The store of packed apps.
    pub apps: Option<String>,
    /// The forge, instead of the Puppetfile's: a URL, or a folder of tarballs relative to the site's.
    pub forge: Option<String>,
}

/// What a machine would say while its catalog is compiled; nothing of it is in the bundle.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Examples {
    /// Facts beside those of the bases' systems.
    #[serde(default)]
    pub facts: serde_json::Map<String, serde_json::Value>,
    /// Hiera's values as a customer's profile gives them.
    #[serde(default)]
    pub hiera: serde_json::Map<String, serde_json::Value>,
}

/// A distribution's archive. The suite is the appliance's, not the builder's: a bundle must not depend on
/// where it is built.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Archive {
    /// As in "http://deb.debian.org/debian".
    pub mirror: String,
    /// As in "bookworm".
    pub suite: String,
    /// As in "main".
    pub components: Vec<String>,
    /// The keyring that the archive's index is verified with, an absolute path on the builder.
    pub keyring: String,
}

/// Where a module comes from: one struct, as for an app.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModuleSource {
    /// The vendor's own: a folder, relative to the site's.
    pub path: Option<String>,
    /// The distribution's: the binary package, as in "puppet-module-puppetlabs-stdlib".
    pub package: Option<String>,
    /// Exactly this version of the package; the archive's newest otherwise.
    pub version: Option<String>,
}

/// Where an application comes from. One struct and not an enum of forms: then a wrong key is named, and
/// not only that no form fits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppSource {
    /// The folder with its package.json, relative to the site's; it is packed while the bundle is built.
    pub path: Option<String>,
    /// The newest version that this holds is taken from a store.
    pub version: Option<Range>,
    /// The channel of that store; `main` otherwise.
    pub channel: Option<Channel>,
    /// The store, where it is not the site's.
    pub store: Option<String>,
}

fn this_builder() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

impl Site {
    /// Reads SITE.toml in the site's folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(SITE);
        let text = written::text(&path, "the site")?;
        let site: Self = written::parse(&text, &path, "the site")?;
        site.check().map_err(|(word, e)| e.at(written::place_of(&word, &text, &path)))?;
        Ok(site)
    }

    /// Gives with an error a word of the line that it is about.
    fn check(&self) -> Result<(), (String, Error)> {
        let about = |word: &str| {
            let word = word.to_owned();
            move |e: Error| (word, e)
        };
        self.number().map_err(about(&self.version))?;
        if let Some(name) = self.modules.keys().find(|name| !is_module(name)) {
            let error = Error::new(Kind::Input, format!("{name:?} cannot be a module's name"))
                .remedy("a module's name has lowercase letters, digits and underscores");
            return Err((name.clone(), error));
        }
        for health in &self.health {
            needs::check_health(health).map_err(about(&format!("{:?}", health.path)))?;
        }
        self.needs.check_form().map_err(about("[needs]"))?;
        for (key, parameter) in self.parameters.iter().flatten() {
            parameter.check(key).map_err(about(&format!("{key:?}")))?;
        }
        for (name, source) in &self.apps {
            source.check(name).map_err(about(&name.to_string()))?;
        }
        if let Some((name, _)) = self.unmet.iter().find(|(_, reason)| reason.trim().is_empty()) {
            let error = Error::new(Kind::Input, format!("[unmet] gives no reason for {name}"))
                .remedy("write why nothing misses it: the next reader will ask");
            return Err((name.clone(), error));
        }
        for (name, source) in &self.modules {
            source.check(name).map_err(about(&format!("{name} =")))?;
        }
        if self.archive.is_none() && self.modules.values().any(|m| m.package.is_some()) {
            let message = "modules come from packages, but no archive is named";
            let error = Error::new(Kind::Input, message)
                .remedy("add the table [archive] with mirror, suite, components and keyring");
            return Err(("package".to_owned(), error));
        }
        Ok(())
    }

    /// The version's three numbers.
    pub(crate) fn number(&self) -> Result<[u32; 3]> {
        three(&self.version).ok_or_else(|| {
            Error::new(Kind::Input, format!("the version {:?} is not three numbers", self.version))
                .remedy("write it as 1.4.0; the build's number is added by the builder")
        })
    }
}

impl ModuleSource {
    fn check(&self, name: &str) -> Result<()> {
        let fact = match (&self.path, &self.package, &self.version) {
            (Some(_), Some(_), _) => "has both a path and a package",
            (Some(_), None, Some(_)) => "has both a path and a version",
            (None, None, _) => "has neither a path nor a package",
            _ => return Ok(()),
        };
        Err(Error::new(Kind::Input, format!("the module {name} {fact}")).remedy(
            "write { path = \"../../modules/profile\" } or { package = \"puppet-module-puppetlabs-stdlib\" }",
        ))
    }
}

impl AppSource {
    fn check(&self, name: &AppName) -> Result<()> {
        let stored = self.version.is_some() || self.channel.is_some();
        let fact = match (&self.path, stored) {
            (Some(_), true) => "has both a path and a version or channel",
            (Some(_), false) if self.store.is_some() => "has both a path and a store",
            (None, false) => "has neither a path nor a version or channel",
            _ => return Ok(()),
        };
        Err(Error::new(Kind::Input, format!("the app {name} {fact}")).remedy(
            "write { path = \"../../apps/ui\" }, { version = \"^2.1\" } or { channel = \"proto\" }",
        ))
    }
}

/// Puppet's own rule for the names of modules.
pub(super) fn is_module(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
