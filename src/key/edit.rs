//! Changing whom we trust: a new key, a rotation, an end. Nothing here writes a file.

use super::allowed::Entry;
use super::trust::Line;
use super::{Namespace, PublicKey, Sites, Trust};
use crate::error::{Error, Kind, Result};
use crate::units::Timestamp;

/// Explains a file that we begin.
const HEAD: &str = "\
# Who may publish, one key a line: sites, uses, key. Written by `slipway key trust` and `slipway key rotate`;
# ssh-keygen -Y verify reads it too. Whoever can change this file decides what images are built from.
";

impl Trust {
    /// A file that begins: it says what it is for, and trusts nobody.
    pub fn begun() -> Self {
        Self(HEAD.lines().map(|line| Line::Other(line.to_owned())).collect())
    }

    /// Trusts a key for sites, for everything that slipway signs; says whether that was news.
    ///
    /// A line with a beginning, an end or fewer uses is somebody's decision and stays as it is.
    pub fn add(&mut self, key: PublicKey, sites: Sites) -> bool {
        let every_use = |e: &Entry| Namespace::ALL.iter().all(|n| e.allows(*n));
        let open = |e: &&mut Entry| {
            e.key.id() == key.id() && e.before.is_none() && e.after.is_none() && every_use(e)
        };
        if let Some(entry) = self.entries_mut().find(open) {
            return entry.sites.extend(&sites);
        }
        if self.0.is_empty() {
            *self = Self::begun();
        }
        self.0.push(Line::Key(Box::new(Entry::new(key, sites))));
        true
    }

    /// Trusts `new` for everything that `old` is trusted for at `now` or later, and not a day longer: who
    /// was trusted until a day cannot be trusted for ever by having another key.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the trust in `old` has ended.
    pub fn succeed(&mut self, old: &PublicKey, new: &PublicKey, now: Timestamp) -> Result<()> {
        let (id, heir_id) = (old.id(), new.id());
        let there: Vec<Entry> = self.entries().filter(|e| e.key.id() == heir_id).cloned().collect();
        let living: Vec<&Entry> =
            self.entries().filter(|e| e.key.id() == id && !e.has_ended(now)).collect();
        if living.is_empty() {
            let message = format!("the trust in {} has ended", old.fingerprint());
            return Err(Error::new(Kind::Refused, message).remedy(
                "if the vendor says that the new key is theirs: slipway key trust FILE --site SITE",
            ));
        }
        let heirs = living.into_iter().map(|e| Entry { key: new.clone(), ..e.clone() });
        let heirs: Vec<_> = heirs.filter(|heir| !there.contains(heir)).collect();
        self.0.extend(heirs.into_iter().map(|heir| Line::Key(Box::new(heir))));
        Ok(())
    }

    /// Ends the trust in a key at a moment; where it ends before, that stays.
    ///
    /// # Errors
    /// [`Kind::Refused`] when all of it ends before.
    pub fn end(&mut self, key: &PublicKey, at: Timestamp) -> Result<()> {
        let mut nearer = false;
        for entry in self.entries_mut().filter(|e| e.key.id() == key.id()) {
            if entry.before.is_none_or(|before| at < before) {
                entry.before = Some(at);
                nearer = true;
            }
        }
        match nearer {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Refused,
                format!("the trust in {} ends at {at} or before already", key.fingerprint()),
            )
            .remedy("an end only ever moves earlier; see `slipway key list`")),
        }
    }

    /// When the trust in a key ends at last; none where it does not.
    pub fn end_of(&self, key: &PublicKey) -> Option<Timestamp> {
        let ends = self.entries().filter(|e| e.key.id() == key.id()).map(|e| e.before);
        // none is later than every day
        ends.max_by_key(|end| (end.is_none(), *end)).flatten()
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
    use super::super::SecretKey;
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
        trust.succeed(&old.public(), &new.public(), NOW).unwrap();
        trust.succeed(&old.public(), &new.public(), NOW).unwrap();
        trust.end(&old.public(), Timestamp::from_seconds(NOW.seconds + 10)).unwrap();
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
    fn an_end_never_moves_later_and_what_ended_is_not_inherited() {
        let (old, new) = (SecretKey::generate("old").unwrap(), SecretKey::generate("new").unwrap());
        let at = |days: i64| Timestamp::from_seconds(NOW.seconds + days * 86_400);
        let mut trust = Trust::default();
        trust.add(old.public(), sites(&["gone"]));
        trust.end(&old.public(), at(-10)).unwrap();
        assert_eq!(trust.end(&old.public(), at(10)).unwrap_err().kind(), Kind::Refused);
        let refused = trust.succeed(&old.public(), &new.public(), NOW).unwrap_err();
        assert_eq!(refused.kind(), Kind::Refused, "{refused:?}");

        trust.add(old.public(), sites(&["here"]));
        trust.end(&old.public(), at(20)).unwrap();
        trust.end(&old.public(), at(10)).unwrap();
        trust.succeed(&old.public(), &new.public(), NOW).unwrap();
        // nor by succeeding oneself
        trust.succeed(&old.public(), &old.public(), NOW).unwrap();
        let trusts = |site: &str, days| {
            let keys = trust.keys_for(site, Namespace::Bundle, at(days));
            keys.map(|k| k.comment().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(trusts("gone", -11), ["old"]);
        assert!(trusts("gone", -9).is_empty() && trusts("gone", 0).is_empty());
        assert_eq!(trusts("here", 9), ["old", "new"]);
        assert!(trusts("here", 10).is_empty());
        assert_eq!(trust.end_of(&new.public()), Some(at(10)));
    }

    #[test]
    fn a_key_that_was_trusted_for_pointers_alone_stays_so_where_it_was() {
        let key = SecretKey::generate("a").unwrap().public();
        let line = key.line().unwrap();
        let text = format!("demo namespaces=\"slipway-pointer\" {line}\n");
        let mut trust = Trust::parse(&text).unwrap();
        assert!(trust.add(key.clone(), sites(&["acme"])));
        assert!(trust.holds(&key.id(), "acme", Namespace::Bundle, NOW));
        assert!(!trust.holds(&key.id(), "demo", Namespace::Bundle, NOW));
        assert!(trust.text().unwrap().starts_with(&text));
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
