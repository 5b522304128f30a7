//! What a build is asked for.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::Base;
use super::lock::Locking;
use crate::app::{AppName, Channel, Tests};
use crate::blob::Settings;
use crate::key::Trust;
use crate::units::Timestamp;

/// What to build, and what is known of its source.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The folder with SITE.toml.
    pub site: &'a Path,
    /// The vendor's build number.
    pub build: u32,
    /// The commit of the sources.
    pub commit: Option<String>,
    /// When the sources were last changed.
    pub created: Timestamp,
    /// Where the bundle goes.
    pub out: &'a Path,
    /// Where indexes of archives, repositories and apps are kept.
    pub cache: &'a Path,
    /// Where what the site names comes from, and what is checked.
    pub inputs: Inputs,
}

/// Where what a site names comes from, and what is checked of it.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The store of apps, instead of the site's.
    pub apps: Option<String>,
    /// Apps that are taken from another channel, the newest there: a branch that a team tries out.
    pub channels: BTreeMap<AppName, Channel>,
    /// The forge, instead of the site's and the Puppetfile's.
    pub forge: Option<String>,
    /// Credentials of stores.
    pub settings: Settings,
    /// Whose signatures count on apps that come from a store.
    pub trust: Trust,
    /// When they must.
    pub now: Timestamp,
    /// What is done with the site's lock file.
    pub locking: Locking,
    /// Whether apps that are packed now have their tests run.
    pub tests: Tests,
    /// Variables of our environment that tests and scripts of apps see besides the plain ones.
    pub variables: Vec<String>,
    /// Whether puppet checks the manifests and compiles the catalog.
    pub puppet: bool,
    /// The project's bases; none where there is no project.
    pub bases: Option<Vec<Base>>,
}

impl Default for Inputs {
    /// What the site and its lock file say, every check, and nobody who is trusted for an app.
    fn default() -> Self {
        let (apps, forge) = (None, None);
        let (channels, settings) = (BTreeMap::new(), Settings::default());
        let (trust, now, locking) = (Trust::default(), Timestamp::default(), Locking::default());
        let (variables, bases) = (Vec::new(), None);
        Self {
            apps,
            channels,
            forge,
            settings,
            trust,
            now,
            locking,
            tests: Tests::Run,
            variables,
            puppet: true,
            bases,
        }
    }
}
