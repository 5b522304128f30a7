//! Everything that makes an image one customer's: names, network, logins, Hiera data and their own
//! files.

mod access;
mod data;
mod defaults;
mod network;
mod system;
mod users;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::profile::Profile;
use crate::tree::Tree;
use crate::units::Timestamp;

/// Inputs that the profile names and the caller has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The bytes of each `files.source`, by the name in the profile.
    pub sources: BTreeMap<String, Vec<u8>>,
    /// The image's time.
    pub time: Timestamp,
}

/// Adds the customer's part to `tree`.
///
/// # Errors
/// A value that does not fit into its file, a file in a place that Slipway owns, or a base that
/// lacks what a setting needs (a time zone, the resolver).
pub fn add(tree: &mut Tree, profile: &Profile, inputs: &Inputs) -> Result<()> {
    system::add(tree, profile, inputs.time)?;
    network::add(tree, &profile.network, inputs.time)?;
    access::add(tree, &profile.access, inputs.time)?;
    defaults::add(tree, profile, inputs.time)?;
    data::add_hiera(tree, &profile.hiera, inputs.time)?;
    data::add_files(tree, &profile.files, inputs)
}
