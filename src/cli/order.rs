//! From what the user names to an order, and the folders and stores to fill it with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::{self, Absent, Definition};
use crate::build::Workshop;
use crate::error::{Context as _, Error, Result};
use crate::format;
use crate::plan::Order;
use crate::profile::Content;

use super::archives;
use super::project::{self, Project};
use super::pulling::{self, Pulling};

/// An order with what is needed to fill it.
pub(super) struct Desk {
    pub order: Order,
    profile: PathBuf,
    bases: base::Cache,
    cache: PathBuf,
    encoded: format::Cache,
    pulling: Pulling,
    out: PathBuf,
}

impl Desk {
    /// Reads the profile and all that it names; nothing is fetched or made yet.
    pub fn open(
        project: &Project,
        wanted: &str,
        out: Option<PathBuf>,
        pulling: &pulling::Options,
    ) -> Result<Self> {
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
        let pulling = pulling.open(&profile.store_url(&project.root), &project.trust_file()?)?;
        let cache = project::cache()?;
        let bases = base::Cache::open(&cache)?;
        let encoded = project::encoded(&cache)?;
        let out = out.unwrap_or_else(|| project.out.clone());
        Ok(Self {
            order: Order { profile, sources, definition },
            profile: path,
            bases,
            cache,
            encoded,
            pulling,
            out,
        })
    }

    /// An error with its place in the profile, where that names the packages that it is about.
    pub fn placed(&self, error: Error) -> Error {
        let absent = error.causes().find_map(|cause| cause.downcast_ref::<Absent>());
        let found = absent
            .and_then(|absent| archives::object(&self.profile, &self.order.profile, absent, ""));
        found.map_or(error, |diagnostics| project::refused(&self.profile, diagnostics))
    }

    /// Refuses packages that the base's archives did not have when they were last asked here.
    pub fn look_up(&self) -> Result<()> {
        let Order { profile, definition, .. } = &self.order;
        archives::look_up(&self.profile, profile, definition, &self.cache)?
            .map_err(|diagnostics| project::refused(&self.profile, diagnostics))
    }

    /// What the library builds with.
    pub fn workshop(&self) -> Workshop<'_> {
        Workshop {
            bases: &self.bases,
            cache: &self.cache,
            encoded: self.encoded.clone(),
            bundles: self.pulling.reader(),
            out: &self.out,
            digests: true,
            verify: false,
        }
    }
}
