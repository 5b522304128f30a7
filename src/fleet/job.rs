//! One thing that a night does, as a value with a digest; what became of it; and what is written of both.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bill::Bill;
use super::policy::Which;
use super::step::Step;
use crate::error::{Error, Kind, Told};
use crate::smoke::Firmware;
use crate::units::{ByteSize, Digest, Timestamp, rfc3339};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The customer, by the name of the profile.
    pub customer: String,
    /// What.
    pub step: Step,
    /// What it is done with; none for the plan itself.
    pub planned: Option<Planned>,
    /// 1, and 2 for a smoke test that is repeated.
    pub attempt: u32,
    /// Names it: the same plan, firmware and step have the same one, in every night.
    pub digest: Digest,
    /// The customer whose smoke test stands for this one.
    pub covered_by: Option<String>,
}

/// The digest that names a job of a customer; `which` is what is asked for of that one's image.
pub(super) fn digest(step: Step, subject: &str, which: Which, rules: &Rules) -> Digest {
    let how = match step {
        Step::Plan | Step::Build | Step::Lint => String::new(),
        Step::Smoke(_) => format!("reboot {}", rules.reboot),
        Step::Release => format!("{which:?} {:?} {:?}", rules.firmware, rules.reboot),
        Step::Publish => rules.release.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    Digest::of(format!("slipway job 1\n{step}\n{subject}\n{how}"))
}

/// What of the policy decides which jobs there are. Kept in the journal: what was done is read by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Which images are booted.
    pub which: Which,
    /// What the machines start with.
    pub firmware: Vec<Firmware>,
    /// Only these of them, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booted: Option<Vec<String>>,
    /// Whether they are booted again.
    pub reboot: bool,
    /// Why others, or all, are not booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where releases go; none where none are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Target>,
}

/// Where releases go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The channel.
    pub channel: String,
    /// The store; the profile's, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

impl Rules {
    /// What is asked for of a customer's image.
    pub fn of(&self, customer: &str) -> Which {
        self.which.of(self.booted.as_deref(), customer)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.channel, self.store.as_deref().unwrap_or("the profile's store"))
    }
}

/// What is known of a customer's image before it is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// The plan's digest.
    pub plan: Digest,
    /// The artifacts' name without an ending.
    pub id: String,
    /// The customer's id, which names the folder in out/.
    pub folder: String,
    /// The customer, for people.
    pub name: String,
    /// The site.
    pub site: String,
    /// The bundle's release.
    pub release: String,
    /// The base.
    pub base: String,
    /// Equal for all images that one smoke test may stand for.
    pub group: Digest,
    /// Memory of the machine.
    #[schemars(with = "u64")]
    pub memory: ByteSize,
}

/// What a step found or made, as far as a report needs it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Evidence {
    /// The plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
    /// The images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Kept>,
    /// The smoke test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Booted>,
    /// The customer whose smoke test stands for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered_by: Option<String>,
    /// The release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Released>,
}

/// An image that was built, and how its file looked when its digest was last compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// Its name in the customer's folder.
    pub file: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
    /// The file's number and when it was last changed, as the filesystem says: while they are the same, so are the
    /// bytes, as far as programs can change them.
    pub stamp: String,
}

/// A smoke test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Booted {
    /// What happened, in a sentence.
    pub summary: String,
    /// Seconds from power-on to READY; none where it did not become that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// "kvm" or "tcg".
    pub accelerator: String,
    /// The report's folder, from out/.
    pub folder: String,
    /// The picture of the console in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Released {
    /// Its id.
    pub id: String,
    /// The digest of its record.
    pub sha256: Digest,
}

/// What a step says when it is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Did {
    /// Whether there was nothing to do.
    pub reused: bool,
    /// What it found or made.
    pub evidence: Evidence,
    /// What is wrong with the customer's image: a verdict, where an error means that there is none.
    pub fault: Option<Told>,
    /// What is in the image, where the step knows.
    pub bill: Option<Bill>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It was done.
    Done,
    /// There was nothing to do: it was done before.
    Reused,
    /// Another customer's stands for it.
    Covered,
    /// It failed.
    Failed,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// What the customer's image is made of.
    Customer,
    /// This machine, the network, a full disk: trying again may help.
    Infrastructure,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The job.
    pub job: Digest,
    /// The customer.
    pub customer: String,
    /// The step.
    pub step: Step,
    /// Which attempt it was.
    pub attempt: u32,
    /// When it began.
    #[serde(with = "rfc3339")]
    #[schemars(with = "String")]
    pub begun: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub ending: Ending,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Told>,
    /// Whose fault that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// What it found or made.
    #[serde(default)]
    pub evidence: Evidence,
}

impl Outcome {
    /// Whether the next step may be taken.
    pub fn is_good(&self) -> bool {
        self.ending != Ending::Failed
    }
}

/// Whose fault an error is.
pub(super) fn blame(error: &Error) -> Blame {
    match error.kind() {
        Kind::Network | Kind::NoSpace | Kind::Io | Kind::Tool | Kind::Interrupted => {
            Blame::Infrastructure
        }
        Kind::Input | Kind::NotFound | Kind::Damaged | Kind::Refused => Blame::Customer,
    }
}

/// One call of a night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// When.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// Slipway's version.
    pub slipway: String,
    /// The process, for whoever wonders who runs.
    pub process: u32,
    /// The customers that it is for.
    pub customers: Vec<String>,
    /// By which rules.
    pub rules: Rules,
    /// Whether reports leave out customers for whom there was nothing to do.
    #[serde(default)]
    pub changed_only: bool,
}

/// A line of a night's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A call begins, or goes on where one was killed.
    Began(Began),
    /// A job is over.
    Outcome(Box<Outcome>),
    /// The night is over.
    Ended {
        /// When.
        #[serde(with = "rfc3339")]
        at: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_another_one_with_another_plan_firmware_or_step() {
        let rules = |reboot| Rules {
            which: Which::Each,
            booted: None,
            firmware: vec![Firmware::Bios],
            reboot,
            reason: None,
            release: None,
        };
        let smoke = |firmware, plan, reboot| {
            digest(Step::Smoke(firmware), plan, Which::Each, &rules(reboot))
        };
        let all = [
            smoke(Firmware::Bios, "a", false),
            smoke(Firmware::Uefi, "a", false),
            smoke(Firmware::Bios, "b", false),
            smoke(Firmware::Bios, "a", true),
            digest(Step::Build, "a", Which::Each, &rules(false)),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        // booting it twice is no other build
        assert_eq!(all[4], digest(Step::Build, "a", Which::Each, &rules(true)));
    }
}
