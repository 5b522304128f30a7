//! Holds profiles against the bundles that they name, as far as those are at hand.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::bundle::{Bundle, Wanted};
use crate::error::{Error, Result};
use crate::profile::{self, Diagnostics, Profile, Release};
use crate::progress::Quiet;

use super::project::Project;
use super::pulling::Options;

/// The bundles of a project's profiles; each is read once.
pub(super) struct Bundles<'a> {
    project: &'a Project,
    read: BTreeMap<Order, Found>,
}

/// What names a bundle: store, site, and channel or version.
type Order = (String, String, String);

enum Found {
    Bundle(Box<Bundle>),
    /// Why not, and the profiles that were not held against it.
    Unread(Error, Vec<String>),
}

/// What could not be checked.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Unread {
    /// The customers' ids.
    profiles: Vec<String>,
    /// The bundle.
    bundle: String,
    /// Why it cannot be read.
    reason: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl<'a> Bundles<'a> {
    /// Nothing is read yet.
    pub fn new(project: &'a Project) -> Self {
        Self { project, read: BTreeMap::new() }
    }

    /// Checks what the bundle at hand says of its machines; one that cannot be read is noted.
    ///
    /// # Errors
    /// What does not fit, at its place in the profile.
    pub fn check(&mut self, path: &Path, profile: &Profile) -> Result<(), Diagnostics> {
        let Ok(release) = profile.release() else { return Ok(()) };
        let (Release::Newest(name) | Release::Pinned(name)) = release;
        let order = (profile.store.clone(), profile.site.clone(), name.to_owned());
        let project = self.project;
        let read = || match read(project, profile, release) {
            Ok(bundle) => Found::Bundle(Box::new(bundle)),
            Err(error) => Found::Unread(error, Vec::new()),
        };
        match self.read.entry(order).or_insert_with(read) {
            Found::Bundle(bundle) => fits(path, profile, bundle),
            Found::Unread(_, profiles) => {
                profiles.push(profile.customer.id.clone());
                Ok(())
            }
        }
    }

    /// What was not checked.
    pub fn unread(&self) -> Vec<Unread> {
        let unread = |((store, site, name), found): (&Order, &Found)| match found {
            Found::Bundle(_) => None,
            Found::Unread(error, profiles) => Some(Unread {
                profiles: profiles.clone(),
                bundle: format!("{name} of the site {site} in {store}"),
                reason: reason(error),
                remedy: error.find_remedy().map(str::to_owned),
            }),
        };
        self.read.iter().filter_map(unread).collect()
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profiles, bundle, reason, remedy } = self;
        write!(f, "not checked: whether {} fit the bundle {bundle}", profiles.join(", "))?;
        write!(f, "\n  because: {reason}")?;
        match remedy {
            Some(remedy) => write!(f, "\n  help: {remedy}"),
            None => Ok(()),
        }
    }
}

/// An error and its causes in one line.
fn reason(error: &Error) -> String {
    let causes = error.causes().map(ToString::to_string);
    std::iter::once(error.to_string()).chain(causes).collect::<Vec<_>>().join(": ")
}

fn read(project: &Project, profile: &Profile, release: Release<'_>) -> Result<Bundle> {
    let store = profile.store_url(&project.root);
    let pulling = Options::at_hand(&store).open(&store, &project.trust_file()?)?;
    let wanted = match release {
        Release::Newest(channel) => Wanted::Channel(channel.parse()?),
        Release::Pinned(version) => Wanted::Version(version.parse()?),
    };
    pulling.reader().pull(&profile.site.parse()?, &wanted, &Quiet)
}

fn fits(path: &Path, profile: &Profile, bundle: &Bundle) -> Result<(), Diagnostics> {
    let manifest = &bundle.manifest;
    manifest.needs.check_base(&profile.base).map_err(|refused| {
        let label = format!("{} is made for {}", manifest.release, manifest.needs.os.join(", "));
        let help = refused.find_remedy().unwrap_or("choose another base").to_owned();
        profile::object(path, &["base"], &refused.to_string(), &label, &help)
    })
}
