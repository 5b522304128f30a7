//! What is done for a customer, one after the other.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::smoke::Firmware;

/// What is done for a customer, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pull the bundle, make the base and its layers, pin everything.
    Plan,
    /// Write the images.
    Build,
    /// Ask what the platforms would refuse.
    Lint,
    /// Boot a copy until it is READY.
    Smoke(Firmware),
    /// Make a release of the images, read back and signed.
    Release,
    /// Put it into the store, and point the channel at it.
    Publish,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Plan,
        Self::Build,
        Self::Lint,
        Self::Smoke(Firmware::Bios),
        Self::Smoke(Firmware::Uefi),
        Self::Smoke(Firmware::SecureBoot),
        Self::Release,
        Self::Publish,
    ];

    /// Its name in journals and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Build => "build",
            Self::Lint => "lint",
            Self::Smoke(Firmware::Bios) => "smoke-bios",
            Self::Smoke(Firmware::Uefi) => "smoke-uefi",
            Self::Smoke(Firmware::SecureBoot) => "smoke-secure-boot",
            Self::Release => "release",
            Self::Publish => "publish",
        }
    }

    /// What is further on counts more.
    pub(super) fn place(self) -> usize {
        Self::ALL.iter().position(|step| *step == self).unwrap_or_default()
    }

    /// Whether it boots a machine.
    pub fn is_smoke(self) -> bool {
        matches!(self, Self::Smoke(_))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Step {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|step| step.name() == text);
        found.ok_or_else(|| Error::new(Kind::Input, format!("there is no step {text:?}")))
    }
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own_that_is_read_back() {
        for step in Step::ALL {
            assert_eq!(step.name().parse::<Step>().unwrap(), step);
            assert_eq!(Step::ALL[step.place()], step);
        }
        assert!("smoke".parse::<Step>().is_err());
    }
}
