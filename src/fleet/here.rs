//! The steps on this machine: a project's desk, lint, and smoke tests.
//!
//! A channel is asked once a night, by the plan of the first customer that follows it; builds and the other plans take what
//! that pulled. So all images of a night are of one state of the channel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bill::Bill;
use super::engine::Steps;
use super::job::{Did, Evidence, Job, Outcome, Planned};
use super::limits::Free;
use super::policy::Policy;
use super::step::Step;
use crate::desk::{Desk, Pulling, Ticket};
use crate::error::{Context as _, Error, Kind, Result, Told};
use crate::key::SecretKey;
use crate::leak::Customers;
use crate::lint::{self, Severity};
use crate::progress::Progress;
use crate::project::Project;
use crate::release::store::Known;
use crate::smoke::Accelerator;
use crate::units::{Digest, KIB, Timestamp};

/// What a night is done with. Nothing in it is taken from the environment.
pub struct Tools<'a> {
    /// The project.
    pub project: Project,
    /// How bundles are pulled.
    pub pulling: Pulling,
    /// What to do.
    pub policy: Policy,
    /// The time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Something that nobody can guess, for each smoke test.
    pub nonce: &'a (dyn Fn() -> Result<String> + Sync),
    /// Where machines' disks lie while they run.
    pub scratch: PathBuf,
    /// The key that signs releases, where some are made.
    pub key: Option<SecretKey>,
    /// What runs them, if it is not to be found out.
    pub accelerator: Option<Accelerator>,
    /// Set when all is to end.
    pub stop: Arc<AtomicBool>,
}

/// This machine.
pub struct Here<'a> {
    pub(super) tools: Tools<'a>,
    /// Asks stores.
    pub(super) asking: Desk,
    /// Takes what was pulled.
    pub(super) offline: Desk,
    /// What became of jobs in earlier nights, the newest of each.
    pub(super) earlier: BTreeMap<Digest, Outcome>,
    /// Where the first attempt's evidence goes when a test is repeated.
    pub(super) evidence: PathBuf,
    /// Sites' channels, and whether the store was asked tonight.
    asked: Mutex<BTreeMap<String, Arc<Mutex<bool>>>>,
    /// Bases that were looked at tonight.
    pub(super) renewed: Mutex<BTreeMap<String, Arc<Mutex<bool>>>>,
    /// Pieces of images that were seen in stores tonight: whoever publishes next does not ask for them.
    pub(super) seen: Known,
    /// What is known of all customers, for the search for leaks; none before the first release.
    pub(super) customers: Mutex<Option<Arc<Customers>>>,
}

impl<'a> Here<'a> {
    /// `earlier` is what became of jobs in earlier nights; `night` the folder of this one.
    pub fn new(tools: Tools<'a>, earlier: BTreeMap<Digest, Outcome>, night: &Path) -> Result<Self> {
        let asking = Desk::open(tools.project.clone(), tools.pulling)?;
        let pulled = Pulling { offline: true, ..tools.pulling };
        let offline = Desk::open(tools.project.clone(), pulled)?;
        let (evidence, asked, seen) = (night.to_owned(), Mutex::default(), Known::default());
        let (customers, renewed) = (Mutex::default(), Mutex::default());
        Ok(Self { tools, asking, offline, earlier, evidence, asked, renewed, seen, customers })
    }

    /// The order of a customer, with the channel that the policy says.
    pub(super) fn order(&self, desk: &Desk, customer: &str) -> Result<Ticket> {
        let mut ticket = desk.order(customer, (self.tools.clock)())?;
        let profile = &mut ticket.order.profile;
        if let (Some(channel), None) = (&self.tools.policy.channel, &profile.bundle) {
            profile.channel = Some(channel.clone());
        }
        Ok(ticket)
    }

    fn plan(&self, customer: &str, progress: &dyn Progress) -> Result<Did> {
        let (ticket, bundle) = self.pull(customer, progress)?;
        let bill = |packages: &[_]| Bill::of(packages, &bundle.manifest);
        let manifest = bundle.manifest.clone();
        self.renew(&ticket.order.definition, progress)?;
        let prepared = self.asking.prepare(&ticket, bundle.clone(), progress)?;
        let bill = bill(&prepared.root.packages);
        let (plan, profile) = (&prepared.plan, &ticket.order.profile);
        let group = format!(
            "{} {} {} {:?}",
            manifest.site, plan.bundle.digest, plan.base.digest, profile.master.mode
        );
        let planned = Planned {
            plan: plan.digest()?,
            id: plan.stem()?,
            folder: profile.customer.id.clone(),
            name: profile.customer.name.clone(),
            site: profile.site.clone(),
            release: plan.bundle.release.clone(),
            base: plan.base.name.clone(),
            group: Digest::of(group),
            memory: profile.hardware.memory,
        };
        let evidence = Evidence { planned: Some(planned), ..Evidence::default() };
        Ok(Did { evidence, bill: Some(bill), ..Did::default() })
    }

    /// The customer's bundle: the store is asked by the first one that follows a channel.
    pub(super) fn pull(
        &self,
        customer: &str,
        progress: &dyn Progress,
    ) -> Result<(Ticket, crate::bundle::Bundle)> {
        let ticket = self.order(&self.asking, customer)?;
        let profile = &ticket.order.profile;
        let (store, release) = (&profile.store, profile.release()?);
        let followed = format!("{store} {} {release:?}", profile.site);
        let channel = lock(&self.asked).entry(followed).or_default().clone();
        // held while the store is asked: whoever follows the same channel waits for the answer
        let mut asked = lock(&channel);
        if *asked {
            drop(asked);
            let ticket = self.order(&self.offline, customer)?;
            let bundle = self.offline.fetch(&ticket, &Tonight(progress))?;
            return Ok((ticket, bundle));
        }
        let bundle = self.asking.fetch(&ticket, progress)?;
        *asked = true;
        Ok((ticket, bundle))
    }

    fn build(&self, job: &Job, progress: &dyn Progress) -> Result<Did> {
        let planned = planned(job)?;
        let ticket = self.order(&self.offline, &job.customer)?;
        if let Some(artifacts) = self.there(job, planned, &ticket, progress)? {
            // what a build left that was killed behind its last image: the next build would do it, and there is none
            crate::whole::sweep(&self.tools.project.out.join(&planned.folder));
            let evidence = Evidence { artifacts, ..Evidence::default() };
            return Ok(Did { reused: true, evidence, ..Did::default() });
        }
        let (record, built) = self.offline.build(&ticket, &Tonight(progress))?;
        if built.record.plan != planned.plan {
            return Err(Error::new(Kind::Refused, "the plan changed while it was built")
                .at(record)
                .remedy(
                    "run the night again: somebody changed the profile, the base or the cache",
                ));
        }
        let artifacts = self.written(&record, &built)?;
        Ok(Did { evidence: Evidence { artifacts, ..Evidence::default() }, ..Did::default() })
    }

    fn lint(&self, job: &Job) -> Result<Did> {
        let planned = planned(job)?;
        let (folder, built) = self.must(planned)?;
        let before = self.earlier.get(&job.digest);
        if before.is_some_and(Outcome::is_good) {
            return Ok(Did { reused: true, ..Did::default() });
        }
        let ticket = self.order(&self.offline, &job.customer)?;
        let judged = lint::judge_built(&folder, &built, &ticket.order.profile.platforms)?;
        let mut reasons = judged.iter().flat_map(|judged| {
            let errors = judged.findings.iter().filter(|f| f.severity == Severity::Error);
            errors.map(move |f| {
                (
                    format!("{} refuses {}: {}", judged.platform.name(), judged.file, f.reason),
                    f.fix.clone(),
                )
            })
        });
        let fault = reasons.next().map(|(first, fix)| {
            let causes = reasons.map(|(reason, _)| reason).collect();
            told(first, Some(fix), causes)
        });
        Ok(Did { fault, ..Did::default() })
    }
}

/// Who watches a night need not hear of each job that its channel was not asked again: that is how a night works.
struct Tonight<'a>(&'a dyn Progress);

impl Progress for Tonight<'_> {
    fn step(&self, name: &str, total: Option<u64>) {
        self.0.step(name, total);
    }

    fn advance(&self, bytes: u64) {
        self.0.advance(bytes);
    }

    fn note(&self, line: &str) {
        if !line.starts_with("offline: ") {
            self.0.note(line);
        }
    }

    fn go_on(&self) -> Result<()> {
        self.0.go_on()
    }
}

impl Steps for Here<'_> {
    fn run(&self, job: &Job, progress: &dyn Progress) -> Result<Did> {
        progress.go_on()?;
        match job.step {
            Step::Plan => self.plan(&job.customer, progress),
            Step::Build => self.build(job, progress),
            Step::Lint => self.lint(job),
            Step::Smoke(firmware) => self.smoke(job, firmware, progress),
            Step::Release => self.release(job, progress),
            Step::Publish => self.publish(job, progress),
        }
    }

    fn free(&self) -> Result<Free> {
        let out = &self.tools.project.out;
        std::fs::create_dir_all(out).at("cannot make the folder", out)?;
        let facts = rustix::fs::statvfs(out).map_err(std::io::Error::from);
        let facts = facts.at("cannot look at the disk of", out)?;
        let path = Path::new("/proc/meminfo");
        let text = std::fs::read_to_string(path).at("cannot read", path)?;
        // where the kernel does not say it, nothing waits for memory
        let memory = available(&text).unwrap_or(u64::MAX);
        Ok(Free { memory, disk: facts.f_bavail.saturating_mul(facts.f_frsize) })
    }
}

/// A panic elsewhere leaves nothing half changed here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From /proc/meminfo (proc(5)), in bytes.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(KIB)
}

pub(super) fn planned(job: &Job) -> Result<&Planned> {
    job.planned.as_ref().ok_or_else(|| Error::new(Kind::Input, "the job has no plan"))
}

/// A verdict as it is kept.
pub(super) fn told(message: String, remedy: Option<String>, causes: Vec<String>) -> Told {
    Told {
        kind: Kind::Refused,
        message,
        path: None,
        offset: None,
        causes,
        errors: Vec::new(),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_available_is_read_in_bytes() {
        let text = "MemTotal:       8000 kB\nMemAvailable:    500 kB\n";
        assert_eq!(available(text), Some(512_000));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }
}
