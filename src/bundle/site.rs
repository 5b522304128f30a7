//! SITE.toml: what a site is made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::manifest::{Health, Needs};
use super::release::{Name, three};
use crate::app::{AppName, Channel, Range};
use crate::error::{Context, Error, Kind, Result};

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

/// Where a module comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum ModuleSource {
    /// The vendor's own: a folder, relative to the site's.
    Path {
        /// The folder.
        path: String,
    },
    /// The distribution's.
    Package {
        /// The binary package, as in "puppet-module-puppetlabs-stdlib".
        package: String,
        /// Exactly this version of it; the archive's newest otherwise.
        version: Option<String>,
    },
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
        let text = fs::read_to_string(&path).at("cannot read the site", &path)?;
        let site: Self = toml::from_str(&text)
            .map_err(|e| Error::new(Kind::Input, "the site is not valid").at(&path).because(e))?;
        site.check().map_err(|e| e.at(&path))?;
        Ok(site)
    }

    fn check(&self) -> Result<()> {
        self.number()?;
        if let Some(name) = self.modules.keys().find(|name| !is_module(name)) {
            return Err(Error::new(Kind::Input, format!("{name:?} cannot be a module's name"))
                .remedy("a module's name has lowercase letters, digits and underscores"));
        }
        self.health.iter().try_for_each(super::needs::check_health)?;
        self.needs.check_form()?;
        self.apps.iter().try_for_each(|(name, source)| source.check(name))?;
        if let Some((name, _)) = self.unmet.iter().find(|(_, reason)| reason.trim().is_empty()) {
            return Err(Error::new(Kind::Input, format!("[unmet] gives no reason for {name}"))
                .remedy("write why nothing misses it: the next reader will ask"));
        }
        let from_archive = |m: &ModuleSource| matches!(m, ModuleSource::Package { .. });
        if self.archive.is_none() && self.modules.values().any(from_archive) {
            return Err(Error::new(
                Kind::Input,
                "modules come from packages, but no archive is named",
            )
            .remedy("add the table [archive] with mirror, suite, components and keyring"));
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
