//! The pointer to a customer's current release in a channel: what it says. How it is signed, proven and remembered is
//! in [`signed`](crate::signed), as for bundles.

use serde::{Deserialize, Serialize};

use crate::blob::Key;
use crate::bundle::{Name, Version};
use crate::error::Result;
use crate::key::Namespace;
use crate::manifest::STEM_DIGITS;
use crate::signed::{Channel, Payload, Refusal};
use crate::units::{Digest, Timestamp, rfc3339};

/// Which release a customer has in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePointer {
    /// The site.
    pub site: Name,
    /// The customer and the channel, as in `acme/stable`: see [`Lane::name`].
    pub lane: String,
    /// Grows with every change, also with one back to an older release.
    pub seq: u64,
    /// The release's id.
    pub release: String,
    /// The digest of its record.
    pub sha256: Digest,
    /// When it was signed.
    #[serde(with = "rfc3339")]
    pub issued: Timestamp,
    /// When it stops being good; whoever publishes renews it before.
    #[serde(with = "rfc3339")]
    pub expires: Timestamp,
}

impl Payload for ReleasePointer {
    const NAMESPACE: Namespace = Namespace::ReleasePointer;
    const FOLDER: &'static str = "releases";

    fn channel(&self) -> Channel<'_> {
        Channel { site: self.site.as_str(), name: &self.lane }
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn expires(&self) -> Timestamp {
        self.expires
    }

    /// A pointer can only name releases of its own customer.
    fn check(&self) -> Result<(), Refusal> {
        let customer = self.lane.split('/').next().unwrap_or_default();
        if is_release_of(customer, &self.release) {
            return Ok(());
        }
        Err(Refusal::OtherRelease { found: self.release.clone() })
    }
}

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

impl ReleasePointer {
    /// Whether half of the `days` that a pointer is good for are still to come: then it need not be renewed.
    pub fn is_fresh(&self, days: u32, now: Timestamp) -> bool {
        self.expires.seconds - now.seconds > i64::from(days) * DAY / 2
    }
}

/// Whether an id is of a release of this customer: the customer `acme` has none that begins with `acme-b-`.
pub fn is_release_of(customer: &str, id: &str) -> bool {
    let rest = id.strip_prefix(customer).and_then(|rest| rest.strip_prefix('-'));
    let parts = rest.and_then(|rest| rest.rsplit_once('-'));
    parts.is_some_and(|(version, plan)| {
        let digits = plan.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        version.parse::<Version>().is_ok() && plan.len() == STEM_DIGITS && digits
    })
}

/// A customer's channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane<'a> {
    /// The site: whose keys sign.
    pub site: &'a Name,
    /// The customer's id.
    pub customer: &'a str,
    /// The channel.
    pub channel: &'a Name,
}

impl Lane<'_> {
    /// Its name within the site, as in `acme/stable`: what a pointer and what is remembered of it are called.
    pub fn name(&self) -> String {
        format!("{}/{}", self.customer, self.channel)
    }

    /// Where a store keeps a state that the channel had: the pointer of this number.
    pub fn change_key(&self, seq: u64) -> Result<Key> {
        let Self { site, customer, channel } = self;
        Key::new(format!("{}/{site}/{customer}/{channel}/{seq}.json", ReleasePointer::FOLDER))
    }
}

/// Digits of a record's digest in the name of the folder of its files.
const RECORD_DIGITS: usize = 16;

/// Where a store keeps a release's files. The digest of its record is part of it: an image that was released untested
/// may be released again with its test, and nothing that is in a store ever changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The site.
    pub site: &'a str,
    /// The customer's id.
    pub customer: &'a str,
    /// The release's id.
    pub id: &'a str,
    /// The digest of its record.
    pub record: Digest,
}

impl Place<'_> {
    /// Where one of its files is.
    pub fn key(&self, file: &str) -> Result<Key> {
        let Self { site, customer, id, record } = self;
        let digits = &record.to_string()[..RECORD_DIGITS];
        Key::new(format!("{}/{site}/{customer}/{id}/{digits}/{file}", ReleasePointer::FOLDER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(lane: &str, release: &str) -> ReleasePointer {
        ReleasePointer {
            site: "demo".parse().unwrap(),
            lane: lane.to_owned(),
            seq: 1,
            release: release.to_owned(),
            sha256: Digest::of("record"),
            issued: Timestamp::from_seconds(1),
            expires: Timestamp::from_seconds(2),
        }
    }

    #[test]
    fn a_pointer_names_only_releases_of_its_own_customer() {
        assert!(pointer("acme/stable", "acme-1.0.0+b1-0a1b2c3d").check().is_ok());
        for other in ["acme-b-1.0.0+b1-0a1b2c3d", "acme", "acme-/../x", "other-1.0.0+b1-0a1b2c3d"] {
            assert!(pointer("acme/stable", other).check().is_err(), "{other}");
        }
    }
}
