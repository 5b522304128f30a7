//! How long each step took the last time, so that the next run can say what to wait for.
//!
//! It is a help and no record: a file that cannot be read or written costs the help and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::whole;

/// The file's name in the cache.
const FILE: &str = "steps.json";
/// Shorter steps are neither kept nor announced.
const SHORTEST: Duration = Duration::from_secs(5);
/// The most steps that are kept: names of modules and apps change for years.
const MOST: usize = 500;
/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// What a step took, in seconds, by [`kind`].
#[derive(Debug, Default)]
pub(super) struct Estimates {
    file: Option<PathBuf>,
    seconds: BTreeMap<String, f64>,
    changed: bool,
}

impl Estimates {
    /// Reads what a cache folder has.
    pub fn read(cache: &Path) -> Self {
        let file = cache.join(FILE);
        let short = std::fs::metadata(&file).is_ok_and(|found| found.len() <= LONGEST);
        let text = if short { std::fs::read(&file).unwrap_or_default() } else { Vec::new() };
        let seconds = serde_json::from_slice(&text).unwrap_or_default();
        Self { file: Some(file), seconds, changed: false }
    }

    /// How long a step will take, where that is known and long enough to be told.
    pub fn of(&self, step: &str) -> Option<Duration> {
        let seconds = self.seconds.get(&kind(step))?;
        Duration::try_from_secs_f64(*seconds).ok().filter(|known| *known >= SHORTEST)
    }

    /// Keeps what a step took.
    pub fn learn(&mut self, step: &str, took: Duration) {
        let kind = kind(step);
        let known = self.seconds.contains_key(&kind);
        if known || (took >= SHORTEST && self.seconds.len() < MOST) {
            self.seconds.insert(kind, took.as_secs_f64().round());
            self.changed = true;
        }
    }

    /// Writes what was learnt; two runs at once write one after the other, and the later one counts.
    pub fn write(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| std::mem::take(&mut self.changed)) else {
            return;
        };
        let there = file.parent().is_some_and(Path::is_dir);
        if let (true, Ok(text)) = (there, serde_json::to_vec_pretty(&self.seconds)) {
            // a help, as said above
            let _ = whole::replace(file, 0o666, &text);
        }
    }
}

/// What one run's step has in common with the next one's: paths are their extensions, versions and digests are `#`.
fn kind(step: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(',');
        match bare.rsplit_once('.') {
            Some((_, extension)) if bare.contains('/') => format!(".{extension}"),
            _ if bare.contains('+') || is_number(bare) => "#".to_owned(),
            _ => bare.to_owned(),
        }
    };
    step.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// A count, a version or a digest.
fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_hexdigit() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_two_releases_are_of_one_kind_and_of_two_formats_of_two() {
        assert_eq!(kind("assembling demo-1.0.0+b1-9b15daed"), kind("assembling demo-2+b7-00aa"));
        assert_eq!(
            kind("writing /a/demo-1.qcow2, /a/demo-1.ova"),
            kind("writing /b/x.qcow2, /b/x.ova")
        );
        assert_ne!(kind("writing /a/demo-1.vhd"), kind("writing /a/demo-1.raw"));
        assert_ne!(kind("base debian-12: unpacking"), kind("base debian-13: unpacking"));
        assert_eq!(kind("module puppetlabs-stdlib 9.1.0"), "module puppetlabs-stdlib #");
    }

    #[test]
    fn what_a_step_took_is_known_to_the_next_run() {
        let cache = tempfile::tempdir().unwrap();
        let mut estimates = Estimates::read(cache.path());
        assert_eq!(estimates.of("packing ui 1.2.3"), None);
        estimates.learn("packing ui 1.2.3", Duration::from_secs(40));
        estimates.learn("checking", Duration::from_secs(1));
        estimates.write();
        let next = Estimates::read(cache.path());
        assert_eq!(next.of("packing ui 1.3.0"), Some(Duration::from_secs(40)));
        assert_eq!(next.of("checking"), None);
    }

    #[test]
    fn a_file_of_nonsense_costs_the_estimates_and_nothing_else() {
        let cache = tempfile::tempdir().unwrap();
        for text in ["{", "[1]", "{\"checking\": -1e300}", "{\"checking\": 1e300}"] {
            std::fs::write(cache.path().join(FILE), text).unwrap();
            assert_eq!(Estimates::read(cache.path()).of("checking"), None, "{text}");
        }
    }
}
