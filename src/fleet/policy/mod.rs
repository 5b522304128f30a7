//! nightly.toml: what a night does, as the vendor wrote it.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::file;
use crate::profile::{self, Diagnostics, Objection, Written};
use crate::smoke::Firmware;
use crate::units::{ByteSize, GIB};

/// The file in the project's folder.
pub const FILE: &str = "nightly.toml";
/// Its schema for editors, beside it.
pub const SCHEMA_FILE: &str = "nightly.schema.json";
/// The file as `slipway nightly init` writes it.
pub const STARTER: &str = include_str!("../../../templates/nightly/nightly.toml");

/// What a night does. Every key has a default: without the file, all customers are built and smoke-tested.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The customers, by the names of their profiles; all of them by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("format" = "line"))]
    pub customers: Option<Vec<String>>,
    /// The channel that bundles are taken from, in the place of the one that a profile names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "channel"))]
    pub channel: Option<String>,
    /// When bases are made anew.
    pub bases: Bases,
    /// Which images are booted, and how.
    pub smoke: Smoke,
    /// Whether a release is made of every good image; not by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Releasing>,
    /// How much is done at once.
    pub limits: Limits,
    /// What is kept.
    pub keep: Keep,
    /// Who is told when a night is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
}

/// When bases are made anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bases {
    /// When: "keep", "weekly" or "security".
    pub refresh: Refresh,
}

/// When bases are made anew. Those of a file or of a date never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refresh {
    /// Never: they are as the cache has them.
    #[default]
    Keep,
    /// When they are a week old.
    Weekly,
    /// When the archives have security updates of what is in them.
    Security,
}

/// Which images are booted, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Smoke {
    /// Which images: "each", "group" or "none".
    pub which: Which,
    /// Only these of them, by the names of their profiles; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("format" = "line"))]
    pub customers: Option<Vec<String>>,
    /// Why the others, or none, are booted; it stays in the report and in releases.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "line"))]
    pub reason: Option<String>,
    /// What the machines start with: "bios", "uefi" or "secure-boot".
    #[schemars(length(min = 1))]
    pub firmware: Vec<Firmware>,
    /// Whether a machine that is READY is shut down and booted again.
    pub reboot: bool,
    /// Seconds from power-on to READY; 180 by default, and ten times that without KVM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: Option<u64>,
}

/// Which images are booted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Every one.
    #[default]
    Each,
    /// One of all that have the same site, bundle, base, packages and master.
    Group,
    /// None, for a reason.
    None,
}

/// What becomes of good images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Releasing {
    /// The channel that customers follow: it names tonight's release of each.
    #[schemars(extend("format" = "channel"))]
    pub channel: String,
    /// Where releases are published; the profile's store by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "store"))]
    pub store: Option<String>,
    /// The key that signs: a name that `slipway key list` shows; your only key by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "line"))]
    pub key: Option<String>,
}

/// How much is done at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Jobs at once; as many as this machine has processors by default, and at least two.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub jobs: Option<usize>,
    /// Memory of all machines that are booted at once; what is available by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "amount"))]
    pub memory: Option<ByteSize>,
    /// What is left free on the disk: nothing is built or booted while there is less.
    #[schemars(with = "String", extend("format" = "amount"))]
    pub free_disk: ByteSize,
}

/// What is kept. Never removed are a customer's newest image, the last one that became READY, and what a channel names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Reports of nights.
    #[schemars(range(min = 1, max = 10000))]
    pub nights: usize,
    /// Images of a customer.
    #[schemars(range(min = 1, max = 10000))]
    pub images: usize,
    /// Days that an image of a customer is kept; for ever by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub days: Option<u32>,
    /// Size of all images together; without a limit by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "amount"))]
    pub bytes: Option<ByteSize>,
}

/// Who is told when a night is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// A program with its arguments, run in the project's folder; SLIPWAY_REPORT names report.json.
    #[schemars(length(min = 1), extend("uniqueItems" = false))]
    pub command: Vec<String>,
    /// When: "failure", "change" or "always".
    #[serde(default)]
    pub when: When,
}

/// When somebody is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// When something failed, or was flaky.
    #[default]
    Failure,
    /// When anything was done, or failed.
    Change,
    /// Every night.
    Always,
}

impl Default for Smoke {
    fn default() -> Self {
        Self {
            which: Which::default(),
            customers: None,
            reason: None,
            firmware: vec![Firmware::Bios],
            reboot: false,
            timeout_seconds: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { jobs: None, memory: None, free_disk: ByteSize(5 * GIB) }
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self { nights: 30, images: 3, days: None, bytes: None }
    }
}

/// The policy's schema for editors.
pub fn schema() -> Value {
    profile::schema_of::<Policy>()
}

impl Policy {
    /// Where a project has it.
    pub fn path(root: &Path) -> PathBuf {
        root.join(FILE)
    }

    /// Reads the policy of a project, whose customers are `known`; what is wrong in it is inside. Without the file, the
    /// defaults.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(root: &Path, known: &[String]) -> Result<Result<Self, Diagnostics>> {
        let path = Self::path(root);
        if file::look(&path)?.is_none() {
            return Ok(Ok(Self::default()));
        }
        let read = Written::read::<Self>(&path, "the policy")?;
        Ok(read.and_then(|(policy, written)| policy.checked(written, known)))
    }

    /// The same for a text that is not in its file yet.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn parse(path: &Path, text: &str, known: &[String]) -> Result<Self, Diagnostics> {
        let (policy, written) = Written::parse::<Self>(path, text)?;
        policy.checked(written, known)
    }

    fn checked(self, written: Written, known: &[String]) -> Result<Self, Diagnostics> {
        let mut objections: Vec<Objection<'_>> = Vec::new();
        let lists: [(&[&str], _); 2] =
            [(&["customers"], &self.customers), (&["smoke", "customers"], &self.smoke.customers)];
        for (keys, names) in lists {
            let strangers = names.iter().flatten().filter(|name| !known.contains(name));
            objections.extend(strangers.map(|name| stranger(keys, name, known)));
        }
        if self.smoke.reason.is_none() {
            objections.extend(self.smoke.unexplained());
        }
        match objections.is_empty() {
            true => Ok(self),
            false => Err(written.object(&objections)),
        }
    }
}

impl Smoke {
    /// What is asked for of a customer's image.
    pub fn of(&self, customer: &str) -> Which {
        self.which.of(self.customers.as_deref(), customer)
    }

    /// What leaves images without a smoke test, and so needs a reason.
    fn unexplained(&self) -> Option<Objection<'static>> {
        let (keys, message): (&[&str], _) = match (self.which, &self.customers) {
            (Which::None, _) => (&["smoke", "which"], "no image is booted, and nobody says why"),
            (Which::Each | Which::Group, Some(_)) => {
                (&["smoke", "customers"], "the others are not booted, and nobody says why")
            }
            (Which::Each | Which::Group, None) => return None,
        };
        Some(Objection {
            keys,
            at_key: false,
            item: None,
            message: message.to_owned(),
            label: "this needs a reason".to_owned(),
            help: "set smoke.reason: it stays in reports and releases".to_owned(),
        })
    }
}

impl Which {
    /// The same for one customer, where only some are booted.
    pub(super) fn of(self, some: Option<&[String]>, customer: &str) -> Self {
        match some {
            Some(names) if !names.iter().any(|name| name == customer) => Self::None,
            Some(_) | None => self,
        }
    }
}

/// Says that no profile has the name.
fn stranger<'a>(keys: &'a [&'a str], name: &'a str, known: &[String]) -> Objection<'a> {
    let near = profile::nearest(name, known.iter().map(String::as_str));
    Objection {
        keys,
        at_key: false,
        item: Some(name),
        message: format!("there is no profile {name:?}"),
        label: near.map_or("no such customer".to_owned(), |n| format!("did you mean {n:?}?")),
        help: "customers are named as their profiles are, without .toml".to_owned(),
    }
}

/// Writes a policy with all its keys explained, and its schema, into a project that has none.
///
/// # Errors
/// [`Kind::Refused`] when it has one.
pub fn init(root: &Path) -> Result<[PathBuf; 2]> {
    let path = Policy::path(root);
    if !crate::whole::create(&path, 0o666, STARTER.as_bytes())? {
        return Err(Error::new(
            Kind::Refused,
            "there is one already, and nothing of it is changed",
        )
        .at(path)
        .remedy("edit it; `slipway check --all` says whether it is right"));
    }
    let text = serde_json::to_string_pretty(&schema())
        .map_err(|e| Error::new(Kind::Input, "the schema cannot be written").because(e))?;
    let beside = root.join(SCHEMA_FILE);
    crate::whole::replace(&beside, 0o666, (text + "\n").as_bytes())?;
    Ok([path, beside])
}

#[cfg(test)]
mod tests;
