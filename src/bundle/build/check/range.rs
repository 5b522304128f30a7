//! Versions of modules and the ranges in their metadata, with the meaning that Puppet gives them (the gem
//! semantic_puppet): npm's, but for `^0.0.x`, spaces, `~>` and an empty range. Pure.

use nodejs_semver::Version;

/// One comparison with a version.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sign {
    Less,
    AtMost,
    /// With the same behind a plus sign, which else says nothing.
    Equal(Option<String>),
    AtLeast,
    More,
}

/// Alternatives of comparisons that must all be true.
#[derive(Debug)]
pub(super) struct Range(Vec<Vec<(Sign, Version)>>);

impl Range {
    /// None when semantic_puppet cannot read it either.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = joined(text);
        // as Ruby splits: what is empty at the end is nothing, and nothing at all is any version
        let mut sets: Vec<&str> = text.split("||").collect();
        while sets.last().is_some_and(|set| set.is_empty()) {
            sets.pop();
        }
        if sets.is_empty() {
            return Some(Self(vec![Vec::new()]));
        }
        let last = sets.len() - 1;
        let trim = |(at, set): (usize, &str)| {
            let set = if at == 0 { set } else { set.trim_start() };
            parse_set(if at == last { set } else { set.trim_end() })
        };
        // a blank alternative holds nothing
        let said = sets.iter().copied().enumerate().filter(|(_, set)| !set.trim().is_empty());
        said.map(trim).collect::<Option<_>>().map(Self)
    }

    /// Whether a version is in it. A prerelease is only where the range names one of the same number.
    pub(super) fn holds(&self, (version, build): &(Version, Option<String>)) -> bool {
        let number = |v: &Version| (v.major(), v.minor(), v.patch());
        let named = |set: &[(Sign, Version)]| {
            let of_it =
                |(_, v): &(Sign, Version)| v.is_prerelease() && number(v) == number(version);
            !version.is_prerelease() || set.is_empty() || set.iter().any(of_it)
        };
        let inside = |(sign, bound): &(Sign, Version)| match sign {
            Sign::Less => version < bound,
            Sign::AtMost => version <= bound,
            Sign::Equal(same) => version == bound && build == same,
            Sign::AtLeast => version >= bound,
            Sign::More => version > bound,
        };
        self.0.iter().any(|set| set.iter().all(inside) && named(set))
    }
}

/// A module's version, and what is behind a plus sign: it says nothing of the version's place in the order.
pub(super) fn version(text: &str) -> Option<(Version, Option<String>)> {
    let (numbers, build) = text.split_once('+').unwrap_or((text, "0"));
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let version = Version::parse(numbers).ok()?;
    (build.split('.').all(plain) && version.to_string() == numbers).then(|| (version, built(text)))
}

fn built(text: &str) -> Option<String> {
    text.split_once('+').map(|(_, build)| build.to_owned())
}

/// Operators beside their versions: `>= 1` and `>=v1` are `>=1`.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        out.push(c);
        if matches!(c, '<' | '>' | '=' | '~' | '^') {
            let bare = rest.trim_start();
            rest = match bare.strip_prefix('v') {
                Some(bare) => bare,
                None => bare,
            };
        }
    }
    out
}

fn parse_set(text: &str) -> Option<Vec<(Sign, Version)>> {
    if let Some((low, high)) = text.split_once(" - ") {
        let (low, high) = (Partial::parse(low.trim_end())?, Partial::parse(high.trim_start())?);
        return Some(vec![(Sign::AtLeast, low.lowest()), (Sign::AtMost, high.lowest())]);
    }
    let mut set = Vec::new();
    // as Ruby splits: an empty word at the end is none, one at the start is a fault
    for word in text.trim_end().split(|c: char| c.is_ascii_whitespace()).filter({
        let mut first = true;
        move |word| std::mem::take(&mut first) || !word.is_empty()
    }) {
        comparator(word, &mut set)?;
    }
    Some(set)
}

fn comparator(word: &str, set: &mut Vec<(Sign, Version)>) -> Option<()> {
    const SIGNS: [&str; 9] = ["~>", "~=", "<=", ">=", "<", ">", "=", "~", "^"];
    let sign = SIGNS.into_iter().find(|sign| word.starts_with(sign)).unwrap_or_default();
    let partial = Partial::parse(&word[sign.len()..])?;
    let lowest = partial.lowest();
    let Partial { major, minor, patch, .. } = partial;
    let next = |part: Option<u64>| match (part, major, minor) {
        (Some(_), Some(major), Some(minor)) if patch.is_none() || sign == "~" => {
            Version::from((major, minor + 1, 0))
        }
        (_, Some(major), _) => Version::from((major + 1, 0, 0)),
        _ => Version::from((0, 0, 0)),
    };
    match sign {
        "<" => set.push((Sign::Less, lowest)),
        ">=" => set.push((Sign::AtLeast, lowest)),
        // nothing is more than anything
        ">" if major.is_none() => set.push((Sign::Less, lowest)),
        ">" if patch.is_none() => set.push((Sign::AtLeast, next(minor))),
        ">" => set.push((Sign::More, lowest)),
        // Puppet's own reader stumbles over these
        "<=" | "^" if major.is_none() => return None,
        _ if major.is_none() => {}
        "<=" if patch.is_none() => set.push((Sign::Less, next(minor))),
        "<=" => set.push((Sign::AtMost, lowest)),
        "" | "=" if patch.is_some() => {
            set.push((Sign::Equal(built(word)), lowest));
        }
        _ => {
            let until = match (sign, major, minor) {
                ("^", Some(major), _) if major > 0 => Version::from((major + 1, 0, 0)),
                (_, Some(major), Some(minor)) => Version::from((major, minor + 1, 0)),
                _ => next(None),
            };
            set.extend([(Sign::AtLeast, lowest), (Sign::Less, until)]);
        }
    }
    Some(())
}

/// `2`, `2.x`, `2.1.0-rc1`.
struct Partial {
    major: Option<u64>,
    minor: Option<u64>,
    patch: Option<u64>,
    /// With what is behind the numbers.
    prerelease: Option<String>,
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let bare = text.split_once('+').map_or(text, |(bare, _)| bare);
        let (numbers, prerelease) = match bare.split_once('-') {
            Some((numbers, rest)) => (numbers, Some(rest)),
            None => (bare, None),
        };
        let parts: Vec<&str> = numbers.split('.').collect();
        let behind = bare.len() < text.len() || prerelease.is_some();
        if parts.len() > 3 || (behind && parts.len() < 3) {
            return None;
        }
        let digit = |part: &&str| match *part {
            "x" | "X" | "*" => Some(None),
            "0" => Some(Some(0)),
            part if part.starts_with('0') || !part.bytes().all(|b| b.is_ascii_digit()) => None,
            part => part.parse::<u32>().ok().map(|number| Some(number.into())),
        };
        let digits: Vec<Option<u64>> = parts.iter().map(digit).collect::<Option<_>>()?;
        let at = |n: usize| digits.get(n).copied().flatten();
        // a number behind an x says nothing
        let major = at(0);
        let minor = major.and(at(1));
        let patch = minor.and(at(2));
        // it must be one: `1.0.0-` is none
        if let Some(rest) = prerelease {
            if rest.is_empty() {
                return None;
            }
            Version::parse(format!("0.0.0-{rest}")).ok()?;
        }
        Some(Self { major, minor, patch, prerelease: prerelease.map(str::to_owned) })
    }

    /// With zeros for what is not said.
    fn lowest(&self) -> Version {
        let (major, minor, patch) =
            (self.major.unwrap_or(0), self.minor.unwrap_or(0), self.patch.unwrap_or(0));
        let bare = Version::from((major, minor, patch));
        match (&self.prerelease, self.patch) {
            (Some(rest), Some(_)) => Version::parse(format!("{bare}-{rest}")).unwrap_or(bare),
            _ => bare,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const SCRIPT: &str = "require 'semantic_puppet'; vs = ARGV[0].split(';')
        STDIN.read.split(\"\\n\", -1).each do |r|
          x = begin; SemanticPuppet::VersionRange.parse(r); rescue ArgumentError, NoMethodError; nil; end
          puts x.nil? ? 'none' : vs.map { |v| x.include?(SemanticPuppet::Version.parse(v)) ? 1 : 0 }.join
        end";

    fn ranges() -> Vec<String> {
        let partials = [
            "1",
            "1.2",
            "1.2.3",
            "0.0.3",
            "0.2.0",
            "1.x",
            "x",
            "*",
            "1.2.x",
            "1.2.3-rc1",
            "01",
            "1.2.3.4",
            "1.-",
            "",
        ];
        let signs =
            ["", "=", "<", "<=", ">", ">=", "~", "^", "~>", "~ ", ">= ", "v", ">=v", "=>", "!"];
        let mut all = Vec::new();
        for sign in signs {
            all.extend(partials.iter().map(|partial| format!("{sign}{partial}")));
        }
        let more = [
            "",
            " ",
            " 1.x",
            "1.x ",
            ">= 1.0.0 < 2.0.0",
            ">=1.0.0  <2.0.0",
            "1.0.0 - 1.2.3",
            "1 - 2",
            "1.0.0 - 1",
            "1.x || 3.x",
            "1.x||3.x",
            "1.x ||",
            "|| 1.x",
            ">=1.2.3-rc1 <2.0.0",
            "1.2.3+b",
            ">= 1.2.3+b.1 < 2.0.0",
            "1.0.0-",
            "1.0.0 -2.0.0",
            ">= 4.13.1 < 9.0.0",
            "latest",
            ">=1.0.0 <",
            "< >1",
        ];
        all.extend(more.map(str::to_owned));
        all
    }

    #[test]
    fn ranges_mean_what_semantic_puppet_says() {
        let versions = [
            "0.0.3",
            "0.0.4",
            "0.1.0",
            "0.2.0",
            "0.2.9",
            "0.3.0",
            "1.0.0",
            "1.2.0",
            "1.2.3-rc1",
            "1.2.3-rc2",
            "1.2.3",
            "1.2.4",
            "1.3.0",
            "2.0.0-rc1",
            "2.0.0",
            "3.1.0",
            "4.13.1",
            "9.0.0",
            "1.2.3+b",
            "9.4.1+20240101",
        ];
        let ranges = ranges();
        let mut ruby = Command::new("ruby");
        ruby.args(["-e", SCRIPT, &versions.join(";")]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), ranges.join("\n")).unwrap();
        ruby.stdin(std::fs::File::open(file.path()).unwrap());
        let said = crate::command::output(&mut ruby, "ruby-semantic-puppet").unwrap();
        let said = String::from_utf8(said).unwrap();
        let mut wrong = Vec::new();
        for (text, judged) in ranges.iter().zip(said.lines()) {
            let ours = match Range::parse(text) {
                None => "none".to_owned(),
                Some(range) => versions
                    .iter()
                    .map(|v| if range.holds(&version(v).unwrap()) { '1' } else { '0' })
                    .collect(),
            };
            if ours != judged {
                wrong.push(format!("{text:?}: ours {ours}, judged {judged}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(said.lines().count(), ranges.len());
    }
}
