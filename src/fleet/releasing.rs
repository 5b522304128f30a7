//! The steps behind the smoke test: a release is made of a good image, and published.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use super::here::{Here, planned, told};
use super::job::{Did, Evidence, Job, Outcome, Planned, Released};
use super::policy::Which;
use crate::blob::{Key, Publish};
use crate::error::{Error, Kind, Result, Told};
use crate::file;
use crate::key::SecretKey;
use crate::leak::{Against, Customers};
use crate::profile::Profile;
use crate::progress::{Progress, Quiet};
use crate::release::{
    self, Fault, Maker, Making, Outlet, RECORD, ReleasePointer, Shelf, Staged, Verified,
};
use crate::units::{Digest, MIB};

/// The largest record that is read, in bytes.
const LARGEST: u64 = 16 * MIB;
/// Why a release was not tested that another customer of its group stands for.
const GROUP: &str = "the image of another customer with the same site, bundle, base, packages and master was booted";

/// A customer's channel in an open store.
struct Place {
    outlet: Outlet,
    store: Box<dyn Publish>,
}

impl Place {
    fn shelf(&self) -> Shelf<'_> {
        self.outlet.shelf(self.store.as_ref())
    }

    fn pointer(&self, progress: &dyn Progress) -> Result<Option<ReleasePointer>> {
        let accepted = self.shelf().pointer(&self.outlet.lane(), progress)?;
        Ok(accepted.map(|accepted| accepted.payload().clone()))
    }
}

impl Here<'_> {
    /// Makes the release; one that an earlier night made of this plan, and that is as it was, is not read again.
    pub(super) fn release(&self, job: &Job, progress: &dyn Progress) -> Result<Did> {
        let planned = planned(job)?;
        self.must(planned)?;
        if let Some(made) = self.made(planned)?
            && self.before(job) == Some(&made)
        {
            return Ok(did(true, made));
        }
        let profile = self.order(&self.offline, &job.customer)?.order.profile;
        let place = self.place(&profile)?;
        let staged = Staged::gather(&self.tools.project.out, &planned.folder)?;
        let against = self.against(&profile.customer.id)?;
        let making = Making {
            profile: &profile,
            without_smoke: match self.tools.policy.smoke.of(&job.customer) {
                Which::Each => None,
                Which::Group => Some(GROUP),
                Which::None => self.tools.policy.smoke.reason.as_deref(),
            },
            previous: place.shelf().earlier(&place.outlet.lane(), &staged.id(), progress)?,
            against: &against,
            maker: Maker::of(&self.tools.project.surroundings)?,
            key: self.key()?,
            believing: place.outlet.believing(),
            now: place.outlet.now,
        };
        match staged.verify(&making, progress)? {
            Ok(verified) => {
                let (id, sha256) = (verified.release().id.clone(), verified.sha256());
                Ok(did(false, Released { id, sha256 }))
            }
            Err(faults) => Ok(Did { fault: refused(&faults), ..Did::default() }),
        }
    }

    /// What must not be in a customer's image. The profiles are read once a night.
    fn against(&self, customer: &str) -> Result<Against> {
        let mut customers = self.customers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match customers.take() {
            Some(known) => known,
            None => Arc::new(Customers::read(&self.tools.project)?),
        };
        *customers = Some(known.clone());
        drop(customers);
        Ok(known.against(Some(customer)))
    }

    /// Publishes it; a channel that names it already, and is good for half of its time at least, is left as it is.
    pub(super) fn publish(&self, job: &Job, progress: &dyn Progress) -> Result<Did> {
        let planned = planned(job)?;
        let made = self.made(planned)?.ok_or_else(|| {
            Error::new(Kind::Damaged, "the release that was made is gone").at(self.folder(planned))
        })?;
        let profile = self.order(&self.offline, &job.customer)?.order.profile;
        let place = self.place(&profile)?;
        let fresh = |pointer: &ReleasePointer| pointer.is_fresh(release::DAYS, place.outlet.now);
        if place.pointer(progress)?.is_some_and(|p| p.sha256 == made.sha256 && fresh(&p)) {
            return Ok(did(true, made));
        }
        let opened = Verified::open(&self.folder(planned), &place.outlet.believing(), progress)?;
        let verified = match opened {
            Ok(verified) => verified,
            Err(faults) => return Ok(Did { fault: refused(&faults), ..Did::default() }),
        };
        place.outlet.prove_conditions(place.store.as_ref(), progress)?;
        let publisher = place.outlet.publisher(place.store.as_ref(), self.key()?, &self.seen);
        let published = publisher.publish(&verified, &place.outlet.channel, progress)?;
        Ok(did(published.was_there, made))
    }

    /// The releases of a customer that any channel names.
    ///
    /// # Errors
    /// When that cannot be found out: nothing is removed then.
    pub(super) fn named(&self, customer: &str) -> Result<BTreeSet<String>> {
        if self.tools.policy.release.is_none() {
            return Ok(BTreeSet::new());
        }
        let profile = self.order(&self.offline, customer)?.order.profile;
        let mut place = self.place(&profile)?;
        let folder = place.outlet.folder();
        let mut named = BTreeSet::new();
        for key in place.store.list(&Key::new(&folder)?)? {
            let name = key.to_string();
            let name =
                name.strip_prefix(&format!("{folder}/")).and_then(|n| n.strip_suffix(".json"));
            let Some(channel) = name.filter(|name| !name.contains('/')) else { continue };
            place.outlet.channel = channel.parse()?;
            named.extend(place.pointer(&Quiet)?.map(|pointer| pointer.release));
        }
        Ok(named)
    }

    fn folder(&self, planned: &Planned) -> PathBuf {
        let home = self.tools.project.out.join(&planned.folder).join(release::FOLDER);
        home.join(&planned.id)
    }

    /// The release of this plan that lies in out/; nothing of it is read but its record.
    fn made(&self, planned: &Planned) -> Result<Option<Released>> {
        let record = self.folder(planned).join(RECORD);
        if file::look(&record)?.is_none() {
            return Ok(None);
        }
        let bytes = file::read(&record, LARGEST, "cannot read the release's record")?;
        Ok(Some(Released { id: planned.id.clone(), sha256: Digest::of(bytes) }))
    }

    /// What an earlier night made by this job.
    fn before(&self, job: &Job) -> Option<&Released> {
        let outcome = self.earlier.get(&job.digest).filter(|outcome| Outcome::is_good(outcome));
        outcome.and_then(|outcome| outcome.evidence.release.as_ref())
    }

    fn place(&self, profile: &Profile) -> Result<Place> {
        let project = &self.tools.project;
        let releasing = self.tools.policy.release.as_ref().ok_or_else(|| {
            Error::new(Kind::Input, "nightly.toml does not say where releases go")
        })?;
        let mut profile = profile.clone();
        if let Some(store) = &releasing.store {
            profile.store.clone_from(store);
        }
        let url = profile.store_url(&project.root);
        let (channel, now) = (releasing.channel.parse()?, (self.tools.clock)());
        let outlet = Outlet::new(project, &profile, url, channel, now)?;
        Ok(Place { store: outlet.open_for_publishing()?, outlet })
    }

    fn key(&self) -> Result<&SecretKey> {
        self.tools
            .key
            .as_ref()
            .ok_or_else(|| Error::new(Kind::Input, "there is no key to sign with"))
    }
}

fn did(reused: bool, release: Released) -> Did {
    let evidence = Evidence { release: Some(release), ..Evidence::default() };
    Did { reused, evidence, ..Did::default() }
}

fn refused(faults: &[Fault]) -> Option<Told> {
    let mut words = faults.iter().map(ToString::to_string);
    let first = words.next()?;
    Some(told(first, None, words.collect()))
}
