//! What is asked of a converged machine: its status page, the profile's probes from outside, and the
//! results of those that the machine runs itself.

use std::time::Duration;

use serde::Serialize;

use super::args::STATUS_PORT;
use super::http::{Answer, Question};
use super::report::Identity;
use super::watch::Watch;
use crate::profile::Probe;

/// How long one answer may take before the question is asked again.
const ANSWER: Duration = Duration::from_secs(10);

/// How much of a wrong answer is shown, in characters.
const SHOWN: usize = 200;

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The probe's place in the profile's list; none for the status page, which every image has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The question for people.
    pub probe: String,
    /// Whether it passed.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    index: Option<usize>,
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Http { port: u16, question: Question, status: u16, text: Option<String> },
    OnMachine,
}

/// What is known of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Passed.
    Passed(String),
    /// Not yet; it may still pass.
    NotYet(String),
    /// Failed for good.
    Failed(String),
}

/// The checks of one boot, the status page first.
pub fn list(probes: &[Probe]) -> Vec<Check> {
    let status = Check {
        index: None,
        name: format!("GET / on port {STATUS_PORT} (the status page)"),
        kind: Kind::Http {
            port: STATUS_PORT,
            question: Question::get("/"),
            status: 200,
            text: None,
        },
    };
    let probes = probes.iter().enumerate().map(|(index, probe)| of_probe(index, probe));
    std::iter::once(status).chain(probes).collect()
}

fn of_probe(index: usize, probe: &Probe) -> Check {
    let (name, kind) = match probe {
        Probe::Http { http, port, status, text, .. } => {
            let question = Question::get(http.as_str());
            let kind = Kind::Http { port: *port, question, status: *status, text: text.clone() };
            (format!("GET {http} on port {port}"), kind)
        }
        Probe::Unit { unit } => (format!("unit {unit}"), Kind::OnMachine),
        Probe::Command { command } => (format!("command {command:?}"), Kind::OnMachine),
    };
    Check { index: Some(index), name, kind }
}

/// The guest's ports that the checks need, each once, the status port first.
pub fn ports(checks: &[Check]) -> Vec<u16> {
    let mut ports = Vec::new();
    for check in checks {
        if let Kind::Http { port, .. } = check.kind
            && !ports.contains(&port)
        {
            ports.push(port);
        }
    }
    ports
}

impl Check {
    /// Asks once. `forwarded` are pairs of (guest port, host port).
    pub fn try_once(&self, watch: &Watch, forwarded: &[(u16, u16)]) -> Progress {
        match &self.kind {
            Kind::OnMachine => self.told(watch),
            Kind::Http { port, question, status, text } => {
                let Some((_, host)) = forwarded.iter().find(|(guest, _)| guest == port) else {
                    return Progress::Failed(format!("port {port} is not forwarded"));
                };
                match question.ask(*host, ANSWER) {
                    Err(error) => Progress::NotYet(with_cause(&error)),
                    Ok(answer) => compare(&answer, *status, text.as_deref()),
                }
            }
        }
    }

    fn told(&self, watch: &Watch) -> Progress {
        match self.index.and_then(|index| watch.probe(index)) {
            Some(line) if line.ok => Progress::Passed(line.detail.clone()),
            Some(line) => Progress::Failed(line.detail.clone()),
            None if watch.probes_done() => {
                Progress::Failed("the machine did not run it".to_owned())
            }
            None => Progress::NotYet("the machine has not told its result".to_owned()),
        }
    }

    /// Turns what is known into what the report shows.
    pub fn outcome(&self, ok: bool, detail: String) -> Outcome {
        Outcome { index: self.index, probe: self.name.clone(), ok, detail }
    }

    /// What the status page tells of the machine's identity; only that page is asked.
    pub fn identity(forwarded: &[(u16, u16)]) -> Option<Identity> {
        let (_, host) = forwarded.iter().find(|(guest, _)| *guest == STATUS_PORT)?;
        let answer = Question::get("/").ask(*host, ANSWER).ok()?;
        serde_json::from_str(&answer.body).ok()
    }
}

fn compare(answer: &Answer, status: u16, text: Option<&str>) -> Progress {
    if answer.status != status {
        let shown: String = answer.body.chars().take(SHOWN).collect();
        return Progress::NotYet(format!("status {} instead of {status}: {shown}", answer.status));
    }
    match text {
        Some(text) if !answer.body.contains(text) => {
            let shown: String = answer.body.chars().take(SHOWN).collect();
            Progress::NotYet(format!("the answer does not hold {text:?}: {shown}"))
        }
        _ => Progress::Passed(format!("status {status}")),
    }
}

fn with_cause(error: &crate::error::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
