//! What a project knows against one customer's image: its other customers, and the machine that it is built on.

use std::path::PathBuf;

use super::needle::{Builder, Needles};
use crate::error::Result;
use crate::profile::{Allowed, Profile};
use crate::project::{Project, Surroundings};

/// What is looked for in one customer's image, and what may be found.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// What is looked for.
    pub needles: Needles,
    /// What the customer's profile allows.
    pub allowed: Vec<Allowed>,
    /// Profiles with errors: what is in them is not looked for.
    pub unread: Vec<PathBuf>,
}

impl Against {
    /// What a project knows; `customer` is the id in the image's record.
    pub fn project(project: &Project, customer: Option<&str>) -> Result<Self> {
        let (mut profiles, mut unread) = (Vec::new(), Vec::new());
        for (path, loaded) in project.load_all()? {
            match loaded {
                Ok(loaded) => profiles.push(loaded.profile),
                Err(_) => unread.push(path),
            }
        }
        let mut builder = builder(&project.surroundings);
        builder.paths.push(project.root.to_string_lossy().into_owned());
        let own = |profile: &&Profile| customer == Some(profile.customer.id.as_str());
        let allowed = profiles.iter().find(own).map(|own| own.release.allow.clone());
        let needles = Needles::new(customer, &profiles, &builder);
        Ok(Self { needles, allowed: allowed.unwrap_or_default(), unread })
    }

    /// What is known without a project: the machine alone.
    pub fn machine(surroundings: &Surroundings) -> Self {
        Self { needles: Needles::new(None, &[], &builder(surroundings)), ..Self::default() }
    }
}

fn builder(surroundings: &Surroundings) -> Builder {
    let folders =
        [&surroundings.home, &surroundings.cache, &surroundings.keys].into_iter().flatten();
    Builder {
        user: surroundings.user.clone(),
        host: surroundings.host.clone(),
        paths: folders.map(|folder| folder.to_string_lossy().into_owned()).collect(),
    }
}
