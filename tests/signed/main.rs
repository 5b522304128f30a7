//! Signed channels and releases in real stores: a folder, and Azurite.
#![allow(clippy::unwrap_used)]

mod killed;
mod mixed;
mod pinned;
mod place;
mod race;
mod refused;
mod rotated;
#[allow(dead_code)]
#[path = "../stores/servers.rs"]
mod servers;
#[path = "../common/vendor.rs"]
mod vendor;
