//! A person's own keys: a folder, one file a key.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::secret::{self, public_path};
use super::{Passphrase, PublicKey, SecretKey};
use crate::error::{Context, Error, Kind, Result};
use crate::file;

/// The folder of a person's private keys.
#[derive(Clone, Debug)]
pub struct Keyring(PathBuf);

/// One key of a keyring.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its name, which is the file's.
    pub name: String,
    /// Its public half.
    pub public: PublicKey,
}

impl Keyring {
    /// The keys in a folder, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Makes a key of that name; gives where it lies.
    pub fn make(
        &self,
        name: &str,
        passphrase: Option<&Passphrase>,
    ) -> Result<(PathBuf, PublicKey)> {
        let path = self.path(name)?;
        let mut private = fs::DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(&self.0).at("cannot create the folder", &self.0)?;
        let key = SecretKey::generate(name)?;
        key.save(&path, passphrase)?;
        Ok((path, key.public()))
    }

    /// Completes the key of that name if its maker was killed before its public half was written; gives where it
    /// lies, and none where there is no half of one.
    ///
    /// The private half is kept: it may as well be one that somebody put there without its other half.
    pub fn complete(&self, name: &str) -> Result<Option<(PathBuf, PublicKey)>> {
        let path = self.path(name)?;
        if file::look(&path)?.is_none() || file::look(&public_path(&path))?.is_some() {
            return Ok(None);
        }
        let public = secret::complete(&path)?;
        Ok(Some((path, public)))
    }

    /// Where the key of that name lies, or would.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
        let odd = name.starts_with(['.', '-']) || name.ends_with(".pub");
        if name.is_empty() || odd || !name.bytes().all(allowed) {
            return Err(Error::new(Kind::Input, format!("{name:?} cannot be a key's name"))
                .remedy("use letters, digits, hyphens, underscores, dots and @"));
        }
        Ok(self.0.join(name))
    }

    /// All keys, by name.
    pub fn list(&self) -> Result<Vec<Stored>> {
        let entries = match fs::read_dir(&self.0) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found.at("cannot list", &self.0)?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.at("cannot list", &self.0)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // a key has both halves; one alone is a key that is being made, or none of ours
            if self.path(&name).is_ok() && file::is_file(&public_path(&path))? {
                let public = PublicKey::read(&public_path(&path))?;
                all.push(Stored { name, public });
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// The key that is meant when none is named.
    ///
    /// # Errors
    /// [`Kind::NotFound`] without any, [`Kind::Input`] when there are several.
    pub fn only(&self) -> Result<PathBuf> {
        let names: Vec<String> = self.list()?.into_iter().map(|key| key.name).collect();
        match names.as_slice() {
            [name] => self.path(name),
            [] => {
                Err(Error::new(Kind::NotFound, "there is no key to sign with").at(&self.0).remedy(
                    "make one with `slipway key new NAME`, or name a key file in SLIPWAY_KEY_FILE",
                ))
            }
            _ => Err(Error::new(Kind::Input, "there are several keys to sign with")
                .at(&self.0)
                .remedy(format!("choose one with --key: {}", names.join(", ")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_or_look_like_options_are_refused() {
        let ring = Keyring::new("/keys".into());
        for bad in ["", "../x", "a/b", "-f", ".hidden", "a b", "x.pub", "a\n"] {
            assert!(ring.path(bad).is_err(), "{bad:?}");
        }
        assert_eq!(ring.path("ci@vendor").unwrap(), Path::new("/keys/ci@vendor"));
    }

    #[test]
    fn a_key_whose_maker_was_killed_is_completed_and_no_other_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::new(folder.path().join("keys"));
        assert!(ring.complete("ci").unwrap().is_none());
        let secret = Passphrase::new("a passphrase".to_owned());
        for passphrase in [None, Some(&secret)] {
            let name = passphrase.map_or("plain", |_| "locked");
            let (path, public) = ring.make(name, passphrase).unwrap();
            let (private, half) = (fs::read(&path).unwrap(), fs::read(public_path(&path)).unwrap());
            assert!(ring.complete(name).unwrap().is_none());
            fs::remove_file(public_path(&path)).unwrap();
            let (_, again) = ring.complete(name).unwrap().unwrap();
            assert_eq!(again.fingerprint(), public.fingerprint());
            assert_eq!(fs::read(&path).unwrap(), private);
            assert_eq!(fs::read(public_path(&path)).unwrap(), half);
        }
        fs::write(ring.path("other").unwrap(), "no key").unwrap();
        assert!(ring.complete("other").is_err());
    }

    #[test]
    fn the_only_key_is_meant_and_of_several_none() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::new(folder.path().join("keys"));
        assert_eq!(ring.only().unwrap_err().kind(), Kind::NotFound);
        let (path, _) = ring.make("one", None).unwrap();
        assert_eq!(ring.only().unwrap(), path);
        ring.make("two", None).unwrap();
        let error = ring.only().unwrap_err();
        assert!(error.find_remedy().unwrap().contains("one, two"), "{error:?}");
    }
}
