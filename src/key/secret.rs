//! Private keys: OpenSSH's files, encrypted by a passphrase unless somebody decided otherwise.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};
use zeroize::Zeroizing;

use super::{Namespace, PublicKey, Signature, dsse};
use crate::error::{Context, Error, Kind, Result};
use crate::units::Digest;
use crate::whole;

/// The largest private key file that is read, in bytes; they have about 400.
const LARGEST: u64 = 64 * 1024;
/// Permission bits that let others than the owner at it.
const OTHERS: u32 = 0o077;

/// What a private key is encrypted with. It is never shown, and wiped from memory when it is done with.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes it over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Reads the first line of a file that nobody else may read.
    pub fn read(path: &Path) -> Result<Self> {
        let text = Zeroizing::new(read_private(path, "the passphrase's file")?);
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(Error::new(Kind::Input, "the passphrase's file is empty").at(path));
        }
        Ok(Self::new(line.to_owned()))
    }
}

/// A private key, decrypted. It has no `Debug`: nothing of it may reach a log.
pub struct SecretKey(PrivateKey);

impl SecretKey {
    /// Makes a key from the operating system's randomness.
    pub fn generate(comment: &str) -> Result<Self> {
        let cannot = |e| Error::new(Kind::Tool, "cannot make a key").because(e);
        let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(cannot)?;
        key.set_comment(comment);
        Ok(Self(key))
    }

    /// Reads a private key; `passphrase` is asked only where the file is encrypted.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a file that others may read, or a wrong passphrase.
    pub fn read(path: &Path, passphrase: &mut dyn FnMut() -> Result<Passphrase>) -> Result<Self> {
        let text = Zeroizing::new(read_private(path, "the key")?);
        let key = PrivateKey::from_openssh(text.as_str()).map_err(|e| {
            Error::new(Kind::Input, "this is no private key of OpenSSH's")
                .at(path)
                .remedy("make one with `slipway key new`")
                .because(e)
        })?;
        let key = if key.is_encrypted() {
            let passphrase = passphrase()?;
            // the crate's error is left out: it cannot tell a wrong passphrase from a damaged file
            key.decrypt(passphrase.0.as_bytes()).map_err(|_| {
                Error::new(Kind::Refused, "the passphrase does not open the key").at(path)
            })?
        } else {
            key
        };
        PublicKey::new(key.public_key().clone()).map_err(|e| e.at(path))?;
        Ok(Self(key))
    }

    /// Writes the key to a new file, and its public half beside it with `.pub`.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the file is there already: a key that is gone cannot be made again.
    pub fn save(&self, path: &Path, passphrase: Option<&Passphrase>) -> Result<()> {
        let cannot = |e| Error::new(Kind::Tool, "cannot encrypt the key").because(e);
        let text = match passphrase {
            Some(secret) => {
                let encrypted = self.0.encrypt(&mut OsRng, secret.0.as_bytes()).map_err(cannot)?;
                encrypted.to_openssh(LineEnding::LF)
            }
            None => self.0.to_openssh(LineEnding::LF),
        }
        .map_err(cannot)?;
        write_new(path, text.as_bytes(), 0o600)?;
        let public = format!("{}\n", self.public().line()?);
        write_new(&public_path(path), public.as_bytes(), 0o644)
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        // every way to make one has checked that it is of the only kind
        PublicKey::of_checked(self.0.public_key().clone())
    }

    /// Signs bytes that have this digest.
    pub fn sign(&self, namespace: Namespace, digest: &Digest) -> Result<Signature> {
        Signature::make(&self.0, namespace, digest)
    }

    /// Signs a statement of this kind (a media type); gives its DSSE envelope.
    pub fn seal(&self, kind: &str, payload: &[u8]) -> Result<String> {
        dsse::seal(&self.0, self.public().fingerprint(), kind, payload)
    }
}

/// Writes the public half of a private key whose maker was killed before it did. An OpenSSH file has it in clear.
pub(super) fn complete(path: &Path) -> Result<PublicKey> {
    let text = Zeroizing::new(read_private(path, "the key")?);
    let key = PrivateKey::from_openssh(text.as_str()).map_err(|e| {
        Error::new(Kind::Refused, "something else has the key's name").at(path).because(e)
    })?;
    let mut public = key.public_key().clone();
    // of an encrypted key the comment, which is its name, is encrypted too
    public.set_comment(path.file_name().unwrap_or_default().to_string_lossy());
    let public = PublicKey::new(public).map_err(|e| e.at(path))?;
    write_new(&public_path(path), format!("{}\n", public.line()?).as_bytes(), 0o644)?;
    Ok(public)
}

/// Where a private key's public half lies.
pub(super) fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

fn read_private(path: &Path, what: &str) -> Result<String> {
    let cannot = format!("cannot read {what}");
    let file = fs::File::open(path).at(&cannot, path)?;
    // the open file's own mode: the name may mean another one by now
    let meta = file.metadata().at(&cannot, path)?;
    if meta.is_file() && meta.mode() & OTHERS != 0 {
        let mode = meta.mode() & 0o777;
        return Err(Error::new(Kind::Refused, format!("others may read {what} (mode {mode:04o})"))
            .at(path)
            .remedy(format!("chmod 600 {}", path.display())));
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(file, LARGEST), &mut text)
        .at(&cannot, path)?;
    Ok(text)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    if whole::create(path, mode, bytes)? {
        return Ok(());
    }
    Err(Error::new(Kind::Refused, "this file exists already, and is not overwritten")
        .at(path)
        .remedy("choose another name"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn open(path: &Path, passphrase: &str) -> Result<SecretKey> {
        SecretKey::read(path, &mut || Ok(Passphrase::new(passphrase.to_owned())))
    }

    #[test]
    fn an_encrypted_key_opens_with_its_passphrase_alone_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ci");
        let key = SecretKey::generate("ci").unwrap();
        key.save(&path, Some(&Passphrase::new("correct horse".to_owned()))).unwrap();
        assert_eq!(open(&path, "correct horse").unwrap().public(), key.public());
        assert_eq!(open(&path, "wrong").err().unwrap().kind(), Kind::Refused);
        assert_eq!(key.save(&path, None).unwrap_err().kind(), Kind::Refused);
        assert_eq!(PublicKey::read(&public_path(&path)).unwrap(), key.public());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ci");
        SecretKey::generate("ci").unwrap().save(&path, None).unwrap();
        open(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = open(&path, "").err().unwrap();
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.find_remedy().unwrap().starts_with("chmod 600"), "{error:?}");
    }
}
