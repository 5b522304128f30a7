//! The names of all packages in a list of archives: enough to spot a misspelt one in no time.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use super::State;
use crate::command;
use crate::error::{Context, Error, Kind, Result};
use crate::units::{Digest, Timestamp};
use crate::whole;

/// The first line of a list's file; the number is the version of the form.
const HEAD: &str = "slipway package names 1";
/// Below this likeness (Jaro-Winkler, 0 to 1) a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.9;

/// Names of packages, real and provided ones, and the date of the archives that have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The newest date of the archives' indexes.
    pub time: Timestamp,
    names: BTreeSet<String>,
}

impl Names {
    /// Names that are already known.
    pub fn new(time: Timestamp, names: impl IntoIterator<Item = String>) -> Self {
        Self { time, names: names.into_iter().collect() }
    }

    /// The names in a state's indexes.
    pub(crate) fn of(state: &State, time: Timestamp) -> Result<Self> {
        let mut ask = state.run("apt-cache");
        ask.arg("dumpavail").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ask.spawn().map_err(|e| command::cannot_start("apt-cache", "apt", e))?;
        let mut names = BTreeSet::new();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                let line = line.doing("cannot read what apt-cache says")?;
                names.extend(named(&String::from_utf8_lossy(&line)));
            }
        }
        let ended = child.wait_with_output().doing("cannot wait for apt-cache")?;
        command::check("apt-cache", &ended)?;
        match names.is_empty() {
            true => Err(Error::new(Kind::Tool, "the archives' indexes name no package")),
            false => Ok(Self { time, names }),
        }
    }

    /// Whether a package has the name, which may carry a version and an architecture.
    pub fn has(&self, package: &str) -> bool {
        self.names.contains(bare(package))
    }

    /// The name that is most like a package's, if one is like enough.
    pub fn nearest(&self, package: &str) -> Option<&str> {
        let package = bare(package);
        self.names
            .iter()
            .map(|name| (strsim::jaro_winkler(package, name), name))
            .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
            // of two that are equally like it, the one whose length is nearer
            .max_by(|(a, one), (b, other)| {
                let off = |name: &str| name.len().abs_diff(package.len());
                a.total_cmp(b).then(off(other).cmp(&off(one)))
            })
            .map(|(_, name)| name.as_str())
    }

    /// Reads a list that was kept; none when there is none, or when it is not as it was written.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => return Ok(None),
            text => text.at("cannot read the names of packages", path)?,
        };
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, names) = text.split_once('\n')?;
        let (time, sum) = head.strip_prefix(HEAD)?.trim_start().split_once(' ')?;
        (sum == Digest::of(names).to_string()).then_some(())?;
        Some(Self::new(time.parse().ok()?, names.lines().map(str::to_owned)))
    }

    /// Keeps the list.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let names: String = self.names.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
        let text = format!("{HEAD} {} {}\n{names}", self.time, Digest::of(&names));
        // a cache may be shared
        whole::replace(path, 0o644, text.as_bytes())
    }
}

/// A package's name without the version or the architecture that may follow it.
fn bare(package: &str) -> &str {
    package.split(['=', ':', '/']).next().unwrap_or(package)
}

/// The names in a line of a package's record: its own, or what it provides (Debian Policy 7.5).
fn named(line: &str) -> Vec<String> {
    if let Some(name) = line.strip_prefix("Package: ") {
        return vec![name.trim().to_owned()];
    }
    let provided = line.strip_prefix("Provides: ").unwrap_or_default();
    let words = provided.split(',').filter_map(|one| one.split_whitespace().next());
    words.map(|word| bare(word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let names = ["nodejs", "node-js-yaml", "nginx", "mail-transport-agent"];
        Names::new("2026-06-01T00:00:00Z".parse().unwrap(), names.map(str::to_owned))
    }

    #[test]
    fn a_records_lines_give_its_name_and_what_it_provides() {
        assert_eq!(named("Package: exim4"), ["exim4"]);
        assert_eq!(
            named("Provides: mail-transport-agent, mta (= 1.0), x:any"),
            ["mail-transport-agent", "mta", "x"]
        );
        assert!(named(" Provides: x").is_empty() && named("Depends: a").is_empty());
    }

    #[test]
    fn a_version_does_not_hide_a_name_and_a_slip_is_recognised() {
        let names = names();
        assert!(names.has("nginx=1.22.1-9") && names.has("nginx:amd64") && !names.has("nodejss"));
        assert_eq!(names.nearest("nodejss"), Some("nodejs"));
        assert_eq!(names.nearest("zebra"), None);
    }

    #[test]
    fn a_list_comes_back_as_it_was_kept_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        assert_eq!(Names::read(&path).unwrap(), None);
        names().write(&path).unwrap();
        assert_eq!(Names::read(&path).unwrap(), Some(names()));
        let text = std::fs::read_to_string(&path).unwrap().replace("nginx", "nginz");
        std::fs::write(&path, text).unwrap();
        assert_eq!(Names::read(&path).unwrap(), None);
    }
}
