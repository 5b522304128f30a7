//! What is asked of a converged machine: its status page, the profile's probes from outside, and the
//! results of those that the machine runs itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::http::{Answer, Question, Way};
use super::line::Probed;
use super::page::{Page, STATUS_PORT};
use crate::console::plain;
use crate::profile::Probe;

/// How long one answer may take before the question is asked again.
const ANSWER: Duration = Duration::from_secs(10);

/// How much of a wrong answer is shown, in characters.
const SHOWN: usize = 200;

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The probe's place in the profile's list; none for the status page, which every image has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
pub enum Answered {
    /// Passed.
    Passed(String),
    /// Not yet; it may still pass.
    NotYet(String),
    /// Failed for good.
    Failed(String),
}

/// What a form's fields are sent as.
const FORM: &str = "application/x-www-form-urlencoded";

/// Stands for the test's nonce in what is sent and awaited, so that no image has the answer baked in.
const NONCE: &str = "{nonce}";

/// The checks of one boot, the status page first.
///
/// Probes that send something are left out where `sending` is false: in a boot that has to show what an
/// earlier one kept.
pub fn list(probes: &[Probe], nonce: &str, sending: bool) -> Vec<Check> {
    let status = Check {
        index: None,
        name: format!("GET / on port {STATUS_PORT} (the status page)"),
        kind: Kind::Http { port: STATUS_PORT, question: Page::question(), status: 200, text: None },
    };
    let wanted = |probe: &Probe| sending || !matches!(probe, Probe::Http { post: Some(_), .. });
    let probes = probes.iter().enumerate().filter(|(_, probe)| wanted(probe));
    std::iter::once(status).chain(probes.map(|(index, p)| of_probe(index, p, nonce))).collect()
}

fn of_probe(index: usize, probe: &Probe, nonce: &str) -> Check {
    let fill = |text: &String| text.replace(NONCE, nonce);
    let (name, kind) = match probe {
        Probe::Http { http, port, status, text, post, content_type } => {
            let post = post
                .as_ref()
                .map(|body| (content_type.clone().unwrap_or_else(|| FORM.to_owned()), fill(body)));
            let method = if post.is_some() { "POST" } else { "GET" };
            let question = Question { path: http.clone(), post };
            let text = text.as_ref().map(fill);
            (
                format!("{method} {http} on port {port}"),
                Kind::Http { port: *port, question, status: *status, text },
            )
        }
        Probe::Unit { unit } => (format!("unit {unit}"), Kind::OnMachine),
        // its number: what it runs may hold a password, and reports are handed on
        Probe::Command { .. } => (format!("command of probe {index}"), Kind::OnMachine),
    };
    Check { index: Some(index), name, kind }
}

/// The machine's ports that the checks need, each once, the status port first.
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
    /// Asks once, or looks into what the machine told. `limit` is for one answer.
    pub fn try_once(&self, probed: &Probed, way: &Way, limit: Duration) -> Answered {
        let Kind::Http { port, question, status, text } = &self.kind else {
            return self.told(probed);
        };
        let Some(address) = way.to(*port) else {
            return Answered::Failed(format!("port {port} is not forwarded"));
        };
        match question.ask(&address, limit.min(ANSWER)) {
            Err(error) => Answered::NotYet(with_cause(&error)),
            Ok(answer) => match compare(&answer, *status, text.as_deref()) {
                // what was answered was received: sending it again would store it twice
                Answered::NotYet(detail) if question.post.is_some() => Answered::Failed(detail),
                known => known,
            },
        }
    }

    /// The question for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the profile's and asked from outside, so that the machine's state need not be READY.
    pub fn is_of_the_application(&self) -> bool {
        self.index.is_some() && matches!(self.kind, Kind::Http { .. })
    }

    fn told(&self, probed: &Probed) -> Answered {
        match self.index.and_then(|index| probed.result(index)) {
            Some(line) if line.ok => Answered::Passed(line.detail.clone()),
            Some(line) => Answered::Failed(line.detail.clone()),
            None if probed.has_ended() => Answered::Failed("the machine did not run it".to_owned()),
            None => Answered::NotYet("the machine has not told its result".to_owned()),
        }
    }

    /// Turns what is known into what the report shows.
    pub fn outcome(&self, ok: bool, detail: String) -> Outcome {
        Outcome { index: self.index, probe: self.name.clone(), ok, detail }
    }
}

fn compare(answer: &Answer, status: u16, text: Option<&str>) -> Answered {
    if answer.status != status {
        let shown = excerpt(&answer.body);
        return Answered::NotYet(format!("status {} instead of {status}: {shown}", answer.status));
    }
    match text {
        Some(text) if !answer.body.contains(text) => {
            let shown = excerpt(&answer.body);
            Answered::NotYet(format!("the answer does not hold {text:?}: {shown}"))
        }
        _ => Answered::Passed(format!("status {status}")),
    }
}

/// The beginning of a body on one line that cannot drive a terminal.
fn excerpt(body: &str) -> String {
    let start: String = body.chars().take(SHOWN).collect();
    plain(&start.replace('\n', " "))
}

fn with_cause(error: &crate::error::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn http(path: &str, post: Option<&str>, text: Option<&str>) -> Probe {
        Probe::Http {
            http: path.to_owned(),
            port: 80,
            status: 200,
            text: text.map(str::to_owned),
            post: post.map(str::to_owned),
            content_type: None,
        }
    }

    #[test]
    fn what_is_sent_and_awaited_holds_the_tests_own_number() {
        let probes = [http("/e", Some("text=kept+{nonce}"), Some("kept {nonce}"))];
        let checks = list(&probes, "77", true);
        let Kind::Http { question, text, .. } = &checks[1].kind else { panic!("not HTTP") };
        assert_eq!(question.post, Some((FORM.to_owned(), "text=kept+77".to_owned())));
        assert_eq!(text.as_deref(), Some("kept 77"));
    }

    #[test]
    fn a_boot_that_shows_what_was_kept_sends_nothing_and_keeps_the_probes_numbers() {
        let unit = Probe::Unit { unit: "a.service".to_owned() };
        let probes = [http("/e", Some("x"), None), http("/e", None, None), unit];
        let numbers = |sending| -> Vec<Option<usize>> {
            list(&probes, "", sending).iter().map(|check| check.index).collect()
        };
        assert_eq!(numbers(true), [None, Some(0), Some(1), Some(2)]);
        assert_eq!(numbers(false), [None, Some(1), Some(2)]);
    }

    #[test]
    fn a_machine_is_asked_at_its_own_address_or_through_a_forwarded_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let machine = std::thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nyes").unwrap();
            }
        });
        let at = |port: u16| {
            let (http, text) = ("/".to_owned(), Some("yes".to_owned()));
            Probe::Http { http, port, status: 200, text, post: None, content_type: None }
        };
        let ask = |port: u16, way: &Way| {
            let checks = list(&[at(port)], "", true);
            checks[1].try_once(&Probed::default(), way, Duration::from_secs(5))
        };
        let direct = Way::Direct("127.0.0.1".to_owned());
        let forwarded = Way::Forwarded(vec![(80, port)]);
        let passed = Answered::Passed("status 200".to_owned());
        assert_eq!(ask(port, &direct), passed);
        assert_eq!(ask(80, &forwarded), passed);
        machine.join().unwrap();
        let missing = "port 81 is not forwarded".to_owned();
        assert_eq!(ask(81, &forwarded), Answered::Failed(missing));
    }

    #[test]
    fn each_port_is_forwarded_once() {
        let probes = [http("/a", None, None), http("/b", None, None)];
        assert_eq!(ports(&list(&probes, "", true)), [STATUS_PORT, 80]);
    }

    #[test]
    fn a_wrong_answer_is_shown_but_not_all_of_it() {
        let answer = Answer { status: 502, body: "x".repeat(5000) };
        let Answered::NotYet(detail) = compare(&answer, 200, None) else { panic!("passed") };
        assert!(detail.starts_with("status 502 instead of 200: x") && detail.len() < 300);
        let answer = Answer { status: 200, body: "no".to_owned() };
        assert_eq!(compare(&answer, 200, Some("no")), Answered::Passed("status 200".to_owned()));
        assert!(matches!(compare(&answer, 200, Some("yes")), Answered::NotYet(_)));
    }
}
