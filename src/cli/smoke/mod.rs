//! `slipway smoke`: boot a copy of an image and check that it converges.

mod show;
mod target;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::appliance::State;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::project::Surroundings;
use crate::smoke::{Accelerator, Again, Firmware, Limits, Order, Target};
use crate::units::ByteSize;

use super::project::{self, shown};
use super::terminal::{self, Terminal};

/// Arguments of `slipway smoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 READY and every probe passed; 1 the test could not be run; 10 timed out; 11 FAILED;
12 kernel panic; 13 wrong release; 14 a probe failed; 15 the machine stopped by itself;
16 the machine's identity changed across a reboot; 130 stopped by a signal.")]
pub struct Args {
    /// An image, or a profile, which means its newest image in out/
    #[arg(value_name = "IMAGE|PROFILE")]
    target: String,
    /// The machine's firmware
    #[arg(long, value_enum, default_value = "bios")]
    firmware: FirmwareArg,
    /// The release that must converge [default: the one that the image's record names]
    #[arg(long, value_name = "ID")]
    release: Option<String>,
    /// Memory of the machine, as in "2 GiB" [default: what the profile recommends]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,
    /// Processors of the machine [default: what the profile recommends]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=255))]
    vcpus: Option<u32>,
    /// Give the machine a larger disk than the image's, as in "100 GiB", to see it grow
    #[arg(long, value_name = "SIZE")]
    disk_size: Option<ByteSize>,
    /// Put this disc (an ISO image) into the machine's drive, for example one with OVF properties
    #[arg(long, value_name = "FILE")]
    cdrom: Option<PathBuf>,
    /// Give the machine a second disk (a raw image), for example a NoCloud seed; it is only read
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Shut the converged machine down, start it again, and expect READY and the same identity
    #[arg(long, conflicts_with = "cut_at")]
    reboot: bool,
    /// Cut the power when this state is first seen, start the machine again, and expect READY
    #[arg(long, value_name = "STATE", value_parser = state)]
    cut_at: Option<State>,
    /// Seconds from power-on to READY [default: 180, and ten times that without KVM]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// What runs the machine [default: KVM if a trial shows that it works, else TCG]
    #[arg(long, value_enum)]
    accel: Option<AcceleratorArg>,
    /// Without KVM: show a processor with AVX, which some programs need (MongoDB) and which makes
    /// everything slower
    #[arg(long)]
    avx: bool,
    /// Folder for the report [default: beside the image, as in demo-1.0.0.smoke-bios]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Keep the machine's disk in this file (qcow2)
    #[arg(long, value_name = "FILE")]
    keep_disk: Option<PathBuf>,
    /// Print the report as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    project: project::Options,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FirmwareArg {
    /// SeaBIOS
    Bios,
    /// OVMF
    Uefi,
    /// OVMF with Microsoft's keys enrolled: it refuses what those keys did not sign
    SecureBoot,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AcceleratorArg {
    /// The processor, through /dev/kvm
    Kvm,
    /// QEMU's emulation of a processor
    Tcg,
}

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let order = order(args, surroundings)?;
    let report = {
        let progress = Terminal::new();
        let image = shown(order.image.path());
        progress.step(&format!("booting a copy of {}", image.display()), None);
        let report = crate::smoke::run(&order, &progress)?;
        progress.done();
        report
    };
    if args.json {
        terminal::print_json(&report)?;
    }
    let told = show::report(&report, &shown(&order.report));
    if report.exit_code == 0 {
        terminal::advise(&told)
    } else {
        terminal::complain(&told)
    }
    Ok(report.exit_code)
}

fn order(args: &Args, surroundings: &Surroundings) -> Result<Order> {
    let Target { image, release, hardware, network, probes } =
        target::find(&args.target, args.release.as_deref(), &args.project.within(surroundings))?;
    Ok(Order {
        report: args.report.clone().unwrap_or_else(|| beside(image.path(), args.firmware)),
        image,
        firmware: args.firmware.into(),
        memory: args.memory.unwrap_or(hardware.memory),
        vcpus: args.vcpus.unwrap_or(hardware.vcpus),
        network,
        disk: args.disk_size,
        cdrom: args.cdrom.as_deref().map(readable).transpose()?,
        seed: args.seed.as_deref().map(readable).transpose()?,
        release,
        probes,
        limits: Limits::default(),
        timeout: args.timeout.map(Duration::from_secs),
        accelerator: args.accel.map(Accelerator::from),
        avx: args.avx,
        again: match args.cut_at {
            Some(state) => Some(Again::CutAt(state)),
            None => args.reboot.then_some(Again::PowerButton),
        },
        nonce: random()?,
        scratch: scratch(),
        keep_disk: args.keep_disk.clone(),
        stop: stop_on_signals()?,
    })
}

/// QEMU's own complaint about a file that is not there comes late, and is long.
fn readable(path: &Path) -> Result<PathBuf> {
    crate::inspect::Source::open(path)?;
    path.canonicalize().at("cannot open", path)
}

/// One folder a firmware, so that a second test does not overwrite the first one's evidence.
fn beside(image: &Path, firmware: FirmwareArg) -> PathBuf {
    image.with_extension(format!("smoke-{}", Firmware::from(firmware).name()))
}

/// Not /tmp, which may be memory: the overlay takes some gigabytes.
pub(super) fn scratch() -> PathBuf {
    let named = std::env::var_os("TMPDIR").filter(|value| !value.is_empty());
    named.map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from)
}

pub(super) fn random() -> Result<String> {
    let mut bytes = [0; 16];
    let path = Path::new("/dev/urandom");
    let mut file = std::fs::File::open(path).at("cannot open", path)?;
    file.read_exact(&mut bytes).at("cannot read", path)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The first signal ends the test in order; a second one ends the process, and the machine with it.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        let code = 128 + signal;
        signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .doing("cannot watch for signals")?;
    }
    Ok(stop)
}

fn state(text: &str) -> Result<State> {
    State::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
        Error::new(Kind::Input, format!("no such state; one of {}", names.join(", ")))
    })
}

impl From<FirmwareArg> for Firmware {
    fn from(arg: FirmwareArg) -> Self {
        match arg {
            FirmwareArg::Bios => Self::Bios,
            FirmwareArg::Uefi => Self::Uefi,
            FirmwareArg::SecureBoot => Self::SecureBoot,
        }
    }
}

impl From<AcceleratorArg> for Accelerator {
    fn from(arg: AcceleratorArg) -> Self {
        match arg {
            AcceleratorArg::Kvm => Self::Kvm,
            AcceleratorArg::Tcg => Self::Tcg,
        }
    }
}
