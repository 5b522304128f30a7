//! SITE.toml: what a site is made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::manifest::{Health, Needs};
use super::release::{Name, three};
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
    /// Health pages.
    #[serde(default)]
    pub health: Vec<Health>,
    /// What the image must give it.
    #[serde(default)]
    pub needs: Needs,
    /// The archive that module packages come from.
    pub archive: Option<Archive>,
    /// Puppet modules by their folder's name.
    #[serde(default)]
    pub modules: BTreeMap<String, ModuleSource>,
    /// Applications by their package's name.
    #[serde(default)]
    pub apps: BTreeMap<Name, AppSource>,
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

/// Where an application comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppSource {
    /// The folder with its package.json, relative to the site's.
    pub path: String,
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

/// Puppet's own rule for the names of modules.
fn is_module(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
