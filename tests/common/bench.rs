//! One guest that plays a script, and the ways to test it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use slipway::inspect::Image;
use slipway::progress::Quiet;
use slipway::smoke::{self, Accelerator, BootReport, Firmware, Limits, Order, TestNetwork};
use slipway::units::{ByteSize, MIB};

use super::guest::Script;

/// The release to which the guests converge.
pub const RELEASE: &str = "demo-1.0.0+b1";

/// A folder with one guest in it.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// Writes the guest's disk.
    pub fn new(script: &Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        script.write(&folder.path().join("guest.raw"));
        std::fs::create_dir(folder.path().join("scratch")).unwrap();
        Self { folder }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The verb on this guest, in emulation: these tests are about our judgement, not the machine.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_on(&self.path("guest.raw"), arguments)
    }

    /// The same, on another file with this guest in it.
    pub fn command_on(&self, image: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command
            .args(["smoke", "--release", RELEASE, "--accel", "tcg", "--memory", "128 MiB"])
            .args(arguments)
            .arg("--report")
            .arg(self.path("report"))
            .arg(image)
            .env("TMPDIR", self.path("scratch"));
        command
    }

    /// Runs the verb.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same through the library, with short limits: a tenth of a second or so, at most a
    /// second.
    pub fn order(&self) -> Order {
        let limit = Duration::from_millis(150);
        Order {
            image: Arc::new(Image::open(&self.path("guest.raw")).unwrap()),
            firmware: Firmware::Bios,
            memory: ByteSize(128 * MIB),
            vcpus: 1,
            network: TestNetwork::default(),
            disk: None,
            cdrom: None,
            seed: None,
            release: RELEASE.to_owned(),
            probes: Vec::new(),
            limits: Limits {
                first_line: Duration::from_secs(1),
                converge: Duration::from_secs(1),
                probes: limit,
                power_off: limit,
            },
            timeout: None,
            accelerator: Some(Accelerator::Tcg),
            avx: false,
            again: None,
            nonce: "0123456789abcdef".to_owned(),
            scratch: self.path("scratch"),
            report: self.path("report"),
            keep_disk: None,
            stop: Arc::default(),
        }
    }

    /// The report that the run left.
    pub fn report(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path("report/report.json")).unwrap()).unwrap()
    }

    /// The number of scratch folders.
    pub fn left_in_scratch(&self) -> usize {
        std::fs::read_dir(self.path("scratch")).unwrap().count()
    }
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tests through the library.
pub fn run(order: &Order) -> BootReport {
    smoke::run(order, &Quiet).unwrap()
}
