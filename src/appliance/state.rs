//! Where a machine is on its way, and one change of that as it tells it: on its serial console, and in reports.

use serde::{Deserialize, Serialize};

/// Where an appliance is on its way; FIRST_BOOT's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// The first unit runs.
    Booting,
    /// Keys and secrets are made.
    Identity,
    /// Addresses are set.
    Network,
    /// Clock, memory, disk, ports, bundle are checked.
    Preflight,
    /// The certificate authority is made.
    Ca,
    /// The Puppet Server starts.
    Puppetserver,
    /// The catalog is applied.
    Converging,
    /// The proof of READY is collected.
    Verifying,
    /// Converged, and the application answers.
    Ready,
    /// It was ready; a later run failed.
    Degraded,
    /// It did not converge.
    Failed,
}

impl State {
    /// Every state in order.
    pub const ALL: [Self; 11] = [
        Self::Booting,
        Self::Identity,
        Self::Network,
        Self::Preflight,
        Self::Ca,
        Self::Puppetserver,
        Self::Converging,
        Self::Verifying,
        Self::Ready,
        Self::Degraded,
        Self::Failed,
    ];

    /// As the appliance writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Booting => "BOOTING",
            Self::Identity => "IDENTITY",
            Self::Network => "NETWORK",
            Self::Preflight => "PREFLIGHT",
            Self::Ca => "CA",
            Self::Puppetserver => "PUPPETSERVER",
            Self::Converging => "CONVERGING",
            Self::Verifying => "VERIFYING",
            Self::Ready => "READY",
            Self::Degraded => "DEGRADED",
            Self::Failed => "FAILED",
        }
    }
}

/// Where the first configuration run since the machine started is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// None has ended: what the machine says of its configuration is what the last run before the start came to.
    Pending,
    /// One has ended.
    #[default]
    Done,
}

impl Run {
    /// Whether one has ended.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// One change of state, as the appliance tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateLine {
    /// Counts the lines of one boot.
    #[serde(default)]
    pub seq: u64,
    /// The kernel's boot id.
    #[serde(default)]
    pub boot: String,
    /// What the host passed in.
    #[serde(default)]
    pub nonce: String,
    /// The release that the machine converges to.
    pub release: String,
    /// Where it is.
    pub state: State,
    /// Which attempt at converging, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// How many attempts it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// Seconds since the kernel started.
    #[serde(default)]
    pub uptime: f64,
    /// FAILED and DEGRADED: in which stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// FAILED and DEGRADED: a short name of the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// FAILED and DEGRADED: the cause for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// FAILED and DEGRADED: what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the application answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<bool>,
    /// Whether a configuration run has ended since the machine started; images of before serve only afterwards.
    #[serde(default, skip_serializing_if = "Run::is_done")]
    pub run: Run,
    /// The Puppet resources that failed, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_written_as_it_is_named() {
        for state in State::ALL {
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(json, format!("\"{}\"", state.name()));
        }
    }
}
