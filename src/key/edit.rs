//! Changing whom we trust: a new key, a rotation, an end. Nothing here writes a file.

use super::allowed::Entry;
use super::trust::Line;
use super::{PublicKey, Sites, Trust};
use crate::error::{Error, Kind, Result};
use crate::units::Timestamp;

/// Explains a file that we begin.
const HEAD: &str = "\
# Who may publish, one key a line: sites, uses, key. Written by `slipway key trust` and `slipway key rotate`;
# ssh-keygen -Y verify reads it too. Whoever can change this file decides what images are built from.
";

impl Trust {
    /// Trusts a key for sites, for everything that slipway signs; says whether that was news.
    pub fn add(&mut self, key: PublicKey, sites: Sites) -> bool {
        let open =
            |e: &&mut Entry| e.key.id() == key.id() && e.before.is_none() && e.after.is_none();
        if let Some(entry) = self.entries_mut().find(open) {
            return entry.sites.extend(&sites);
        }
        if self.0.is_empty() {
            self.0.extend(HEAD.lines().map(|line| Line::Other(line.to_owned())));
        }
        self.0.push(Line::Key(Box::new(Entry::new(key, sites))));
        true
    }

    /// Trusts `new` for everything that `old` is trusted for.
    pub fn succeed(&mut self, old: &PublicKey, new: &PublicKey) {
        let (old, id) = (old.id(), new.id());
        let there: Vec<Entry> = self.entries().filter(|e| e.key.id() == id).cloned().collect();
        let heirs = self.entries().filter(|e| e.key.id() == old).map(|e| Entry {
            key: new.clone(),
            before: None,
            ..e.clone()
        });
        let heirs: Vec<_> = heirs.filter(|heir| !there.contains(heir)).collect();
        self.0.extend(heirs.into_iter().map(|heir| Line::Key(Box::new(heir))));
    }

    /// Ends the trust in a key at a moment.
    pub fn end(&mut self, key: &PublicKey, at: Timestamp) {
        self.entries_mut().filter(|e| e.key.id() == key.id()).for_each(|e| e.before = Some(at));
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &PublicKey) {
        self.0.retain(|line| !matches!(line, Line::Key(e) if e.key.id() == key.id()));
    }

    /// The key that a person means by a comment or a fingerprint.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none, [`Kind::Input`] when several are meant.
    pub fn find(&self, wanted: &str) -> Result<PublicKey> {
        let meant = |e: &&Entry| e.key.comment() == wanted || e.key.fingerprint() == wanted;
        let mut found: Vec<&PublicKey> = self.entries().filter(meant).map(|e| &e.key).collect();
        found.dedup_by_key(|key| key.id());
        match found.as_slice() {
            [key] => Ok((*key).clone()),
            [] => Err(Error::new(Kind::NotFound, format!("no trusted key is named {wanted:?}"))
                .remedy("`slipway key list` shows their names and fingerprints")),
            _ => Err(Error::new(Kind::Input, format!("several trusted keys are named {wanted:?}"))
                .remedy("give the fingerprint, see `slipway key list`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Namespace, SecretKey};
    use super::*;

    const NOW: Timestamp = Timestamp { seconds: 1_800_000_000, nanos: 0 };

    fn sites(names: &[&str]) -> Sites {
        Sites::named(names.iter().copied()).unwrap()
    }

    #[test]
    fn during_a_rotation_both_keys_are_trusted_and_afterwards_one() {
        let (old, new) = (SecretKey::generate("old").unwrap(), SecretKey::generate("new").unwrap());
        let mut trust = Trust::default();
        trust.add(old.public(), sites(&["demo", "acme"]));
        trust.succeed(&old.public(), &new.public());
        trust.succeed(&old.public(), &new.public());
        trust.end(&old.public(), Timestamp::from_seconds(NOW.seconds + 10));
        let trust = Trust::parse(&trust.text().unwrap()).unwrap();
        let names = |seconds| -> Vec<String> {
            let now = Timestamp::from_seconds(seconds);
            trust
                .keys_for("acme", Namespace::Pointer, now)
                .map(|k| k.comment().to_owned())
                .collect()
        };
        assert_eq!(names(NOW.seconds), ["old", "new"]);
        assert_eq!(names(NOW.seconds + 10), ["new"]);
    }

    #[test]
    fn a_file_keeps_its_comments_and_a_wrong_line_is_named() {
        let key = SecretKey::generate("a").unwrap().public().line().unwrap();
        let text = format!("# ours\n\ndemo {key}\n");
        let mut trust = Trust::parse(&text).unwrap();
        assert!(trust.add(PublicKey::parse(&key).unwrap(), sites(&["acme"])));
        assert!(!trust.add(PublicKey::parse(&key).unwrap(), sites(&["acme"])));
        assert_eq!(trust.text().unwrap(), text.replace("demo ", "acme,demo "));
        let error = Trust::parse(&format!("{text}what is this\n")).unwrap_err();
        assert!(error.to_string().contains("line 4"), "{error}");
    }
}
