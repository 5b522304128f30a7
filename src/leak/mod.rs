//! What must not be in an image: keys, tokens, identity, other customers, the building machine.
//!
//! The way through: `needle` says what is looked for besides what is always a secret ([`Needles`]), and `against` gathers
//! that from a project ([`Customers`], [`Against`]); `place` judges names,
//! `secret` has the patterns of secrets, `der` those of keys in bytes, and `shape` what they look like; `scan` finds all of them in a stream of bytes, in one pass; `distribution`
//! knows the files that a package brought and nobody changed; `search` reads an image once and judges every file, and
//! `inside` looks into those that are archives; `beside` searches texts that go with an image.
//!
//! The distribution's own files are no leak: packages ship keys for their tests, and words that are in them are common
//! knowledge. Whatever else is allowed needs a reason in the profile.

mod against;
mod beside;
mod der;
mod distribution;
mod inside;
mod needle;
mod place;
mod scan;
mod search;
mod secret;
mod shape;

use std::sync::Arc;

use serde::Serialize;

pub use crate::profile::{Allowed, LeakRule};
pub use against::{Against, Customers};
pub use beside::{Beside, RELEASE};
pub use needle::{Builder, Needles};

use crate::error::Result;
use crate::inspect::Image;
use crate::progress::Progress;

/// Something that must not be in an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Which rule found it.
    pub rule: LeakRule,
    /// The file's path in the image; `esp:/` first on the EFI partition.
    pub file: String,
    /// The member of that file, where it is an archive; behind each archive within, a `!`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Whether it is in the bytes that this file unpacks to.
    pub unpacked: bool,
    /// The first byte, where it is about a place in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What it is, without the secret itself.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Finding {
    /// Where it is, for people.
    pub fn place(&self) -> String {
        let mut place = self.file.clone();
        if let Some(member) = &self.member {
            place += &format!(", in {member},");
        } else if self.unpacked && self.offset.is_some() {
            place += ", unpacked,";
        }
        match self.offset {
            Some(offset) => place + &format!(" at byte {offset}"),
            None => place.trim_end_matches(',').to_owned(),
        }
    }
}

/// Reads the whole root and EFI partition once; what was found is sorted, and what is allowed is left out.
///
/// # Errors
/// [`Kind::Damaged`](crate::error::Kind) and [`Kind::Refused`](crate::error::Kind) for an image that cannot be read:
/// nothing is known of it then.
pub fn check(
    image: &Arc<Image>,
    needles: &Needles,
    allowed: &[Allowed],
    progress: &dyn Progress,
) -> Result<Vec<Finding>> {
    Ok(check_with_texts(image, needles, allowed, progress)?.0)
}

/// The same, and with it what searches texts that go with the image.
///
/// # Errors
/// As for [`check`].
pub fn check_with_texts<'a>(
    image: &Arc<Image>,
    needles: &'a Needles,
    allowed: &'a [Allowed],
    progress: &dyn Progress,
) -> Result<(Vec<Finding>, Beside<'a>)> {
    let (mut findings, common) = search::search(image, needles, progress)?;
    findings.retain(|finding| !allowed.iter().any(|allowed| covers(allowed, finding)));
    findings.sort();
    Ok((findings, Beside::new(needles, allowed, common)?))
}

fn covers(allowed: &Allowed, finding: &Finding) -> bool {
    let below = finding.file.strip_prefix(allowed.path.trim_end_matches('/'));
    allowed.rule == finding.rule
        && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What to do about a finding of a rule.
fn fix(rule: LeakRule) -> &'static str {
    match rule {
        LeakRule::PrivateKey | LeakRule::Certificate => {
            "remove it from what goes into the image, and replace it where it is used; make it on the machine"
        }
        LeakRule::HostKey | LeakRule::MachineId | LeakRule::RandomSeed => {
            "remove it from the base: the machine makes its own at its first boot"
        }
        LeakRule::Credentials
        | LeakRule::AwsKey
        | LeakRule::AzureKey
        | LeakRule::GoogleKey
        | LeakRule::GithubToken
        | LeakRule::GitlabToken
        | LeakRule::NpmToken
        | LeakRule::SlackToken
        | LeakRule::OtherToken
        | LeakRule::Jwt => {
            "withdraw it where it was issued, and remove it from what goes into the image"
        }
        LeakRule::PasswordHash => "lock the account: passwords are set on the machine",
        LeakRule::OtherCustomer | LeakRule::OtherCustomersValue => {
            "look for it in this customer's files and settings, and in the site's bundle, which all its customers get"
        }
        LeakRule::ShellHistory => "remove it from the base or the layer that has it",
        LeakRule::Builder => "build from sources that do not name the building machine",
        LeakRule::NotSearched => "put its files into the image unpacked, or allow it for a reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_one_rule_in_one_file_or_below_one_folder() {
        let finding = |rule, file: &str| Finding {
            rule,
            file: file.to_owned(),
            member: None,
            unpacked: false,
            offset: None,
            what: String::new(),
            fix: String::new(),
        };
        let allowed = |path: &str| Allowed {
            rule: LeakRule::Jwt,
            path: path.to_owned(),
            reason: "a test's".to_owned(),
        };
        let jwt = finding(LeakRule::Jwt, "/opt/app/test/a");
        for path in ["/opt/app/test/a", "/opt/app/test", "/opt/app/", "/"] {
            assert!(covers(&allowed(path), &jwt), "{path}");
        }
        assert!(!covers(&allowed("/opt/ap"), &jwt));
        assert!(!covers(&allowed("/opt"), &finding(LeakRule::PrivateKey, "/opt/app/test/a")));
    }
}
