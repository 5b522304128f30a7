//! One line of OpenSSH's allowed_signers (ssh-keygen(1), ALLOWED SIGNERS): `principals [options] key`.
//!
//! The principals are the sites that the key may publish for, and the apps, as in `app:ui`: no site's name has a
//! colon, so a key that is trusted for the site `ui` is not trusted for an app of that name. What of the format
//! we do not honour (patterns but `*`, certificates, local times, other kinds of keys, quoted principals) is an
//! error and never skipped: a line that ssh-keygen and slipway read differently would trust more or less than its
//! writer believes. What is read here is what ssh-keygen reads (sshsig.c of OpenSSH), and never more:
//! `tests/key` asks it.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Namespace, PublicKey};
use crate::error::{Error, Kind, Result};
use crate::units::Timestamp;

/// Of a list with a longer word ssh-keygen matches nothing (match_pattern_list has a buffer of 1024 bytes).
const LONGEST_PATTERN: usize = 1000;
/// What the principal of an app begins with.
const APP: &str = "app:";

/// The sites and apps that a key may publish for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sites {
    /// Every site and app there is.
    All,
    /// These.
    Named(BTreeSet<String>),
}

impl Sites {
    /// These sites.
    ///
    /// # Errors
    /// [`Kind::Input`] for what could break out of a line, or means more than one site.
    pub fn named<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        let plain = |name: &String| {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !name.is_empty() && name.len() <= LONGEST_PATTERN && name.bytes().all(allowed)
        };
        if names.is_empty() || !names.iter().all(plain) {
            return Err(Error::new(Kind::Input, "these cannot be names of sites")
                .remedy("use lowercase letters, digits and hyphens; * means every site"));
        }
        Ok(Self::Named(names))
    }

    /// These apps.
    ///
    /// # Errors
    /// As [`Sites::named`].
    pub fn apps<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(|name| Self::app(name.as_ref())).collect();
        if names.is_empty() || !names.iter().all(|name| is_app(name)) {
            return Err(Error::new(Kind::Input, "these cannot be names of apps")
                .remedy("write them as in package.json: ui or @acme/ui"));
        }
        Ok(Self::Named(names.into_iter().collect()))
    }

    /// The principal of an app: what stands for it where a site's name would stand.
    pub fn app(name: &str) -> String {
        format!("{APP}{name}")
    }

    /// The same with others.
    pub fn and(mut self, more: &Self) -> Self {
        self.extend(more);
        self
    }

    /// Whether `site` is one of them.
    pub fn hold(&self, site: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(site),
        }
    }

    /// Adds others; says whether that changed anything.
    pub(super) fn extend(&mut self, more: &Self) -> bool {
        match (&mut *self, more) {
            (Self::All, _) => false,
            (_, Self::All) => {
                *self = Self::All;
                true
            }
            (Self::Named(ours), Self::Named(theirs)) => {
                let before = ours.len();
                ours.extend(theirs.iter().cloned());
                ours.len() > before
            }
        }
    }
}

impl fmt::Display for Sites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Named(names) => {
                f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// One key and what it is trusted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub sites: Sites,
    /// Every use when none are named, as ssh-keygen has it.
    pub namespaces: Option<Vec<String>>,
    pub after: Option<Timestamp>,
    pub before: Option<Timestamp>,
    pub key: PublicKey,
}

impl Entry {
    /// A key that is trusted for all that slipway signs, without an end.
    pub(super) fn new(key: PublicKey, sites: Sites) -> Self {
        let namespaces = Namespace::ALL.map(|n| n.as_str().to_owned()).to_vec();
        Self { sites, namespaces: Some(namespaces), after: None, before: None, key }
    }

    pub(super) fn parse(line: &str) -> Result<Self> {
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(not_honoured("a control character"));
        }
        let (principals, rest) = word(line);
        let sites = sites(principals)?;
        let (first, after_first) = word(rest);
        let (options, key) = if is_kind(first) { ("", rest) } else { (first, after_first) };
        let key = PublicKey::parse(key)?;
        let mut entry = Self { sites, namespaces: None, after: None, before: None, key };
        let mut rest = options;
        while !rest.is_empty() {
            rest = entry.take(rest)?;
        }
        match (entry.after, entry.before) {
            (Some(after), Some(before)) if before <= after => {
                Err(Error::new(Kind::Input, "valid-before is not later than valid-after"))
            }
            _ => Ok(entry),
        }
    }

    /// Takes the first option; gives what follows its comma.
    fn take<'a>(&mut self, options: &'a str) -> Result<&'a str> {
        let name = options.split(['=', ',']).next().unwrap_or_default().to_ascii_lowercase();
        let unknown = || not_honoured(&format!("the option {name:?}"));
        let quoted =
            options.get(name.len()..).and_then(|o| o.strip_prefix('=')).ok_or_else(unknown)?;
        let unquoted =
            || Error::new(Kind::Input, format!("the value of {name} is not in double quotes"));
        let (value, rest) =
            quoted.strip_prefix('"').and_then(|q| q.split_once('"')).ok_or_else(unquoted)?;
        if value.contains('\\') {
            return Err(not_honoured("a backslash"));
        }
        let twice = match name.as_str() {
            "namespaces" => self.namespaces.replace(namespaces(value)?).is_some(),
            "valid-after" => self.after.replace(parse_time(value)?).is_some(),
            "valid-before" => self.before.replace(parse_time(value)?).is_some(),
            _ => return Err(unknown()),
        };
        if twice {
            return Err(Error::new(Kind::Input, format!("{name} stands twice in the line")));
        }
        match rest.strip_prefix(',') {
            None if rest.is_empty() => Ok(rest),
            Some(more) if !more.is_empty() => Ok(more),
            _ => Err(not_honoured(&format!("what follows the value of {name}"))),
        }
    }

    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.before.is_some_and(|before| now >= before)
    }

    pub(super) fn allows(&self, namespace: Namespace) -> bool {
        let all = self.namespaces.as_ref();
        all.is_none_or(|all| all.iter().any(|n| n == namespace.as_str()))
    }

    /// The line, without its end.
    pub(super) fn line(&self) -> Result<String> {
        let mut options = Vec::new();
        if let Some(all) = &self.namespaces {
            options.push(format!("namespaces=\"{}\"", all.join(",")));
        }
        for (name, time) in [("valid-after", self.after), ("valid-before", self.before)] {
            if let Some(time) = time {
                options.push(format!("{name}=\"{}\"", write_time(time)?));
            }
        }
        let mut words = vec![self.sites.to_string(), options.join(","), self.key.line()?];
        words.retain(|word| !word.is_empty());
        Ok(words.join(" "))
    }
}

fn namespaces(value: &str) -> Result<Vec<String>> {
    if value.is_empty() || value.contains(['*', '?', '!']) {
        return Err(not_honoured("a pattern of namespaces"));
    }
    if value.split(',').any(|name| name.len() > LONGEST_PATTERN) {
        return Err(not_honoured("so long a name of a namespace"));
    }
    Ok(value.split(',').map(str::to_owned).collect())
}

fn sites(principals: &str) -> Result<Sites> {
    if principals == "*" {
        return Ok(Sites::All);
    }
    let (apps, sites): (Vec<&str>, Vec<&str>) =
        principals.split(',').partition(|name| name.starts_with(APP));
    if apps.is_empty() {
        return Sites::named(sites);
    }
    let apps = Sites::apps(apps.iter().map(|name| &name[APP.len()..]))?;
    if sites.is_empty() { Ok(apps) } else { Ok(Sites::named(sites)?.and(&apps)) }
}

/// The names that packages of npm have; none of their characters means anything in a pattern of ssh-keygen's.
fn is_app(principal: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._@/".contains(&b);
    principal.len() <= LONGEST_PATTERN
        && principal
            .strip_prefix(APP)
            .is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
}

fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start))
}

/// The first word, and what follows; blanks within double quotes do not end it. Blanks are ssh-keygen's: what
/// else Unicode calls one belongs to a word.
fn word(text: &str) -> (&str, &str) {
    const BLANKS: [char; 2] = [' ', '\t'];
    let text = text.trim_start_matches(BLANKS);
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        BLANKS.contains(&c) && !quoted
    });
    let end = end.unwrap_or(text.len());
    (&text[..end], text[end..].trim_start_matches(BLANKS))
}

fn not_honoured(what: &str) -> Error {
    Error::new(Kind::Input, format!("{what} is not honoured here"))
        .remedy("write the line with `slipway key trust`")
}

/// `YYYYMMDD[HHMM[SS]]Z`. Without the Z ssh-keygen takes the machine's own time zone, so the same file
/// would end a key at different moments: refused.
fn parse_time(text: &str) -> Result<Timestamp> {
    let wrong = || {
        Error::new(Kind::Input, format!("{text:?} is not a time in UTC"))
            .remedy("write it as 20261231235959Z")
    };
    let digits = text.strip_suffix('Z').ok_or_else(wrong)?;
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| digits.get(from..to).map_or(Ok(0), str::parse::<i16>);
    let small = |from: usize| part(from, from + 2).map(|n| n as i8);
    let fields = || -> std::result::Result<_, std::num::ParseIntError> {
        Ok((part(0, 4)?, small(4)?, small(6)?, small(8)?, small(10)?, small(12)?))
    };
    let (year, month, day, hour, minute, second) = fields().map_err(|_| wrong())?;
    // ssh-keygen takes the first second of 1970 for "none", and nothing before it
    if year < 1970 || digits.bytes().eq("19700101000000".bytes().take(digits.len())) {
        return Err(wrong());
    }
    let moment = DateTime::new(year, month, day, hour, minute, second, 0)
        .and_then(|time| TimeZone::UTC.to_timestamp(time))
        .map_err(|_| wrong())?;
    Ok(Timestamp::from_seconds(moment.as_second()))
}

fn write_time(time: Timestamp) -> Result<String> {
    jiff::Timestamp::from_second(time.seconds)
        .map(|moment| moment.strftime("%Y%m%d%H%M%SZ").to_string())
        .map_err(|e| Error::new(Kind::Input, "the time is outside the calendar").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti ci@vendor";

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        for line in [
            format!("demo {KEY}"),
            format!("* namespaces=\"slipway-pointer\" {KEY}"),
            format!("app:@acme/ui,app:ui,ui namespaces=\"slipway-app\" {KEY}"),
            format!(
                "acme,demo namespaces=\"slipway-bundle,slipway-pointer\",valid-before=\"20261231235959Z\" {KEY}"
            ),
        ] {
            assert_eq!(Entry::parse(&line).unwrap().line().unwrap(), line);
        }
        let spaced = format!("\t demo  namespaces=\"a\" \t{}", KEY.replace(' ', "\t "));
        let wide = Entry::parse(&spaced).unwrap();
        assert_eq!(wide.line().unwrap(), format!("demo namespaces=\"a\" {KEY}"));
        let short = Entry::parse(&format!("demo valid-after=\"20260101Z\"   {KEY}")).unwrap();
        assert_eq!(short.after, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_would_be_read_differently_by_ssh_keygen_is_refused() {
        for line in [
            format!("d* {KEY}"),
            format!("demo,!acme {KEY}"),
            format!("app: {KEY}"),
            format!("app:u*,demo {KEY}"),
            format!("\"demo\" {KEY}"),
            format!("demo cert-authority {KEY}"),
            format!("demo namespaces=\"slipway-*\" {KEY}"),
            format!("demo valid-before=\"20261231\" {KEY}"),
            format!("demo valid-before=\"20261331Z\" {KEY}"),
            format!("demo valid-before=\"20200101Z\",valid-before=\"20990101Z\" {KEY}"),
            format!("demo namespaces=\"a\",namespaces=\"b\" {KEY}"),
            format!("demo namespaces=slipway-bundle {KEY}"),
            format!("demo valid-after=\"19700101Z\" {KEY}"),
            format!("demo valid-after=\"20270101Z\",valid-before=\"20260101Z\" {KEY}"),
            format!("demo namespaces=\"a\", {KEY}"),
            format!("demo namespaces=\"a\"x {KEY}"),
            format!("demo\u{a0}namespaces=\"a\" {KEY}"),
            format!("demo {}", KEY.replacen(' ', "\u{b}", 1)),
            "demo ssh-rsa AAAA x".to_owned(),
            "demo".to_owned(),
            String::new(),
        ] {
            assert!(Entry::parse(&line).is_err(), "{line}");
        }
    }
}
