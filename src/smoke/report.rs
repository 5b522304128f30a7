//! What a smoke test leaves behind: `report.json`, and a picture and a console log of each boot.

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::net::TestNetwork;
use super::order::{Accelerator, Firmware};
use super::verdict::Verdict;
use super::watch::Transition;
use crate::appliance::Identity;
use crate::appliance::check::Outcome;
use crate::appliance::kernel::Complaint;
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::units::{Digest, MIB};
use crate::whole;

/// The version of the report's format.
pub const FORMAT: u32 = 1;
/// The file's name in the report's folder.
const NAME: &str = "report.json";
/// The largest report that is read, in bytes; they have some ten thousand.
const LARGEST: u64 = 16 * MIB;

/// The whole test, as it is written and as it is read for ever: what later versions add is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootReport {
    /// The version of this format, see [`FORMAT`].
    pub format: u32,
    /// Slipway's version.
    pub slipway: String,
    /// QEMU's version.
    pub qemu: String,
    /// The artifact that was tested.
    pub image: PathBuf,
    /// SHA-256 of the artifact's bytes, so that the report speaks of them and of no others. Reports of older versions
    /// have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_sha256: Option<Digest>,
    /// The release that was expected.
    pub release: String,
    /// What the machine started with.
    pub firmware: Firmware,
    /// What ran its instructions.
    pub accelerator: Accelerator,
    /// The network that it was in, with the address that was asked.
    pub network: TestNetwork,
    /// How it ended.
    pub verdict: Verdict,
    /// The verdict as an exit code.
    pub exit_code: u8,
    /// The verdict as a sentence.
    pub summary: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Each boot in order.
    pub boots: Vec<BootRecord>,
}

/// One boot of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootRecord {
    /// What the machine had to repeat.
    pub nonce: String,
    /// Every change of state.
    pub states: Vec<Transition>,
    /// What was asked of the converged machine, in order.
    pub probes: Vec<Outcome>,
    /// Who the machine says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What the kernel complained about, in order; a panic is the verdict.
    pub complaints: Vec<Complaint>,
    /// How the machine went off.
    pub end: End,
    /// Seconds from power-on to the verdict, by the host's clock, to the millisecond.
    pub seconds: f64,
    /// The picture of the screen, in the report's folder; none when QEMU could not take one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
    /// The console's log, in the report's folder.
    pub serial: String,
    /// The last lines of the console.
    pub last_lines: Vec<String>,
}

/// How a machine went off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Shut down after its power button was pressed.
    PowerButton,
    /// The power was cut.
    PowerCut,
    /// By itself.
    Itself,
}

impl BootReport {
    /// Writes `report.json` into `folder`, whole or not at all.
    pub fn save(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(NAME);
        let wrong = |e| Error::new(Kind::Io, "cannot write the report").at(&path).because(e);
        // the user's umask decides who may read it
        whole::replace(&path, 0o666, &serde_json::to_vec_pretty(self).map_err(wrong)?)?;
        Ok(path)
    }

    /// Reads the `report.json` of `folder`.
    ///
    /// # Errors
    /// [`Kind::NotFound`] without one, [`Kind::Refused`] for one of a newer format, [`Kind::Damaged`] for anything else.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        Self::parse(&file::read(&path, LARGEST, "cannot read the report")?).map_err(|e| e.at(path))
    }

    /// Reads a report's JSON.
    ///
    /// # Errors
    /// As [`BootReport::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let damaged = |e| Error::new(Kind::Damaged, "this is no boot report").because(e);
        let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
        if head.format > FORMAT {
            let message =
                format!("the report has format {}, this slipway reads {FORMAT}", head.format);
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

/// Makes the report's folder.
pub fn make_folder(folder: &Path) -> Result<()> {
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).at("cannot make the report's folder", parent)?;
    }
    // the console shows what the machine's programs say of their settings, and its first password
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists && file::is_folder(folder)? => Ok(()),
        made => made.at("cannot make the report's folder", folder),
    }
}
