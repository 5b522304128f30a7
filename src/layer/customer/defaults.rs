//! The profile's values. The machine reads them when a setting from outside replaces them or is
//! withdrawn.

use serde::Serialize;

use super::system::host_name;
use crate::error::{Context, Result};
use crate::profile::{Guestinfo, Profile};
use crate::tree::Tree;
use crate::units::Timestamp;

/// The file from which `inputs-apply` reads them.
const DEFAULTS: &str = "/usr/lib/slipway/defaults.json";

/// The file that tells the console how people open the application, with `{address}` and
/// `{hostname}` in it.
const OPEN: &str = "/etc/slipway/open";

/// The fields that may come from outside, under the names used there.
#[derive(Debug, Serialize)]
struct Defaults<'a> {
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dns: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ntp: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    admin_keys: &'a [String],
    /// Not a setting itself: it says which settings are believed.
    guestinfo: Guestinfo,
}

/// Adds the profile's values.
pub fn add(tree: &mut Tree, profile: &Profile, time: Timestamp) -> Result<()> {
    let network = &profile.network;
    let defaults = Defaults {
        hostname: host_name(profile),
        address: network.address.as_deref(),
        gateway: network.gateway.as_deref(),
        dns: &network.dns,
        ntp: &network.ntp,
        proxy: network.proxy.as_deref(),
        admin_keys: &profile.access.ssh_keys,
        guestinfo: profile.access.guestinfo,
    };
    let text = serde_json::to_string_pretty(&defaults)
        .map_err(std::io::Error::other)
        .doing("cannot write the profile's values as JSON")?;
    tree.put_file(DEFAULTS, 0o644, time, format!("{text}\n"))?;
    match &profile.branding.open {
        Some(open) => tree.put_file(OPEN, 0o644, time, format!("{open}\n")),
        None => Ok(()),
    }
}
