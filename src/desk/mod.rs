//! From a customer's name to an order that can be filled. Verbs, pages and jobs that run at night all order here.
//!
//! `pulling` says how bundles come, `against` holds profiles against the bundles that they name, `archives` against
//! what the bases' archives have.

mod against;
mod archives;
mod pulling;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use against::{Bundles, Unread, What};
pub use archives::look_up;
pub use pulling::{Puller, Pulling};

use crate::base::{self, Absent, Definition};
use crate::build::{self, Built, Contents, Prepared, Workshop};
use crate::bundle::{Bundle, Version, Wanted};
use crate::error::{Context as _, Error, Kind, Result};
use crate::plan::Order;
use crate::profile::Content;
use crate::progress::Progress;
use crate::project::Project;
use crate::units::Timestamp;

/// Where orders are taken: a project, and the workshop that fills them. One serves any number of orders.
pub struct Desk {
    /// The project.
    pub project: Project,
    /// What all orders share.
    pub workshop: Workshop,
    pulling: Pulling,
}

/// One order, and what belongs to it alone.
pub struct Ticket {
    /// What is ordered.
    pub order: Order,
    /// The profile's file.
    pub profile: PathBuf,
    puller: Puller,
}

impl Desk {
    /// Artifacts go to the project's out/, with their digests.
    pub fn open(project: Project, pulling: Pulling) -> Result<Self> {
        let cache = project.surroundings.cache()?;
        let workshop = Workshop {
            bases: base::Cache::open(&cache)?,
            encoded: project.surroundings.encoded()?,
            cache,
            out: project.out.clone(),
            digests: true,
            verify: false,
            threads: project.surroundings.threads(),
        };
        Ok(Self { project, workshop, pulling })
    }

    /// Reads the profile and all that it names; nothing is fetched or made yet. `wanted` is a customer's name, or the
    /// path of a profile.
    pub fn order(&self, wanted: &str, now: Timestamp) -> Result<Ticket> {
        let project = &self.project;
        let path = project.profile_path(wanted)?;
        let profile = project.load(wanted)?.profile;
        let mut sources = BTreeMap::new();
        for file in &profile.files {
            if let Content::File(source) = file.what() {
                let path = project.profiles.join(source);
                let bytes = std::fs::read(&path).at("cannot read an extra file", &path)?;
                sources.insert(source.to_string_lossy().into_owned(), bytes);
            }
        }
        let definition = Definition::find(&project.images, &profile.base)?;
        let (store, trust) = (profile.store_url(&project.root), project.trust_file()?);
        let puller = self.pulling.open(&store, &trust, &project.surroundings, now)?;
        Ok(Ticket { order: Order { profile, sources, definition }, profile: path, puller })
    }

    /// Refuses packages that the base's archives did not have when they were last asked here.
    pub fn look_up(&self, ticket: &Ticket) -> Result<()> {
        let Order { profile, definition, .. } = &ticket.order;
        look_up(&ticket.profile, profile, definition, &self.workshop.cache)?
            .map_err(|diagnostics| self.project.refused(&ticket.profile, diagnostics))
    }

    /// Pulls the order's bundle, and refuses one that does not fit.
    pub fn fetch(&self, ticket: &Ticket, progress: &dyn Progress) -> Result<Bundle> {
        build::fetch(&ticket.order, &ticket.puller.reader(), progress)
    }

    /// The same of one version, whatever the profile follows.
    pub fn fetch_version(
        &self,
        ticket: &Ticket,
        version: Version,
        progress: &dyn Progress,
    ) -> Result<Bundle> {
        let wanted = Wanted::Version(version);
        build::fetch_wanted(&ticket.order, &wanted, &ticket.puller.reader(), progress)
    }

    /// What is cached of an order, without making anything: all of it, or the names of what is missing.
    pub fn look(
        &self,
        ticket: &Ticket,
        bundle: &Bundle,
        progress: &dyn Progress,
    ) -> Result<Result<Prepared, Vec<String>>> {
        build::look(&ticket.order, bundle, &self.workshop, progress)
    }

    /// Makes the base and its layers, or takes them from the cache, and pins everything.
    pub fn prepare(
        &self,
        ticket: &Ticket,
        bundle: Bundle,
        progress: &dyn Progress,
    ) -> Result<Prepared> {
        let prepared = build::prepare(&ticket.order, bundle, &self.workshop, progress);
        prepared.map_err(|e| self.placed(ticket, e))
    }

    /// The root filesystem of the order's image.
    pub fn contents(
        &self,
        ticket: &Ticket,
        prepared: Prepared,
        progress: &dyn Progress,
    ) -> Result<Contents> {
        build::contents(&ticket.order, prepared, &self.workshop, progress)
    }

    /// Builds the order's image in every format that it asks for; gives the record's path and what it says.
    ///
    /// # Errors
    /// As for [`build::build`]; packages that no archive has are named at their places in the profile.
    pub fn build(&self, ticket: &Ticket, progress: &dyn Progress) -> Result<(PathBuf, Built)> {
        let built = build::build(&ticket.order, &ticket.puller.reader(), &self.workshop, progress);
        built.map_err(|e| self.placed(ticket, e))
    }

    /// An error with its place in the profile, where that names the packages that it is about.
    fn placed(&self, ticket: &Ticket, error: Error) -> Error {
        let absent = error.causes().find_map(|cause| cause.downcast_ref::<Absent>());
        let found = absent.and_then(|absent| {
            archives::object(&ticket.profile, &ticket.order.profile, absent, "")
        });
        found.map_or(error, |diagnostics| self.project.refused(&ticket.profile, diagnostics))
    }
}

/// The newest image of a customer in the project's out/. Every format holds the same disk: the first one that the
/// profile asks for stands for all.
///
/// # Errors
/// [`Kind::NotFound`] when there is none.
pub fn newest_image(project: &Project, wanted: &str) -> Result<PathBuf> {
    let customer = project.load(wanted)?.profile.customer.id;
    let (record, built) = build::latest(&project.out, &customer)?;
    let folder = record.parent().unwrap_or(&project.out);
    let first = built.artifacts.first();
    first.map(|artifact| folder.join(&artifact.file)).ok_or_else(|| {
        Error::new(Kind::Damaged, "the record names no image")
            .at(&record)
            .remedy(format!("build it again with `slipway build {wanted}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_desk_serves_several_threads() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<Desk>();
        is_shared::<Ticket>();
    }
}
