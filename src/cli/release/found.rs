//! Which release of a store a user means: what a channel has, or had.

use crate::error::{Error, Kind, Result};
use crate::profile::Profile;
use crate::progress::Progress;
use crate::project::Project;
use crate::release::{self, Current, Outlet};

use super::store::Options;

/// How a user may name one: `acme` is what the customer's channel has, `acme@stable` what that channel has, and
/// `acme@acme-1.4.0+b17-0a1b2c3d` a release that the channel has or had.
pub(in super::super) struct Named<'a> {
    pub customer: &'a str,
    which: Option<&'a str>,
}

impl<'a> Named<'a> {
    pub fn of(text: &'a str) -> Self {
        match text.split_once('@') {
            Some((customer, which)) => Self { customer, which: Some(which) },
            None => Self { customer: text, which: None },
        }
    }

    /// Whether it can be no customer of out/: it names a release or a channel.
    pub fn is_precise(&self) -> bool {
        self.which.is_some()
    }

    /// Finds it; its record is proven.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when the channel never had it.
    pub fn find(
        &self,
        options: &Options,
        project: &Project,
        profile: &Profile,
        progress: &dyn Progress,
    ) -> Result<(Outlet, Current)> {
        let mut outlet = options.of(project, profile)?;
        let id = self.which.filter(|id| release::is_release_of(&outlet.customer, id));
        if let (Some(channel), None) = (self.which, id) {
            outlet.channel = channel.parse().map_err(|e: Error| {
                e.remedy(format!("name a release of {} or a channel behind the @", self.customer))
            })?;
        }
        let store = outlet.open()?;
        let (shelf, lane) = (outlet.shelf(store.as_ref()), outlet.lane());
        let found = match id {
            Some(id) => shelf.find(&lane, id, progress)?.ok_or_else(|| {
                let message = format!("{} in {} never had {id}", lane.name(), store.shown());
                Error::new(Kind::NotFound, message)
                    .remedy(format!("look at `slipway history {}`", lane.customer))
            }),
            None => shelf
                .current(&lane, progress)?
                .ok_or_else(|| release::never_published(&lane, store.shown())),
        };
        Ok((outlet.clone(), found?))
    }
}
