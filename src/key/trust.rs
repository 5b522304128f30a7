//! The file of trusted keys: OpenSSH's allowed_signers, kept beside the profiles.

use std::fs;
use std::path::Path;

use super::allowed::Entry;
use super::{Distrust, KeyId, Namespace, PublicKey, Signature, Sites};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::units::{Digest, Timestamp};
use crate::whole;

/// The largest file that is read, in bytes: thousands of keys.
const LARGEST: u64 = 1 << 20;

/// Keys, and what each is trusted for.
#[derive(Clone, Debug, Default)]
pub struct Trust(pub(super) Vec<Line>);

#[derive(Clone, Debug)]
pub(super) enum Line {
    /// Boxed, for most lines of most files are short comments.
    Key(Box<Entry>),
    /// A comment or an empty line, kept as it is.
    Other(String),
}

/// A trusted key, for people to look at.
#[derive(Clone, Debug)]
pub struct Trusted<'a> {
    /// The key.
    pub key: &'a PublicKey,
    /// What it may publish for.
    pub sites: &'a Sites,
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
}

impl Trust {
    /// Reads the text of an allowed_signers file.
    ///
    /// # Errors
    /// [`Kind::Input`] with the line's number: a line that is not understood is never skipped.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with('#') {
                lines.push(Line::Other(line.to_owned()));
                continue;
            }
            let entry = Entry::parse(bare).map_err(|e| {
                let message = format!("line {} of the trusted keys is not valid", n + 1);
                Error::new(Kind::Input, message).because(e)
            })?;
            lines.push(Line::Key(Box::new(entry)));
        }
        Ok(Self(lines))
    }

    /// Reads the file; none is nobody's trust.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = match file::read(path, LARGEST, "cannot read the trusted keys") {
            Err(e) if e.kind() == Kind::NotFound => return Ok(Self::default()),
            read => read?,
        };
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::new(Kind::Input, "the file of trusted keys is not UTF-8").at(path)
        })?;
        Self::parse(&text).map_err(|e| e.at(path))
    }

    /// Writes the file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).at("cannot create the folder", folder)?;
        whole::replace(path, 0o644, self.text()?.as_bytes())
    }

    pub(crate) fn text(&self) -> Result<String> {
        let mut text = String::new();
        for line in &self.0 {
            match line {
                Line::Key(entry) => text.push_str(&entry.line()?),
                Line::Other(line) => text.push_str(line),
            }
            text.push('\n');
        }
        Ok(text)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter_map(|line| match line {
            Line::Key(entry) => Some(&**entry),
            Line::Other(_) => None,
        })
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.0.iter_mut().filter_map(|line| match line {
            Line::Key(entry) => Some(&mut **entry),
            Line::Other(_) => None,
        })
    }

    /// The keys, in the file's order.
    pub fn keys(&self) -> impl Iterator<Item = Trusted<'_>> {
        self.entries().map(|e| Trusted {
            key: &e.key,
            sites: &e.sites,
            from: e.after,
            until: e.before,
        })
    }

    /// Whether no key is trusted for the site, for anything, ever.
    pub fn is_empty_for(&self, site: &str) -> bool {
        !self.entries().any(|entry| entry.sites.hold(site))
    }

    /// The keys that are trusted at `now`.
    pub fn keys_for<'a>(
        &'a self,
        site: &'a str,
        namespace: Namespace,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a PublicKey> {
        let fits = move |e: &&Entry| admits(e, site, namespace, now, "").is_ok();
        self.entries().filter(fits).map(|e| &e.key)
    }

    /// Whether a key of that name is trusted at `now`.
    pub fn holds(&self, id: &KeyId, site: &str, namespace: Namespace, now: Timestamp) -> bool {
        self.keys_for(site, namespace, now).any(|key| key.id() == *id)
    }

    /// Proves that a key which is trusted at `now` for the site and the use signed bytes of this digest.
    ///
    /// The moment that counts is the reader's, never one that the signer wrote: whoever found a key that
    /// has ended could write any.
    pub fn verify(
        &self,
        site: &str,
        namespace: Namespace,
        digest: &Digest,
        signature: &Signature,
        now: Timestamp,
    ) -> Result<(), Distrust> {
        signature.check_use(namespace)?;
        let key = self.admitted(site, namespace, now, &signature.fingerprint())?;
        signature.check(key, namespace, digest)
    }

    /// The key of that fingerprint, if it is trusted at `now` for the site and the use.
    pub(super) fn admitted(
        &self,
        site: &str,
        namespace: Namespace,
        now: Timestamp,
        name: &str,
    ) -> Result<&PublicKey, Distrust> {
        let mut nearest = Distrust::UnknownKey { key: name.to_owned() };
        for entry in self.entries().filter(|e| e.key.fingerprint() == name) {
            match admits(entry, site, namespace, now, name) {
                Ok(()) => return Ok(&entry.key),
                Err(why) => nearest = nearest.max(why),
            }
        }
        Err(nearest)
    }
}

/// Whether an entry lets its key sign for the site now; `name` is for the message alone.
fn admits(
    entry: &Entry,
    site: &str,
    namespace: Namespace,
    now: Timestamp,
    name: &str,
) -> Result<(), Distrust> {
    let key = || name.to_owned();
    if !entry.sites.hold(site) {
        return Err(Distrust::OtherSite { key: key(), site: site.to_owned() });
    }
    if !entry.allows(namespace) {
        return Err(Distrust::OtherUse { key: key(), wanted: namespace.as_str() });
    }
    match (entry.after, entry.before) {
        (Some(from), _) if now < from => Err(Distrust::TooEarly { key: key(), from }),
        (_, Some(since)) if now >= since => Err(Distrust::Ended { key: key(), since }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::SecretKey;
    use super::*;

    const NOW: Timestamp = Timestamp { seconds: 1_800_000_000, nanos: 0 };

    fn sites(names: &[&str]) -> Sites {
        Sites::named(names.iter().copied()).unwrap()
    }

    #[test]
    fn each_way_of_not_being_trusted_has_its_reason() {
        let (ours, other) = (SecretKey::generate("a").unwrap(), SecretKey::generate("b").unwrap());
        let mut trust = Trust::default();
        trust.add(ours.public(), sites(&["demo"]));
        let digest = Digest::of("x");
        let sign = |key: &SecretKey| key.sign(Namespace::Bundle, &digest).unwrap();
        let check = |trust: &Trust, site: &str, space, digest: &Digest, sig: &Signature| {
            trust.verify(site, space, digest, sig, NOW)
        };
        let good = sign(&ours);
        check(&trust, "demo", Namespace::Bundle, &digest, &good).unwrap();
        let says = |result: Result<(), Distrust>| result.unwrap_err().to_string();
        let theirs = sign(&other);
        let said = says(check(&trust, "demo", Namespace::Bundle, &digest, &theirs));
        assert!(said.ends_with("which is not trusted"), "{said}");
        let said = says(check(&trust, "acme", Namespace::Bundle, &digest, &good));
        assert!(said.contains("not trusted for the site acme"), "{said}");
        let said = says(check(&trust, "demo", Namespace::Pointer, &digest, &good));
        assert!(said.contains("made for \"slipway-bundle\""), "{said}");
        let said = says(check(&trust, "demo", Namespace::Bundle, &Digest::of("y"), &good));
        assert!(said.contains("one of other bytes"), "{said}");
        trust.end(&ours.public(), NOW).unwrap();
        let said = says(check(&trust, "demo", Namespace::Bundle, &digest, &good));
        assert!(said.contains("was trusted until 2027-01-15"), "{said}");
    }
}
