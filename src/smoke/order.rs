//! What a smoke test is asked to do.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::net::TestNetwork;
use crate::appliance::State;
use crate::inspect::Image;
use crate::profile::Probe;
use crate::units::ByteSize;

/// One smoke test. Nothing in it is taken from the environment; the caller decides it all.
#[derive(Clone, Debug)]
pub struct Order {
    /// The artifact, as our own readers opened it. It is only read: the machine writes to an overlay.
    pub image: Arc<Image>,
    /// What the machine starts with.
    pub firmware: Firmware,
    /// Memory of the machine.
    pub memory: ByteSize,
    /// Processors of the machine.
    pub vcpus: u32,
    /// The network that the machine is in.
    pub network: TestNetwork,
    /// A larger disk than the artifact's, to see it grow.
    pub disk: Option<ByteSize>,
    /// A disc in the drive (an ISO image), as hypervisors hand over OVF properties. It is only read.
    pub cdrom: Option<PathBuf>,
    /// A second disk (a raw image), as for a NoCloud seed. It is only read.
    pub seed: Option<PathBuf>,
    /// The release that must converge, as in "demo-1.0.0+b1".
    pub release: String,
    /// What to ask of the converged machine.
    pub probes: Vec<Probe>,
    /// How long to wait, for a machine with hardware virtualisation; scaled where there is none.
    pub limits: Limits,
    /// From power-on to READY, as it is: it takes the place of the scaled limit.
    pub timeout: Option<Duration>,
    /// The accelerator; without one it is found out by trying.
    pub accelerator: Option<Accelerator>,
    /// Whether the processor has AVX where it is translated, at the price of a slower machine.
    pub avx: bool,
    /// Whether the machine starts a second time from the same disk.
    pub again: Option<Again>,
    /// Letters and digits that the machine must repeat: output of another boot cannot pass for this one.
    pub nonce: String,
    /// The folder for the overlay (some GB) and sockets; what is made in it is removed at the end.
    pub scratch: PathBuf,
    /// The folder for the report; made when it is missing.
    pub report: PathBuf,
    /// Where to leave the machine's disk (qcow2) as it was at the end.
    pub keep_disk: Option<PathBuf>,
    /// Set from a signal handler: ends the test, and the machine with it.
    pub stop: Arc<AtomicBool>,
}

/// What the machine starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// SeaBIOS.
    Bios,
    /// OVMF.
    Uefi,
    /// OVMF that refuses what Microsoft's keys did not sign.
    SecureBoot,
}

impl Firmware {
    /// Its name in reports, and at the end of their folders' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bios => "bios",
            Self::Uefi => "uefi",
            Self::SecureBoot => "secure-boot",
        }
    }
}

/// What runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    /// The processor, through Linux.
    Kvm,
    /// QEMU's translator: works everywhere, ten times slower.
    Tcg,
}

/// How the machine gets to its second boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// READY, then the power button, then a start.
    PowerButton,
    /// The power is cut when this state is first seen, then a start.
    CutAt(State),
}

/// How long to wait, in the time of a machine with hardware virtualisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From power-on to the first state line.
    pub first_line: Duration,
    /// From power-on to READY or FAILED.
    pub converge: Duration,
    /// From READY until every probe has passed.
    pub probes: Duration,
    /// From the power button to the machine being off.
    pub power_off: Duration,
}

/// How much slower translated code is: a trivial site converges in 197 s under TCG, and its Puppet
/// Server, which is most of that, starts 14 times faster on the processor.
const TCG_FACTOR: u32 = 10;

impl Default for Limits {
    /// Generous: a slow machine is not a broken image. A converge takes about 20 s with KVM.
    fn default() -> Self {
        Self {
            first_line: Duration::from_secs(45),
            converge: Duration::from_secs(180),
            probes: Duration::from_secs(20),
            power_off: Duration::from_secs(20),
        }
    }
}

impl Limits {
    /// The limits for a machine that runs by `accelerator`.
    #[must_use]
    pub fn scaled(self, accelerator: Accelerator) -> Self {
        let factor = match accelerator {
            Accelerator::Kvm => 1,
            Accelerator::Tcg => TCG_FACTOR,
        };
        Self {
            first_line: self.first_line * factor,
            converge: self.converge * factor,
            probes: self.probes * factor,
            power_off: self.power_off * factor,
        }
    }

    /// The limits with `timeout` from power-on to READY; a shorter one also ends the wait for a sign of life.
    #[must_use]
    pub fn with_timeout(self, timeout: Option<Duration>) -> Self {
        let converge = timeout.unwrap_or(self.converge);
        Self { converge, first_line: self.first_line.min(converge), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_ten_times_longer_where_code_is_translated() {
        let limits = Limits::default();
        assert_eq!(limits.scaled(Accelerator::Kvm), limits);
        assert_eq!(limits.scaled(Accelerator::Tcg).converge, Duration::from_secs(1800));
    }

    #[test]
    fn a_given_timeout_is_taken_as_it_is() {
        let limits = Limits::default().scaled(Accelerator::Tcg);
        let short = limits.with_timeout(Some(Duration::from_secs(5)));
        assert_eq!((short.converge, short.first_line), (Duration::from_secs(5), short.converge));
        assert_eq!(limits.with_timeout(None), limits);
    }
}
