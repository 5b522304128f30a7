//! Why a signature is not believed.

use std::fmt;

use super::Namespace;
use crate::units::Timestamp;

/// One reason each; the later ones are the nearer misses, so of several signatures the greatest is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distrust {
    /// It is not an SSHSIG by an Ed25519 key over SHA-256.
    Malformed(String),
    /// It was made for another use.
    OtherNamespace {
        /// The use that it was made for.
        found: String,
        /// The use that is needed.
        wanted: &'static str,
    },
    /// Nobody here trusts the key.
    UnknownKey {
        /// Its fingerprint.
        key: String,
    },
    /// The key is trusted, for other sites.
    OtherSite {
        /// Its fingerprint.
        key: String,
        /// The site that was asked for.
        site: String,
    },
    /// The key is trusted for the site, for other uses.
    OtherUse {
        /// Its fingerprint.
        key: String,
        /// The use that is needed.
        wanted: &'static str,
    },
    /// The key is not trusted yet.
    TooEarly {
        /// Its fingerprint.
        key: String,
        /// From when on it is.
        from: Timestamp,
    },
    /// The key is not trusted any more.
    Ended {
        /// Its fingerprint.
        key: String,
        /// Since when it is not.
        since: Timestamp,
    },
    /// The signature is one of other bytes.
    OtherBytes {
        /// The key's fingerprint.
        key: String,
    },
}

impl Distrust {
    pub(super) fn namespace(found: &str, wanted: Namespace) -> Self {
        Self::other_kind(found, wanted.as_str())
    }

    /// An envelope of something else than what was asked for.
    pub(super) fn other_kind(found: &str, wanted: &'static str) -> Self {
        let found = found.chars().filter(|c| !c.is_control()).take(60).collect();
        Self::OtherNamespace { found, wanted }
    }

    /// What can be done about it, where that is anything but asking the vendor.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } | Self::OtherSite { .. } => {
                "ask the vendor whether this is their key, then: slipway key trust FILE --site SITE"
            }
            Self::OtherUse { .. } => {
                "add the use to the key's namespaces= in the file of trusted keys"
            }
            Self::TooEarly { .. } | Self::Ended { .. } => {
                "publish or promote it again with a key that is trusted now, see `slipway key list`"
            }
            Self::Malformed(_) | Self::OtherNamespace { .. } | Self::OtherBytes { .. } => {
                "do not use it: it was changed after it was signed, or mixed up; ask the vendor"
            }
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "the signature cannot be read: {why}"),
            Self::OtherNamespace { found, wanted } => {
                write!(f, "the signature was made for {found:?}, not for {wanted:?}")
            }
            Self::UnknownKey { key } => write!(f, "it is signed by {key}, which is not trusted"),
            Self::OtherSite { key, site } => {
                let what = match site.strip_prefix("app:") {
                    Some(app) => format!("app {app}"),
                    None => format!("site {site}"),
                };
                write!(f, "it is signed by {key}, which is not trusted for the {what}")
            }
            Self::OtherUse { key, wanted } => {
                write!(f, "it is signed by {key}, which is not trusted for {wanted}")
            }
            Self::TooEarly { key, from } => {
                write!(f, "it is signed by {key}, which is trusted from {from} on")
            }
            Self::Ended { key, since } => {
                write!(f, "it is signed by {key}, which was trusted until {since} only")
            }
            Self::OtherBytes { key } => write!(f, "the signature by {key} is one of other bytes"),
        }
    }
}

impl std::error::Error for Distrust {}
