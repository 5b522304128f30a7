//! Why what a store gives is not taken.

use std::fmt;

use crate::error::{Error, Kind};
use crate::key::Distrust;
use crate::units::Timestamp;

/// One reason each. It is the cause of the error that a caller gets, see [`Refusal::of`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody is trusted for the site, so nothing of it can be taken.
    NoKey,
    /// It is cut off, or no pointer at all.
    Unreadable,
    /// It has no signature.
    NotSigned,
    /// It is signed, and not so that we believe it.
    Distrusted(Distrust),
    /// It belongs to another site.
    OtherSite {
        /// Whose it is.
        found: String,
    },
    /// It belongs to another channel.
    OtherChannel {
        /// Whose it is.
        found: String,
    },
    /// It names another release than it says.
    OtherRelease {
        /// Which one it is.
        found: String,
    },
    /// An older state than one that was seen before (a rollback).
    Older {
        /// Its number.
        seq: u64,
        /// The newest number that was seen.
        seen: u64,
    },
    /// Another state under a number that was seen before.
    Forked {
        /// The number.
        seq: u64,
    },
    /// It is not renewed any more, or somebody keeps newer ones from us (a freeze).
    Expired {
        /// Since when.
        since: Timestamp,
    },
}

impl Refusal {
    /// The reason in an error's chain of causes.
    pub fn of(error: &Error) -> Option<&Self> {
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            if let Some(refusal) = inner.downcast_ref() {
                return Some(refusal);
            }
            cause = inner.source();
        }
        None
    }

    /// Whether bytes that were good once would be refused so because they were changed.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Unreadable
                | Self::NotSigned
                | Self::Distrusted(Distrust::Malformed(_) | Distrust::OtherBytes { .. })
        )
    }

    /// The error about `what`, as in "channel stable of site demo".
    pub fn about(self, what: &str) -> Error {
        let remedy = self.remedy();
        Error::new(Kind::Refused, format!("{what} is refused")).remedy(remedy).because(self)
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::NoKey => {
                "ask the vendor for their public key, then: slipway key trust FILE --site SITE"
            }
            Self::Unreadable => "publish or promote it again; a store is written by slipway alone",
            Self::NotSigned => "publish it again with a slipway that signs",
            Self::Distrusted(why) => why.remedy(),
            Self::OtherSite { .. } | Self::OtherChannel { .. } | Self::OtherRelease { .. } => {
                "somebody mixed up the store's objects: publish or promote it again"
            }
            Self::Older { .. } | Self::Forked { .. } => {
                "somebody may show you an old state; if the store was set back on purpose, pass --allow-rollback once"
            }
            Self::Expired { .. } => {
                "check this machine's clock, ask the vendor to promote it again, or pass --allow-expired"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("no key is trusted for the site"),
            Self::Unreadable => f.write_str("it cannot be read; it may be cut off"),
            Self::NotSigned => f.write_str("it is not signed"),
            Self::Distrusted(why) => why.fmt(f),
            Self::OtherSite { found } => write!(f, "it belongs to the site {found}"),
            Self::OtherChannel { found } => write!(f, "it belongs to the channel {found}"),
            Self::OtherRelease { found } => write!(f, "it is the release {found}"),
            Self::Older { seq, seen } => {
                write!(f, "it is change {seq}, and change {seen} was seen here before")
            }
            Self::Forked { seq } => {
                write!(f, "another change {seq} than this one was seen here before")
            }
            Self::Expired { since } => write!(f, "it expired at {since}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Distrust> for Refusal {
    fn from(why: Distrust) -> Self {
        Self::Distrusted(why)
    }
}
