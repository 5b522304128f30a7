//! Holds profiles against the bundles that they name, as far as those are at hand.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::build;
use crate::bundle::{self, Bundle, Fault, Misfit, Parameters};
use crate::error::{Error, Result};
use crate::profile::{self, Diagnostics, Objection, Profile, Release};
use crate::progress::Quiet;
use crate::project::Project;
use crate::units::Timestamp;

use super::pulling::Pulling;

/// The bundles of a project's profiles; each is read once.
pub struct Bundles<'a> {
    project: &'a Project,
    now: Timestamp,
    read: BTreeMap<Order, Found>,
}

/// What names a bundle: store, site, and channel or version.
type Order = (String, String, String);

enum Found {
    /// It, and the profiles with settings of which it says nothing.
    Bundle(Box<Bundle>, Vec<String>),
    /// Why not, and the profiles that were not held against it.
    Unread(Error, Vec<String>),
}

/// What could not be checked.
#[derive(Clone, Debug, Serialize)]
pub struct Unread {
    /// The customers' ids.
    pub profiles: Vec<String>,
    /// What of them was not checked.
    pub what: What,
    /// The bundle.
    pub bundle: String,
    /// Why it cannot be read, or does not say.
    pub reason: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What of a profile was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Anything that a bundle says.
    All,
    /// Its settings.
    Settings,
}

impl<'a> Bundles<'a> {
    /// Nothing is read yet.
    pub fn new(project: &'a Project, now: Timestamp) -> Self {
        Self { project, now, read: BTreeMap::new() }
    }

    /// Checks what the bundle at hand says of its machines; one that cannot be read is noted.
    ///
    /// # Errors
    /// What does not fit, at its place in the profile.
    pub fn check(&mut self, path: &Path, profile: &Profile) -> Result<(), Diagnostics> {
        match self.find(profile) {
            Some(Found::Bundle(bundle, silent)) => {
                if bundle.manifest.parameters.is_none() && !profile.hiera.is_empty() {
                    silent.push(profile.customer.id.clone());
                }
                fits(path, profile, bundle)
            }
            Some(Found::Unread(_, profiles)) => {
                profiles.push(profile.customer.id.clone());
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What a profile's site declares, where its bundle is at hand and says so.
    pub fn parameters(&mut self, profile: &Profile) -> Option<&Parameters> {
        match self.find(profile)? {
            Found::Bundle(bundle, _) => bundle.manifest.parameters.as_ref(),
            Found::Unread(..) => None,
        }
    }

    /// The bundle that a profile names; none where it names none.
    fn find(&mut self, profile: &Profile) -> Option<&mut Found> {
        let release = profile.release().ok()?;
        let (Release::Newest(name) | Release::Pinned(name)) = release;
        let order = (profile.store.clone(), profile.site.clone(), name.to_owned());
        let (project, now) = (self.project, self.now);
        let read = || match read(project, now, profile, release) {
            Ok(bundle) => Found::Bundle(Box::new(bundle), Vec::new()),
            Err(error) => Found::Unread(error, Vec::new()),
        };
        Some(self.read.entry(order).or_insert_with(read))
    }

    /// What was not checked.
    pub fn unread(&self) -> Vec<Unread> {
        let unread = |((store, site, name), found): (&Order, &Found)| match found {
            Found::Bundle(_, silent) if silent.is_empty() => None,
            Found::Bundle(bundle, silent) => Some(Unread {
                profiles: silent.clone(),
                what: What::Settings,
                bundle: bundle.manifest.release.clone(),
                reason: "it does not say which parameters its site has".to_owned(),
                remedy: Some("declare them in SITE.toml, below [parameters]".to_owned()),
            }),
            Found::Unread(error, profiles) => Some(Unread {
                profiles: profiles.clone(),
                what: What::All,
                bundle: format!("{name} of the site {site} in {store}"),
                reason: error.in_one_line(),
                remedy: error.find_remedy().map(str::to_owned),
            }),
        };
        self.read.iter().filter_map(unread).collect()
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profiles, what, bundle, reason, remedy } = self;
        let what = match what {
            What::All => "",
            What::Settings => "the settings of ",
        };
        write!(f, "not checked: whether {what}{} fit the bundle {bundle}", profiles.join(", "))?;
        write!(f, "\n  because: {reason}")?;
        match remedy {
            Some(remedy) => write!(f, "\n  help: {remedy}"),
            None => Ok(()),
        }
    }
}

fn read(
    project: &Project,
    now: Timestamp,
    profile: &Profile,
    release: Release<'_>,
) -> Result<Bundle> {
    let store = profile.store_url(&project.root);
    let (pulling, trust) = (Pulling::at_hand(&store), project.trust_file()?);
    let puller = pulling.open(&store, &trust, &project.surroundings, now)?;
    puller.reader().pull(&profile.site.parse()?, &build::wanted(release)?, &Quiet)
}

fn fits(path: &Path, profile: &Profile, bundle: &Bundle) -> Result<(), Diagnostics> {
    let manifest = &bundle.manifest;
    let misfits = match &manifest.parameters {
        Some(parameters) => bundle::misfits(parameters, &profile.hiera),
        None => Vec::new(),
    };
    let settings: Vec<[&str; 2]> = misfits.iter().map(|m| ["hiera", m.key.as_str()]).collect();
    let mut objections: Vec<Objection<'_>> =
        misfits.iter().zip(&settings).map(|(misfit, keys)| of_setting(misfit, keys)).collect();
    if let Err(refused) = manifest.needs.check_base(&profile.base) {
        objections.push(Objection {
            keys: &["base"],
            at_key: false,
            item: None,
            message: refused.to_string(),
            label: format!("{} is made for {}", manifest.release, manifest.needs.os.join(", ")),
            help: refused.find_remedy().unwrap_or("choose another base").to_owned(),
        });
    }
    if objections.is_empty() { Ok(()) } else { Err(profile::object(path, &objections)) }
}

fn of_setting<'a>(misfit: &Misfit, keys: &'a [&'a str]) -> Objection<'a> {
    let at_key = match misfit.fault {
        Fault::Unknown { .. } | Fault::Missing { .. } => true,
        Fault::Kind(_) => false,
    };
    let (message, label, help) = (misfit.message(), misfit.label(), misfit.help());
    Objection { keys, at_key, item: None, message, label, help }
}
