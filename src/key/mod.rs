//! Keys: who may publish for a site, and what proves that somebody who may did.
//!
//! Signatures, private keys and the list of trusted keys are OpenSSH's own formats (SSHSIG, openssh-key-v1,
//! allowed_signers), so that `ssh-keygen` on any machine is a second, independent judge of all of them. A
//! format of our own was rejected for that, X.509 because a vendor's five keys need no authority, and
//! minisign because it draws noise where two builders should write the same bytes.
//!
//! Only Ed25519 is read: its signatures are deterministic, and what nobody needs cannot be attacked.

mod allowed;
mod distrust;
mod dsse;
mod edit;
mod keyring;
mod public;
mod secret;
mod signature;
mod trust;

use std::fmt;

pub use allowed::Sites;
pub use distrust::Distrust;
pub use keyring::{Keyring, Stored};
pub use public::{KeyId, PublicKey};
pub use secret::{Passphrase, SecretKey};
pub use signature::Signature;
pub use trust::{Trust, Trusted};

/// What a signature is for. It is part of what is signed, so one made for a bundle never passes for one of
/// a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The bytes of a bundle's .tgz.
    Bundle,
    /// The text of a channel's pointer.
    Pointer,
    /// What a store says of one version of an app.
    App,
    /// The record of an image release.
    Release,
    /// The text of a customer's channel of image releases.
    ReleasePointer,
    /// An in-toto statement about how an image was made, in a DSSE envelope.
    Provenance,
    /// One that says that a release was built again, and every byte is the same.
    Rebuild,
}

impl Namespace {
    /// All that there are: what a newly trusted key is trusted for.
    pub const ALL: [Self; 7] = [
        Self::Bundle,
        Self::Pointer,
        Self::App,
        Self::Release,
        Self::ReleasePointer,
        Self::Provenance,
        Self::Rebuild,
    ];

    /// The name, as `ssh-keygen -Y verify -n` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "slipway-bundle",
            Self::Pointer => "slipway-pointer",
            Self::App => "slipway-app",
            Self::Release => "slipway-release",
            Self::ReleasePointer => "slipway-release-pointer",
            Self::Provenance => "slipway-provenance",
            Self::Rebuild => "slipway-rebuild",
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
