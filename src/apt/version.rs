//! The order of Debian's version numbers (Debian Policy 5.6.12; `deb-version(7)`).

use std::cmp::Ordering;
use std::iter::from_fn;

/// Compares two versions as dpkg does.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    (left.epoch.cmp(&right.epoch))
        .then_with(|| part(left.upstream, right.upstream))
        .then_with(|| part(left.revision, right.revision))
}

/// `[epoch:]upstream[-revision]`.
struct Parts<'a> {
    epoch: u64,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        // no revision and the revision 0 are equal
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        Self { epoch: epoch.parse().unwrap_or(0), upstream, revision }
    }
}

/// Runs of other characters and runs of digits take turns.
fn part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    while !left.is_empty() || !right.is_empty() {
        let ordered = letters(&mut left, &mut right).then_with(|| number(&mut left, &mut right));
        if ordered != Ordering::Equal {
            return ordered;
        }
    }
    Ordering::Equal
}

fn letters(left: &mut &str, right: &mut &str) -> Ordering {
    let (ours, theirs) = (run(left, |c| !c.is_ascii_digit()), run(right, |c| !c.is_ascii_digit()));
    let (mut ours, mut theirs) = (ours.chars(), theirs.chars());
    let mut pairs = from_fn(|| match (ours.next(), theirs.next()) {
        (None, None) => None,
        (ours, theirs) => Some(weight(ours).cmp(&weight(theirs))),
    });
    pairs.find(|ordered| *ordered != Ordering::Equal).unwrap_or(Ordering::Equal)
}

/// A tilde comes even before the end of the part, and letters before all others.
fn weight(character: Option<char>) -> i64 {
    /// Above every letter.
    const OTHERS: i64 = 256;
    match character {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i64::from(u32::from(c)),
        Some(c) => i64::from(u32::from(c)) + OTHERS,
    }
}

fn number(left: &mut &str, right: &mut &str) -> Ordering {
    let trimmed = |text: &mut &str| {
        let digits = run(text, |c| c.is_ascii_digit()).trim_start_matches('0').to_owned();
        (digits.len(), digits)
    };
    trimmed(left).cmp(&trimmed(right))
}

/// Takes what begins a text.
fn run<'a>(text: &mut &'a str, takes: impl Fn(char) -> bool) -> &'a str {
    let end = text.find(|c| !takes(c)).unwrap_or(text.len());
    let (begin, rest) = text.split_at(end);
    *text = rest;
    begin
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn dpkg_orders_versions_in_the_same_way() {
        let versions = [
            "1.0",
            "1.0-0",
            "1.0-1",
            "1.0~rc1",
            "1.0~rc1-1",
            "1.0+b1",
            "1.0a",
            "1:0.9",
            "0:1.0",
            "1.00",
            "1.10",
            "1.9",
            "3.0.11-1~deb12u2",
            "3.0.11-1",
            "3.0.9-1+deb12u1",
            "2:1.0-~",
            "1.0.",
            "1.0-1.1",
            "1.0~",
            "1.0~~",
        ];
        for left in versions {
            for right in versions {
                let says = |relation: &str| {
                    let mut dpkg = Command::new("dpkg");
                    let arguments = ["--compare-versions", left, relation, right];
                    dpkg.args(arguments)
                        .stderr(std::process::Stdio::null())
                        .status()
                        .unwrap()
                        .success()
                };
                let judged = match compare(left, right) {
                    Ordering::Less => says("lt"),
                    Ordering::Equal => says("eq"),
                    Ordering::Greater => says("gt"),
                };
                assert!(judged, "{left} and {right}: {:?}", compare(left, right));
            }
        }
    }
}
