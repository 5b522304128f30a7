//! Public keys and their names.

use std::fmt;
use std::path::Path;

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use ssh_key::HashAlg;
use ssh_key::public::KeyData;

use crate::error::{Error, Kind, Result};
use crate::file;
use crate::units::Digest;

/// The largest file of a public key that is read, in bytes; they have about a hundred.
const LARGEST: u64 = 16 * 1024;

/// What stands before the 32 bytes of a key in a SubjectPublicKeyInfo: two sequences, the algorithm 1.3.101.112, and a
/// bit string (RFC 8410, 4 and 10.1).
const SPKI_ED25519: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The one kind that is taken.
const KIND: &str = "ssh-ed25519";
/// How the names of all others begin.
const OTHER_KINDS: [&str; 3] = ["ssh-", "ecdsa-", "sk-"];

/// An Ed25519 public key with its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(ssh_key::PublicKey);

/// A key's short name where a file or an object is named after it: 32 hexadecimal digits of the SHA-256 of
/// its fingerprint. The fingerprint itself is base64, whose slashes no file name may hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(String);

impl PublicKey {
    /// Reads the one line of a .pub file.
    ///
    /// # Errors
    /// [`Kind::Input`] when it is no key, or one of another kind than Ed25519.
    pub fn parse(line: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Kind::Input, "this is no public key of OpenSSH's")
                .remedy("give the one line of a .pub file, as in \"ssh-ed25519 AAAA… name\"")
        };
        // the parser wants one blank between the words, OpenSSH takes any number and tabs
        let (kind, rest) = word(line.trim());
        // by name and before the rest: most other kinds are compiled out of the parser
        match kind {
            KIND => {}
            kind if OTHER_KINDS.iter().any(|start| kind.starts_with(start)) => {
                return Err(other_kind(kind));
            }
            _ => return Err(wrong()),
        }
        let (data, comment) = word(rest);
        let line = format!("{kind} {data} {comment}");
        let key =
            ssh_key::PublicKey::from_openssh(line.trim_end()).map_err(|e| wrong().because(e))?;
        Self::new(key)
    }

    /// Reads a .pub file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = file::read(path, LARGEST, "cannot read the key")?;
        let text = String::from_utf8_lossy(&bytes);
        Self::parse(&text).map_err(|e| e.at(path))
    }

    pub(super) fn new(key: ssh_key::PublicKey) -> Result<Self> {
        let printable = |c: char| !c.is_control();
        match key.key_data() {
            KeyData::Ed25519(_) if key.comment().chars().all(printable) => Ok(Self(key)),
            KeyData::Ed25519(_) => {
                Err(Error::new(Kind::Input, "the key's comment holds a control character"))
            }
            _ => Err(other_kind(key.algorithm().as_str())),
        }
    }

    /// One that came out of a key which was checked.
    pub(super) fn of_checked(key: ssh_key::PublicKey) -> Self {
        Self(key)
    }

    pub(super) fn data(&self) -> &KeyData {
        self.0.key_data()
    }

    /// The comment: whose it is.
    pub fn comment(&self) -> &str {
        self.0.comment()
    }

    /// What `ssh-keygen -l` shows, as in "SHA256:…".
    pub fn fingerprint(&self) -> String {
        fingerprint(self.data())
    }

    /// The short name.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.data())
    }

    /// As programs read it that know nothing of OpenSSH, such as cosign: SubjectPublicKeyInfo in PEM.
    pub fn pem(&self) -> Result<String> {
        let KeyData::Ed25519(key) = self.data() else {
            return Err(other_kind(self.0.algorithm().as_str()));
        };
        let der = [&SPKI_ED25519[..], &key.0].concat();
        let text = Base64::encode_string(&der);
        Ok(format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"))
    }

    /// The line of a .pub file, without its end.
    pub fn line(&self) -> Result<String> {
        self.0.to_openssh().map_err(|e| Error::new(Kind::Input, "cannot write the key").because(e))
    }
}

/// The first word, and what follows the blanks after it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}

fn other_kind(kind: &str) -> Error {
    Error::new(Kind::Input, format!("keys of the kind {kind:?} are not taken"))
        .remedy("make an Ed25519 key with `slipway key new` or `ssh-keygen -t ed25519`")
}

/// A key's fingerprint as OpenSSH shows it.
pub(super) fn fingerprint(data: &KeyData) -> String {
    data.fingerprint(HashAlg::Sha256).to_string()
}

impl KeyId {
    pub(super) fn of(data: &KeyData) -> Self {
        let mut text = Digest::of(fingerprint(data)).to_string();
        text.truncate(32);
        Self(text)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
