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

/// What a project knows of all its customers: read once for all of their images.
#[derive(Clone, Debug)]
pub struct Customers {
    profiles: Vec<Profile>,
    unread: Vec<PathBuf>,
    builder: Builder,
}

impl Customers {
    /// Reads every profile of the project.
    pub fn read(project: &Project) -> Result<Self> {
        let (mut profiles, mut unread) = (Vec::new(), Vec::new());
        for (path, loaded) in project.load_all()? {
            match loaded {
                Ok(loaded) => profiles.push(loaded.profile),
                Err(_) => unread.push(path),
            }
        }
        let mut builder = builder(&project.surroundings);
        builder.paths.push(project.root.to_string_lossy().into_owned());
        Ok(Self { profiles, unread, builder })
    }

    /// What is looked for in one customer's image; `customer` is the id in its record.
    pub fn against(&self, customer: Option<&str>) -> Against {
        let own = |profile: &&Profile| customer == Some(profile.customer.id.as_str());
        let allowed = self.profiles.iter().find(own).map(|own| own.release.allow.clone());
        Against {
            needles: Needles::new(customer, &self.profiles, &self.builder),
            allowed: allowed.unwrap_or_default(),
            unread: self.unread.clone(),
        }
    }
}

impl Against {
    /// What a project knows; who asks for many customers reads [`Customers`] once.
    pub fn project(project: &Project, customer: Option<&str>) -> Result<Self> {
        Ok(Customers::read(project)?.against(customer))
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
