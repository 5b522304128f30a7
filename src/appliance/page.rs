//! The status page: what a machine tells everybody who asks it over HTTP.
//!
//! It has no word of a resource's or of a setting's; those are on the console and in root's files.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::http::{Address, Question};
use super::state::{Run, State};
use crate::error::{Error, Kind, Result};

/// TCP port of a machine's status page.
pub const STATUS_PORT: u16 = 8008;

/// The page. What an image of another version adds is left out; what one of before lacks has its default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Page {
    /// Where the machine is.
    pub state: State,
    /// The release that it converges to; none before its first unit ran.
    #[serde(default)]
    pub release: Option<String>,
    /// Whether the application answers.
    #[serde(default)]
    pub serving: bool,
    /// Whether the last configuration run that ended did so well.
    #[serde(default)]
    pub configured: bool,
    /// Whether a run has ended since the machine started.
    #[serde(default)]
    pub run: Run,
    /// Which attempt at converging, from 1.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// How many attempts it makes.
    #[serde(default)]
    pub of: Option<u32>,
    /// The kernel's boot id.
    #[serde(default)]
    pub boot: String,
    /// FAILED and DEGRADED: in which stage.
    #[serde(default)]
    pub stage: Option<String>,
    /// FAILED and DEGRADED: a short name of the cause.
    #[serde(default)]
    pub code: Option<String>,
    /// FAILED and DEGRADED: what to do.
    #[serde(default)]
    pub hint: Option<String>,
    /// When it is tried again, in seconds since 1970.
    #[serde(default)]
    pub next_try: Option<i64>,
    /// What the failed run came to.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// The site.
    #[serde(default)]
    pub site: Option<String>,
    /// Who the machine is.
    #[serde(flatten)]
    pub identity: Identity,
}

/// How many Puppet resources a run had.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Resources {
    /// All of them.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// The first of those, by title.
    #[serde(default)]
    pub titles: Vec<String>,
}

/// What the status page tells of the machine's own secrets: their public fingerprints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The instance's UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The SSH host key's fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_fingerprint: Option<String>,
}

impl Identity {
    /// The first thing that is not the same in `later`: its name, before, after.
    pub fn difference(&self, later: &Self) -> Option<(&'static str, String, String)> {
        let pairs = [
            ("instance", &self.instance, &later.instance),
            ("SSH host key", &self.ssh_fingerprint, &later.ssh_fingerprint),
        ];
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        pairs
            .into_iter()
            .find(|(_, before, after)| before != after)
            .map(|(name, before, after)| (name, shown(before), shown(after)))
    }
}

impl Page {
    /// What the page is asked; the path does not matter.
    pub fn question() -> Question {
        Question::get("/")
    }

    /// Asks for the page. The status of the answer is left out: it says the same as [`Page::serving`].
    ///
    /// # Errors
    /// Whatever keeps an answer from coming; [`Kind::Damaged`] when another program answers.
    pub fn ask(address: &Address, limit: Duration) -> Result<Self> {
        Self::parse(&Self::question().ask(address, limit)?.body)
    }

    /// Reads the page's JSON.
    ///
    /// # Errors
    /// [`Kind::Damaged`] when it is another thing.
    pub fn parse(body: &str) -> Result<Self> {
        serde_json::from_str(body)
            .map_err(|e| Error::new(Kind::Damaged, "this is no machine's status page").because(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_fingerprint_is_named() {
        let before = Identity { instance: Some("i".into()), ssh_fingerprint: Some("a".into()) };
        let after = Identity { ssh_fingerprint: Some("b".into()), ..before.clone() };
        assert_eq!(before.difference(&before), None);
        let difference = before.difference(&after).unwrap();
        assert_eq!(difference, ("SSH host key", "a".to_owned(), "b".to_owned()));
    }

    #[test]
    fn a_page_of_before_the_first_unit_and_one_with_more_than_we_know_are_read() {
        let early = Page::parse(r#"{"slipway":1,"state":"BOOTING","serving":false}"#).unwrap();
        assert_eq!((early.state, early.release), (State::Booting, None));
        let more = r#"{"slipway":1,"state":"READY","release":"r","serving":true,"new":{"a":[1]},"instance":"i"}"#;
        let page = Page::parse(more).unwrap();
        assert!(page.serving && page.identity.instance.as_deref() == Some("i"));
        for foreign in ["", "<html>", "{}", "[]"] {
            assert_eq!(Page::parse(foreign).unwrap_err().kind(), Kind::Damaged, "{foreign}");
        }
    }
}
