//! How much may run at once, and why the rest waits. Pure: what is free is an argument.

use super::job::Job;
use super::step::Step;
use crate::error::{Error, Kind};
use crate::units::{ByteSize, MIB};

/// What a booted machine takes besides its own memory: QEMU, and the pages of its disk.
const MACHINE: u64 = 256 * MIB;
/// What writing an image takes at most: the encoders' buffers, and the tree of a root.
const BUILD: u64 = 512 * MIB;

/// What the policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Jobs at once.
    pub jobs: usize,
    /// Memory of all machines that are booted, if it is limited.
    pub memory: Option<ByteSize>,
    /// What must stay free on the disk.
    pub free_disk: ByteSize,
}

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// Memory that programs can still get, in bytes.
    pub memory: u64,
    /// Room on the disk that images are written to, in bytes.
    pub disk: u64,
}

/// Whether a job can be begun.
#[derive(Debug)]
pub enum Choice {
    /// Yes.
    Begin,
    /// Not before something that runs is over.
    Wait(String),
    /// Never, as things are.
    Never(Error),
}

impl Allowed {
    /// Whether a job can be begun beside those that run.
    pub fn choose(&self, job: &Job, running: &[&Job], free: Free) -> Choice {
        if running.len() >= self.jobs {
            return Choice::Wait(format!("{} jobs run, which is the limit", running.len()));
        }
        let taken: u64 = running.iter().map(|job| memory(job)).sum();
        let wanted = memory(job);
        let most = self.memory.map_or(u64::MAX, ByteSize::bytes);
        let short = wanted > free.memory || taken.saturating_add(wanted) > most;
        // alone it is tried in any case: the kernel knows better than this estimate
        if short && !running.is_empty() {
            return Choice::Wait(format!(
                "{} of {} takes {} of memory, and {} is left",
                job.step,
                job.customer,
                ByteSize(wanted),
                ByteSize(free.memory.min(most.saturating_sub(taken)))
            ));
        }
        if writes(job) && free.disk < self.free_disk.bytes() {
            let left = format!(
                "{} is free on the disk, and {} must stay free",
                ByteSize(free.disk),
                self.free_disk
            );
            return match running.is_empty() {
                true => {
                    Choice::Never(Error::new(Kind::NoSpace, left).remedy(
                        "make room: `slipway cache prune`, or less in [keep] of nightly.toml",
                    ))
                }
                false => Choice::Wait(left),
            };
        }
        Choice::Begin
    }
}

fn memory(job: &Job) -> u64 {
    let machine = job.planned.as_ref().map_or(0, |planned| planned.memory.bytes());
    match job.step {
        Step::Smoke(_) if job.covered_by.is_none() => machine + MACHINE,
        Step::Build | Step::Release => BUILD,
        Step::Smoke(_) | Step::Plan | Step::Lint | Step::Publish => 0,
    }
}

fn writes(job: &Job) -> bool {
    matches!(job.step, Step::Build | Step::Smoke(_) | Step::Release) && job.covered_by.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smoke::Firmware;
    use crate::units::{Digest, GIB};

    fn job(step: Step) -> Job {
        let digest = Digest::of(step.name());
        let planned = super::super::job::Planned {
            plan: digest,
            id: "a-1".to_owned(),
            folder: "a".to_owned(),
            name: "A".to_owned(),
            site: "s".to_owned(),
            release: "s-1".to_owned(),
            base: "b".to_owned(),
            group: digest,
            memory: ByteSize(2 * GIB),
        };
        let customer = "a".to_owned();
        Job { customer, step, planned: Some(planned), attempt: 1, digest, covered_by: None }
    }

    #[test]
    fn a_machine_waits_for_memory_and_says_so_but_never_for_ever() {
        let (smoke, build) = (job(Step::Smoke(Firmware::Bios)), job(Step::Build));
        let allowed = Allowed { jobs: 4, memory: Some(ByteSize(3 * GIB)), free_disk: ByteSize(0) };
        let free = Free { memory: 8 * GIB, disk: GIB };
        assert!(matches!(allowed.choose(&smoke, &[&build], free), Choice::Begin));
        let Choice::Wait(why) = allowed.choose(&smoke, &[&smoke], free) else { panic!() };
        assert!(why.contains("2.2 GiB") && why.contains("768 MiB is left"), "{why}");
        let little = Free { memory: GIB, ..free };
        assert!(matches!(allowed.choose(&smoke, &[&build], little), Choice::Wait(_)));
        assert!(matches!(allowed.choose(&smoke, &[], little), Choice::Begin));
        let one = Allowed { jobs: 1, ..allowed };
        assert!(matches!(one.choose(&build, &[&build], free), Choice::Wait(_)));
    }

    #[test]
    fn a_full_disk_is_waited_for_while_something_runs_and_then_named() {
        let allowed = Allowed { jobs: 4, memory: None, free_disk: ByteSize(5 * GIB) };
        let free = Free { memory: 8 * GIB, disk: GIB };
        let build = job(Step::Build);
        assert!(matches!(allowed.choose(&build, &[&build], free), Choice::Wait(_)));
        let Choice::Never(error) = allowed.choose(&build, &[], free) else { panic!() };
        assert_eq!(error.kind(), Kind::NoSpace);
        assert!(matches!(allowed.choose(&job(Step::Plan), &[], free), Choice::Begin));
    }
}
