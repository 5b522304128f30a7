//! SHA256SUMS of a release: as `sha256sum` writes and checks it.

use std::collections::BTreeMap;

use super::record::{RECORD, Release};
use crate::units::Digest;

/// Each file with its digest: the images, everything beside them, and the record.
pub(super) fn of(release: &Release, record: Digest) -> impl Iterator<Item = (String, Digest)> + '_ {
    let artifacts = release.artifacts.iter().filter_map(|a| Some((a.file.clone(), a.sha256?)));
    let files = release.files.iter().map(|part| (part.name.clone(), part.sha256));
    artifacts.chain(files).chain([(RECORD.to_owned(), record)])
}

/// The file's text.
pub(super) fn text(release: &Release, record: Digest) -> String {
    of(release, record).map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// Reads such a text; says which line makes no sense.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Digest>, String> {
    let mut sums = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        let parts = line
            .split_once("  ")
            .and_then(|(digest, name)| Some((name.to_owned(), digest.parse::<Digest>().ok()?)));
        let Some((name, digest)) = parts else {
            return Err(format!("line {} is not a digest and a name", n + 1));
        };
        if sums.insert(name.clone(), digest).is_some() {
            return Err(format!("line {} names {name} again", n + 1));
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_not_a_digest_and_a_name_is_named() {
        let good = format!("{}  a\n{}  b\n", Digest::of("a"), Digest::of("b"));
        assert_eq!(parse(&good).unwrap().len(), 2);
        assert!(parse(&format!("{good}nonsense\n")).unwrap_err().contains("line 3"));
        assert!(parse(&format!("{good}{}  a\n", Digest::of("c"))).unwrap_err().contains("line 3"));
    }
}
