//! Chooses the mirror of each archive, and learns the archives' dates.

use std::path::Path;
use std::process::Command;

use super::{Archive, Definition};
use crate::command;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::Timestamp;

/// apt's own downloader: it uses the proxies and certificates that apt is configured with.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// An archive and the mirror that is used for it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The mirror, or the snapshot.
    pub mirror: String,
    /// Whether this is an old state, whose period of validity is over.
    pub snapshot: bool,
}

/// The first mirror of every archive that answers, and the newest date of all indexes. `skip`
/// rotates the lists, so that a mirror that failed in the middle of a build is asked last.
///
/// apt verifies the indexes' signatures; only the date is read from them here.
pub fn choose<'a>(
    definition: &'a Definition,
    skip: usize,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<(Vec<Chosen<'a>>, Timestamp)> {
    let mut chosen = Vec::new();
    let mut newest = Timestamp::default();
    for archive in &definition.archives {
        let (mirror, date) = answering(definition, archive, skip, scratch, progress)?;
        newest = newest.max(date);
        chosen.push(Chosen { archive, mirror, snapshot: definition.snapshot.is_some() });
    }
    Ok((chosen, newest))
}

fn answering(
    definition: &Definition,
    archive: &Archive,
    skip: usize,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<(String, Timestamp)> {
    let mirrors = addresses(definition, archive)?;
    let mut last = None;
    for i in 0..mirrors.len() {
        progress.go_on()?;
        let mirror = &mirrors[(i + skip) % mirrors.len()];
        match newest_date(mirror, archive, scratch) {
            Ok(date) => return Ok((mirror.clone(), date)),
            Err(e) => {
                progress.note(&format!("{mirror} does not answer, trying the next mirror"));
                last = Some(e);
            }
        }
    }
    let failure = Error::new(Kind::Network, format!("no mirror answers: {}", mirrors.join(", ")))
        .remedy("check the network and apt's proxy, or add a mirror to the base's definition");
    Err(match last {
        Some(e) => failure.because(e),
        None => failure,
    })
}

fn addresses(definition: &Definition, archive: &Archive) -> Result<Vec<String>> {
    let (Some(time), Some(snapshots)) = (&definition.snapshot, &archive.snapshots) else {
        return Ok(archive.mirrors.clone());
    };
    let stamp: String = time
        .parse::<Timestamp>()?
        .to_string()
        .chars()
        .filter(|c| !matches!(c, '-' | ':'))
        .collect();
    Ok(vec![format!("{}/{stamp}", snapshots.trim_end_matches('/'))])
}

fn newest_date(mirror: &str, archive: &Archive, scratch: &Path) -> Result<Timestamp> {
    let mut newest = Timestamp::default();
    for suite in &archive.suites {
        let url = format!("{}/dists/{suite}/InRelease", mirror.trim_end_matches('/'));
        newest = newest.max(release_date(&fetch(&url, scratch)?, &url)?);
    }
    Ok(newest)
}

fn fetch(url: &str, scratch: &Path) -> Result<String> {
    if let Some(path) = url.strip_prefix("file://") {
        return std::fs::read_to_string(path).at("cannot read the archive's index", path);
    }
    let target = scratch.join("InRelease");
    let mut helper = Command::new(HELPER);
    helper.args(["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"]);
    helper.args(["-o", "Acquire::https::Timeout=20", "download-file", url]).arg(&target);
    let result = helper
        .env("LC_ALL", "C.UTF-8")
        .output()
        .map_err(|e| command::cannot_start("apt-helper", "apt", e))?;
    command::check("apt-helper", &result)?;
    let text = std::fs::read(&target).at("cannot read", &target)?;
    std::fs::remove_file(&target).at("cannot remove", &target)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The `Date:` of an InRelease file (RFC 2822, with the zone named UTC; some tools write the hour
/// with one digit).
pub(crate) fn release_date(text: &str, url: &str) -> Result<Timestamp> {
    let date = text.lines().find_map(|line| line.strip_prefix("Date:")).unwrap_or_default();
    let words = date.split_whitespace().map(|word| match word {
        "UTC" => "GMT".to_owned(),
        word if word.find(':') == Some(1) => format!("0{word}"),
        word => word.to_owned(),
    });
    let moment = jiff::fmt::rfc2822::parse(&words.collect::<Vec<_>>().join(" ")).map_err(|e| {
        Error::new(Kind::Network, format!("{url} is no archive index: it has no date")).because(e)
    })?;
    Timestamp::from_seconds(moment.timestamp().as_second()).for_image().map_err(|e| {
        Error::new(Kind::Network, format!("{url} has a date that cannot be right")).because(e)
    })
}

/// The lines of a sources.list for this build.
pub fn sources(chosen: &[Chosen<'_>], keyring: &Path) -> String {
    let mut text = String::new();
    for Chosen { archive, mirror, snapshot } in chosen {
        let old = if *snapshot { " check-valid-until=no" } else { "" };
        for suite in &archive.suites {
            let components = archive.components.join(" ");
            let keyring = keyring.display();
            // dpkg runs in the root, where a file: mirror's packages are missing: copy: puts them
            // there
            let mirror = mirror.replacen("file://", "copy://", 1);
            text += &format!("deb [signed-by={keyring}{old}] {mirror} {suite} {components}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_index_is_read_as_debian_and_ubuntu_write_it() {
        for text in [
            "Origin: x\nDate: Sat, 21 Nov 2026 00:53:02 UTC\n",
            "Date: Sat, 21 Nov 2026  0:53:02 UTC\n",
        ] {
            let date = release_date(text, "x").unwrap();
            assert_eq!(date.to_string(), "2026-11-21T00:53:02Z", "{text}");
        }
        assert_eq!(release_date("<html>", "x").unwrap_err().kind(), Kind::Network);
        let error = release_date("Date: Thu, 21 Nov 2999 00:53:02 UTC\n", "x").unwrap_err();
        assert_eq!(error.to_string(), "x has a date that cannot be right");
    }

    #[test]
    fn a_snapshot_takes_the_place_of_the_mirrors() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/images");
        let mut definition = Definition::find(shipped, "debian-12").unwrap();
        definition.snapshot = Some("2026-11-01T00:00:00Z".into());
        let addresses = addresses(&definition, &definition.archives[0]).unwrap();
        assert_eq!(addresses, ["https://snapshot.debian.org/archive/debian/20261101T000000Z"]);
    }
}
