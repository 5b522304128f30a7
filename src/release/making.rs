//! What a release is made with.

use super::believing::Believing;
use super::maker::Maker;
use super::shelf::Earlier;
use crate::key::SecretKey;
use crate::leak::Against;
use crate::profile::Profile;
use crate::units::Timestamp;

/// What a release is made with.
pub struct Making<'a> {
    /// The customer's profile, as it is now.
    pub profile: &'a Profile,
    /// Why there is no smoke test, where somebody decided so.
    pub without_smoke: Option<&'a str>,
    /// The customer's release before this one.
    pub previous: Option<Earlier>,
    /// What must not be in the images.
    pub against: &'a Against,
    /// Where it is made, where somebody says so.
    pub maker: Option<Maker>,
    /// The key that signs.
    pub key: &'a SecretKey,
    /// Whose signatures are believed when the release is read back; the key's own are, too.
    pub believing: Believing<'a>,
    /// The time.
    pub now: Timestamp,
}
