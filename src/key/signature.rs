//! OpenSSH's signatures (PROTOCOL.sshsig) over a digest that was made while bytes streamed.
//!
//! The digest in them is SHA-256, which that protocol allows beside SHA-512: it is the digest that names a
//! bundle everywhere else, so a signature is checked before the first byte of a download, and no bundle is
//! hashed twice. SHA-512, ssh-keygen's default, would cost a second hash of every bundle for nothing.

use std::fmt;
use std::path::Path;

use signature::{Signer, Verifier};
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig};

use super::public::fingerprint;
use super::{Distrust, KeyId, Namespace, PublicKey};
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::units::Digest;

/// The largest .sig file that is read, in bytes; they have about three hundred.
const LARGEST: u64 = 64 * 1024;
/// Ends what every signed message begins with, so that it is never mistaken for one of another protocol.
const MAGIC: &[u8] = b"SSHSIG";
/// The first line of a signature (PROTOCOL.sshsig, "Armored format").
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
/// Its last line.
const END: &str = "-----END SSH SIGNATURE-----";
/// Characters of a line between them, as ssh-keygen writes it.
const COLUMNS: usize = 70;
/// The hash's name in the protocol.
const HASH: &[u8] = b"sha256";

/// A signature; who made it and of what is proven by [`super::Trust::verify`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    sig: SshSig,
    armor: String,
}

impl Signature {
    /// Reads `-----BEGIN SSH SIGNATURE-----`.
    pub fn parse(text: &str) -> Result<Self, Distrust> {
        let malformed = |why: &str| Distrust::Malformed(why.to_owned());
        let sig = unfolded(text)
            .and_then(|pem| SshSig::from_pem(pem).ok())
            .ok_or_else(|| malformed("it is not one of OpenSSH's"))?;
        if sig.version() != SshSig::VERSION || !sig.reserved().is_empty() {
            return Err(malformed("it is of a newer kind"));
        }
        if sig.hash_alg() != HashAlg::Sha256 {
            return Err(malformed("it is not over SHA-256; sign with -O hashalg=sha256"));
        }
        if PublicKey::new(sig.public_key().clone().into()).is_err() {
            return Err(malformed("it is not by an Ed25519 key"));
        }
        Self::of(sig).map_err(|_| malformed("it is not one of OpenSSH's"))
    }

    /// The text of a .sig file; what it is worth is for [`Self::parse`] to say.
    pub fn text_of(path: &Path) -> Result<String> {
        let bytes = file::read(path, LARGEST, "cannot read the signature")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn make(key: &PrivateKey, namespace: Namespace, digest: &Digest) -> Result<Self> {
        let message = message(namespace.as_str(), digest);
        let cannot = || Error::new(Kind::Tool, "cannot sign");
        let signature = key.try_sign(&message).map_err(|e| cannot().because(e))?;
        let data = key.public_key().key_data().clone();
        let sig = SshSig::new(data, namespace.as_str(), HashAlg::Sha256, signature);
        Self::of(sig.map_err(|e| cannot().because(e))?)
    }

    fn of(sig: SshSig) -> Result<Self> {
        let armor = sig
            .to_pem(LineEnding::LF)
            .map_err(|e| Error::new(Kind::Tool, "cannot write a signature").because(e))?;
        Ok(Self { sig, armor: format!("{}\n", armor.trim_end()) })
    }

    /// The short name of the key that it says it is by.
    pub fn key(&self) -> KeyId {
        KeyId::of(self.sig.public_key())
    }

    /// The fingerprint of the key that it says it is by.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.sig.public_key())
    }

    /// Whether it is by `key`, for `namespace`, of bytes with this digest.
    pub(super) fn check(
        &self,
        key: &PublicKey,
        namespace: Namespace,
        digest: &Digest,
    ) -> Result<(), Distrust> {
        self.check_use(namespace)?;
        let other = || Distrust::OtherBytes { key: key.fingerprint() };
        if self.sig.public_key() != key.data() {
            return Err(Distrust::UnknownKey { key: self.fingerprint() });
        }
        let message = message(namespace.as_str(), digest);
        key.data().verify(&message, self.sig.signature()).map_err(|_| other())
    }

    pub(super) fn check_use(&self, namespace: Namespace) -> Result<(), Distrust> {
        match self.sig.namespace() == namespace.as_str() {
            true => Ok(()),
            false => Err(Distrust::namespace(self.sig.namespace(), namespace)),
        }
    }
}

impl fmt::Display for Signature {
    /// What a .sig file holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.armor)
    }
}

/// The text with lines as the parser wants them: other programs break base64 elsewhere or not at all, and
/// ssh-keygen reads that. What follows the last line it does not look at.
fn unfolded(text: &str) -> Option<String> {
    let body = text.strip_prefix(BEGIN)?;
    let (body, _) = body.split_once(END)?;
    // both marks are lines of their own, and the first ends as Unix ends lines
    if !body.starts_with('\n') || !body.ends_with('\n') {
        return None;
    }
    let base64: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !base64.is_ascii() {
        return None;
    }
    let mut pem = format!("{BEGIN}\n");
    for line in base64.chunks(COLUMNS) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    Some(pem + END)
}

/// The bytes that the key signs: the crate has them for a message in memory alone.
fn message(namespace: &str, digest: &Digest) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for part in [namespace.as_bytes(), b"", HASH, digest.as_bytes()] {
        // RFC 4251, 5: a string is its length in four bytes, and itself; ours are short
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_message_is_the_crates_own_for_the_same_bytes() {
        let theirs = SshSig::signed_data("slipway-bundle", HashAlg::Sha256, b"abc").unwrap();
        assert_eq!(message("slipway-bundle", &Digest::of(b"abc")), theirs);
    }

    #[test]
    fn what_is_no_signature_is_refused_and_never_a_panic() {
        for text in [
            "",
            "x",
            "-----BEGIN SSH SIGNATURE-----",
            "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
        ] {
            assert!(matches!(Signature::parse(text), Err(Distrust::Malformed(_))), "{text:?}");
        }
    }
}
