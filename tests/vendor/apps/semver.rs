//! Versions and ranges: npm's own library is the judge.

use std::path::Path;

use slipway::app::{Range, Version};

use crate::common::judge::judge_in;

/// Finds the library as npm itself does: distributions put it in another place than npm's own
/// package.
const SEMVER: &str =
    "const npm = require('child_process').execSync('command -v npm').toString().trim();
         const s = require('module').createRequire(require('fs').realpathSync(npm))('semver');";

#[test]
fn ranges_hold_what_npm_says_they_hold() {
    let ranges = [
        "^2.1",
        "~2.1",
        "2.x",
        "*",
        ">=1.4 <3",
        "1.2 - 2.3.4",
        "^0.2.3",
        "^0.0.3",
        "<2 || >=3",
        "=2.1.0",
        ">2.1.0-proto.1",
        "^2.2.0-proto.1",
        "2",
        ">=2.1.0-0",
        "~2.1.0-proto.5",
        "2.1.x || 0.2.x",
    ];
    let versions = [
        "0.0.3",
        "0.2.3",
        "0.2.9",
        "0.3.0",
        "1.2.0",
        "1.4.0",
        "2.1.0",
        "2.1.9",
        "2.2.0",
        "2.2.0-proto.1",
        "2.2.0-proto.10",
        "2.3.4",
        "2.10.0",
        "3.0.0",
        "3.0.0-proto.1",
        "2.1.0-proto.7",
    ];
    let script = format!(
        "{SEMVER}
         for (const r of {ranges:?}) for (const v of {versions:?}) console.log(s.satisfies(v, r));"
    );
    let said = judge_in(Path::new("."), "node", &["-e", &script]);
    let mut judged = said.lines();
    assert_eq!(said.lines().count(), ranges.len() * versions.len());
    for range in ranges {
        let parsed: Range = range.parse().unwrap();
        for version in versions {
            let ours = parsed.holds(&version.parse::<Version>().unwrap()).to_string();
            assert_eq!(judged.next(), Some(&*ours), "{version} in {range}");
        }
    }
}

#[test]
fn what_npm_cannot_read_as_a_range_is_refused() {
    let texts = [
        "^2.1 <3.o",
        ">=1.0.0 <",
        "latest",
        "^x.y",
        "1.2.3.4",
        ">= 1.2 < 3",
        "~> 1.2",
        "v1.2",
        "1.x || >=2.5.0",
        "^1.2.3-beta.1",
        "1 - 2 -",
        "=1",
        ">1 <2 || ",
        "http://x/y.tgz",
        "1.2.3+build",
    ];
    let script = format!(
        "{SEMVER}
         for (const t of {texts:?}) console.log(s.validRange(t) !== null);"
    );
    let said = judge_in(Path::new("."), "node", &["-e", &script]);
    for (text, valid) in texts.iter().zip(said.lines()) {
        let ours = text.parse::<Range>().is_ok();
        assert!(valid == "true" || !ours, "npm refuses {text}");
        // to npm an empty alternative means any version; to us it is a slip
        let stricter = [">1 <2 || "];
        assert!(valid == "false" || ours || stricter.contains(text), "npm takes {text}");
    }
}
