//! What a machine says on its serial console, found in the console's lines. Pure.
//!
//! The line is shared with the kernel, systemd and the boot loader, so a kernel message may come in the
//! middle of ours.

use serde::Deserialize;

use super::kernel;
use super::state::StateLine;
use crate::console::{LONGEST_LINE, plain};

/// How every line of ours begins.
const MARK: &str = "{\"slipway\":1,";

/// The result of a probe that ran on the machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProbeLine {
    /// What the host passed in.
    #[serde(default)]
    pub nonce: String,
    /// Its place in the profile's list.
    pub probe: usize,
    /// Whether it passed.
    pub ok: bool,
    /// What it saw.
    #[serde(default)]
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct DoneLine {
    #[serde(default)]
    nonce: String,
    probes: String,
}

/// What the appliance said.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A change of state.
    State(StateLine),
    /// One probe's result.
    Probe(ProbeLine),
    /// All probes that run on the machine have run.
    ProbesDone,
}

/// What a machine has told so far of the probes that it runs itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    lines: Vec<ProbeLine>,
    all: bool,
}

impl Probed {
    /// Takes one result.
    pub fn hear(&mut self, line: ProbeLine) {
        self.lines.push(line);
    }

    /// Takes note that there are no more.
    pub fn end(&mut self) {
        self.all = true;
    }

    /// The result of the probe at `index` in the profile's list, once the machine told it.
    pub fn result(&self, index: usize) -> Option<&ProbeLine> {
        self.lines.iter().find(|line| line.probe == index)
    }

    /// Whether the machine has told all its probes' results.
    pub fn has_ended(&self) -> bool {
        self.all
    }
}

/// Finds what this boot's appliance says in the lines of a console.
#[derive(Clone, Debug)]
pub struct Listener {
    nonce: String,
    /// The beginning of a line of ours that a kernel message cut.
    cut: Option<String>,
}

impl Listener {
    /// Listens for lines that carry `nonce`, and for no others.
    pub fn new(nonce: impl Into<String>) -> Self {
        Self { nonce: nonce.into(), cut: None }
    }

    /// Takes one line of the console.
    pub fn hear(&mut self, line: &str) -> Option<Said> {
        let own = match (line.find(MARK), self.cut.take()) {
            (Some(start), _) => line[start..].to_owned(),
            (None, Some(begin)) => begin + line,
            (None, None) => return None,
        };
        if let Some(said) = self.read(&own) {
            return said;
        }
        // a machine that goes on and on without an end would fill our memory
        let begin = kernel::split(&own).map(|(begin, _)| begin);
        let begin = begin.filter(|begin| begin.len() <= LONGEST_LINE);
        self.cut = begin.map(str::to_owned);
        None
    }

    /// `None` when it cannot be read; `Some(None)` when it is another boot's.
    fn read(&self, text: &str) -> Option<Option<Said>> {
        let mut value = serde_json::Deserializer::from_str(text).into_iter().next()?.ok()?;
        clean(&mut value);
        let (nonce, said) = understand(value)?;
        Some((nonce == self.nonce).then_some(said))
    }
}

/// JSON can spell an escape sequence in plain letters; what is shown to people must not hold one.
fn clean(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = plain(text),
        serde_json::Value::Array(list) => list.iter_mut().for_each(clean),
        serde_json::Value::Object(members) => members.values_mut().for_each(clean),
        _ => {}
    }
}

fn understand(value: serde_json::Value) -> Option<(String, Said)> {
    if value.get("state").is_some() {
        let line: StateLine = serde_json::from_value(value).ok()?;
        return Some((line.nonce.clone(), Said::State(line)));
    }
    if value.get("probe").is_some() {
        let line: ProbeLine = serde_json::from_value(value).ok()?;
        return Some((line.nonce.clone(), Said::Probe(line)));
    }
    let line: DoneLine = serde_json::from_value(value).ok()?;
    (line.probes == "done").then_some((line.nonce, Said::ProbesDone))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::console::Splitter;
    use proptest::prelude::*;

    const READY: &str = r#"{"slipway":1,"seq":9,"boot":"b","nonce":"n1","release":"demo-1.0.0+b1","state":"READY","uptime":197.2}"#;

    fn state(said: Option<Said>) -> Option<State> {
        match said? {
            Said::State(line) => Some(line.state),
            Said::Probe(_) | Said::ProbesDone => None,
        }
    }

    #[test]
    fn a_state_line_is_found_behind_foreign_text() {
        let mut listener = Listener::new("n1");
        assert_eq!(state(listener.hear(&format!("login: {READY} trailing"))), Some(State::Ready));
    }

    #[test]
    fn a_line_with_another_nonce_or_none_does_not_count() {
        let mut listener = Listener::new("n2");
        assert_eq!(listener.hear(READY), None);
        assert_eq!(listener.hear(&READY.replace("\"nonce\":\"n1\",", "")), None);
    }

    #[test]
    fn a_line_that_a_kernel_message_cut_is_joined_again() {
        for at in 14..READY.len() {
            let mut listener = Listener::new("n1");
            let (begin, end) = READY.split_at(at);
            assert_eq!(
                listener.hear(&format!("{begin}[  93.123456] random: crng init done")),
                None
            );
            assert_eq!(state(listener.hear(end)), Some(State::Ready), "cut at {at}");
        }
    }

    #[test]
    fn a_line_that_is_cut_again_and_again_is_given_up() {
        let mut listener = Listener::new("n1");
        let (begin, _) = READY.split_at(20);
        listener.hear(&format!("{begin}[  93.123456] random: crng init done"));
        for _ in 0..1000 {
            listener.hear(&format!("{}[  93.123456] again", "x".repeat(LONGEST_LINE / 100)));
        }
        assert_eq!(listener.cut, None);
        assert_eq!(state(listener.hear(READY)), Some(State::Ready));
    }

    #[test]
    fn a_line_that_names_resources_in_brackets_is_not_taken_for_a_cut_one() {
        let line =
            READY.replace("READY\"", "FAILED\",\"failed\":[\"File[/x]: no\",\"Exec[1.5]: bad\"]");
        let mut listener = Listener::new("n1");
        let Some(Said::State(line)) = listener.hear(&line) else { panic!("not a state line") };
        assert_eq!(line.failed, ["File[/x]: no", "Exec[1.5]: bad"]);
    }

    #[test]
    fn an_escape_sequence_that_json_spells_out_is_removed() {
        let line = READY.replace("READY\"", "FAILED\",\"failed\":[\"a\\u001b[2Jb\\nc\"]");
        let Some(Said::State(line)) = Listener::new("n1").hear(&line) else { panic!("no state") };
        assert_eq!(line.failed, ["abc"]);
    }

    #[test]
    fn probe_results_and_their_end_are_read() {
        let mut listener = Listener::new("n");
        let line = r#"{"slipway":1,"nonce":"n","probe":2,"ok":false,"detail":"inactive"}"#;
        let Some(Said::Probe(probe)) = listener.hear(line) else { panic!("not a probe") };
        assert_eq!((probe.probe, probe.ok, probe.detail.as_str()), (2, false, "inactive"));
        let end = r#"{"slipway":1,"nonce":"n","probes":"done"}"#;
        assert_eq!(listener.hear(end), Some(Said::ProbesDone));
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_reader(bytes: Vec<u8>, nonce in "[a-f0-9]{0,4}") {
            let mut splitter = Splitter::default();
            let mut listener = Listener::new(nonce);
            for line in splitter.push(&bytes) {
                listener.hear(&line);
                listener.hear(&format!("{MARK}{line}"));
            }
        }
    }
}
