//! Boots a copy of an image in QEMU and reports what it saw.
//!
//! What the appliance says on its serial console decides (FIRST_BOOT's states, one JSON line a change),
//! and only lines with this test's nonce count. Then it is asked over HTTP, from outside, whether it
//! really does what it says. Its words are read in [`appliance`](crate::appliance).
//!
//! The way through: [`order`] says what is asked for, [`target`] what an image says of itself, [`overlay`], [`firmware`], [`net`] and [`accel`] prepare it, and
//! [`args`] turns it into QEMU's arguments. [`machine`] is the running process, [`qmp`] its monitor, [`event`] what both tell. [`boot`] goes through
//! one boot, [`watch`] judges what is seen of it, [`verdict`] says what that means. [`screen`] and [`report`] are what
//! stays. What judges is pure.

pub mod accel;
pub mod args;
pub mod boot;
pub mod event;
pub mod firmware;
pub mod machine;
pub mod net;
pub mod order;
pub mod overlay;
pub mod qmp;
pub mod report;
pub mod screen;
pub mod target;
pub mod verdict;
pub mod watch;

pub use accel::find as accelerator;
pub use net::TestNetwork;
pub use order::{Accelerator, Again, Firmware, Limits, Order};
pub use report::{BootRecord, BootReport};
pub use target::Target;
pub use verdict::Verdict;

use crate::appliance::check;
use crate::error::Result;
use crate::progress::Progress;
use crate::units::Digest;
use crate::whole::Work;
use overlay::Overlay;
use watch::Goal;

/// Digits of a nonce that one boot repeats.
const NONCE_DIGITS: usize = 16;

/// How often a translated machine is started again whose timer came too late.
const LATE_TIMERS: usize = 2;

/// Boots a copy of the image as ordered, and writes the report into its folder.
///
/// A verdict against the image is a report, not an error: an error means that nothing is known of it.
pub fn run(order: &Order, progress: &dyn Progress) -> Result<BootReport> {
    let qemu = machine::version()?;
    let scratch = Work::new_in(&order.scratch)?;
    report::make_folder(&order.report)?;
    // before the machine starts: what is tested is what the file holds now
    let digest = order.image.source().digest(progress)?;
    let accelerator = match order.accelerator {
        Some(accelerator) => accelerator,
        None => accel::find(scratch.path(), &order.stop, progress)?,
    };
    let overlay = scratch.join("disk.qcow2");
    let overlay = Overlay::create(&order.image, order.disk, &overlay, &order.stop, progress)?;
    let session = Session {
        order,
        accelerator,
        flash: firmware::prepare(order.firmware, scratch.path())?,
        overlay: &overlay,
        scratch: &scratch,
    };
    let (boots, verdict) = session.run(progress)?;
    if let Some(target) = &order.keep_disk {
        overlay.keep(target, &order.stop)?;
    }
    let report = BootReport {
        format: report::FORMAT,
        slipway: env!("CARGO_PKG_VERSION").to_owned(),
        qemu,
        image: order.image.path().to_owned(),
        image_sha256: Some(digest),
        release: order.release.clone(),
        firmware: order.firmware,
        accelerator,
        network: order.network,
        exit_code: verdict.exit_code(),
        summary: verdict.summary(),
        advice: verdict.advice(),
        verdict,
        boots,
    };
    report.save(&order.report)?;
    Ok(report)
}

/// What the boots of one test share.
struct Session<'a> {
    order: &'a Order,
    accelerator: Accelerator,
    flash: Option<firmware::Flash>,
    overlay: &'a Overlay,
    scratch: &'a Work,
}

impl Session<'_> {
    fn run(&self, progress: &dyn Progress) -> Result<(Vec<BootRecord>, Verdict)> {
        let goal = match self.order.again {
            None | Some(Again::PowerButton) => Goal::Converge,
            Some(Again::CutAt(state)) => Goal::Reach(state),
        };
        let (first, verdict) = self.boot(1, goal, progress)?;
        let verdict = match (verdict, self.order.again) {
            (Some(verdict), _) => verdict,
            (None, None) => Verdict::Ready,
            (None, Some(again)) => {
                progress.note(match again {
                    Again::PowerButton => "the machine is off: starting it again",
                    Again::CutAt(_) => "the power is cut: starting the machine again",
                });
                let (second, verdict) = self.boot(2, Goal::Converge, progress)?;
                let verdict = verdict.or_else(|| compare(&first, &second));
                return Ok((vec![first, second], verdict.unwrap_or(Verdict::Ready)));
            }
        };
        Ok((vec![first], verdict))
    }

    fn boot(
        &self,
        number: usize,
        goal: Goal,
        progress: &dyn Progress,
    ) -> Result<(BootRecord, Option<Verdict>)> {
        let order = self.order;
        let nonce = nonce(&order.nonce, number);
        // the first boot that converges sends; a later one shows what was kept
        let sending = number == 1 || order.again != Some(Again::PowerButton);
        let checks = check::list(&order.probes, &order.nonce, sending);
        let arguments = args::arguments(&args::Hardware {
            accelerator: self.accelerator,
            avx: order.avx,
            firmware: order.firmware,
            flash: self.flash.as_ref().map(|f| (f.code.as_path(), f.variables.as_path())),
            disk: self.overlay,
            cdrom: order.cdrom.as_deref(),
            seed: order.seed.as_deref(),
            memory: order.memory,
            vcpus: order.vcpus,
            network: &order.network,
            ports: &check::ports(&checks),
            nonce: &nonce,
        });
        // a disk that is kept, or booted again, shall have been left as a user leaves it
        let shut_down =
            goal == Goal::Converge && (order.again.is_some() || order.keep_disk.is_some());
        let setup = boot::Setup {
            arguments: &arguments,
            nonce: &nonce,
            release: &order.release,
            goal,
            checks: &checks,
            shut_down,
            limits: order.limits.scaled(self.accelerator).with_timeout(order.timeout),
            report: &order.report,
            scratch: self.scratch.path(),
            number,
            stop: &order.stop,
        };
        for _ in 0..LATE_TIMERS {
            let (record, verdict) = boot::run(&setup, progress)?;
            let late = verdict.as_ref().is_some_and(Verdict::is_late_timer);
            if !late || self.accelerator != Accelerator::Tcg {
                return Ok((record, verdict));
            }
            progress.note("the host was too busy for the machine's timer: starting it again");
        }
        boot::run(&setup, progress)
    }
}

/// Each boot has its own nonce, so that the first boot's READY cannot pass for the second's.
fn nonce(seed: &str, number: usize) -> String {
    let mut digits = Digest::of(format!("{seed} {number}")).to_string();
    digits.truncate(NONCE_DIGITS);
    digits
}

/// Whether the second boot is of the same machine; a boot that was cut off may know nothing of itself.
fn compare(first: &BootRecord, second: &BootRecord) -> Option<Verdict> {
    let (before, after) = (first.identity.as_ref()?, second.identity.as_ref()?);
    let (what, before, after) = before.difference(after)?;
    Some(Verdict::IdentityChanged { what: what.to_owned(), before, after })
}
