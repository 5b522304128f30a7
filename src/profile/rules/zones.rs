//! The time zone database's names, as a table: this machine's own database says nothing about the
//! image.

use super::{Complaint, Verdict};

/// Every name of the database 2026f, one per line. A name that is kept only for old systems is
/// followed by the one used today. The list is that of Debian 13's tzdata and tzdata-legacy; Debian
/// 12's tzdata has the same names in one package.
const TABLE: &str = include_str!("zones.txt");

/// The package that has the old names, where the distribution keeps them apart.
pub(in crate::profile) const OLD_NAMES: &str = "tzdata-legacy";

/// The number of edits in a slip of the finger.
const SLIPS: usize = 1;

/// Every name, and for an old one today's name.
fn all() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    TABLE.lines().map(|line| match line.split_once(' ') {
        Some((old, today)) => (old, Some(today)),
        None => (line, None),
    })
}

/// Every name, including old ones.
pub(in crate::profile) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _)| name)
}

/// Today's name of a zone that has an old one.
pub(in crate::profile) fn replacement(name: &str) -> Option<&'static str> {
    all().find(|(known, _)| *known == name)?.1
}

/// A name of the table.
pub(super) fn time_zone(text: &str) -> Verdict {
    if names().any(|name| name == text) {
        return Ok(());
    }
    let label = match meant(text) {
        Some(name) => format!("write \"{name}\""),
        None => "not a name of the time zone database".to_owned(),
    };
    Err(Complaint::new("this is not a time zone", label).help(
        "zones are named by a large city of the country, as in \"Europe/Berlin\" for all of Germany; \
         \"UTC\" has no summer time",
    ))
}

/// The zone that was meant: in another case, with blanks, by its city alone, or with a slip of the
/// finger. A name that is merely similar is no suggestion: Munich is not in Zurich's zone.
fn meant(text: &str) -> Option<&'static str> {
    let plain = |name: &str| name.trim().to_lowercase().replace([' ', '-'], "_");
    let wanted = plain(text);
    let today = |(name, today): (&'static str, Option<&'static str>)| today.unwrap_or(name);
    let city = |name: &str| plain(name.rsplit('/').next().unwrap_or(name));
    all()
        .find(|(name, _)| plain(name) == wanted)
        .or_else(|| all().find(|(name, _)| !wanted.contains('/') && city(name) == wanted))
        .or_else(|| {
            // shorter ones are abbreviations, and nobody types "CEST" by mistake for "CET"
            let long = wanted.len() > 4;
            all().find(|(name, _)| long && strsim::osa_distance(&plain(name), &wanted) <= SLIPS)
        })
        .map(today)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_old_name_has_one_of_today() {
        let all: Vec<_> = all().collect();
        assert!(all.is_sorted_by(|a, b| a.0 < b.0));
        for (old, today) in all.iter().filter_map(|(name, today)| Some((name, (*today)?))) {
            assert!(all.contains(&(today, None)), "{old}: {today}");
        }
    }

    #[test]
    fn a_zone_is_recognised_by_its_city_and_in_any_case() {
        for (written, zone) in [
            ("europe/berlin", "Europe/Berlin"),
            ("Berlin", "Europe/Berlin"),
            ("America/New York", "America/New_York"),
            ("new york", "America/New_York"),
            ("Europe/Belin", "Europe/Berlin"),
            ("us/eastern", "America/New_York"),
            ("Kiev", "Europe/Kyiv"),
        ] {
            assert_eq!(meant(written), Some(zone), "{written}");
        }
        for written in ["Europe/Munich", "Europe", "", "CEST", "+01:00", "W. Europe Standard Time"]
        {
            assert_eq!(meant(written), None, "{written}");
        }
    }
}
