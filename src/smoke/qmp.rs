//! A client of QEMU's machine protocol (QMP): one JSON object a line, answers and events mixed.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::event::Event;
use crate::error::{Context, Error, Kind, Result};

/// QEMU answers from its main loop, which a translating machine on a busy host keeps waiting.
const ANSWER: Duration = Duration::from_secs(30);

/// An open conversation.
#[derive(Debug)]
pub struct Qmp {
    stream: UnixStream,
    answers: Receiver<Value>,
}

impl Qmp {
    /// Greets QEMU on `stream`; its events go to `events`.
    pub fn open(stream: UnixStream, events: Sender<Event>) -> Result<Self> {
        let (sender, answers) = channel();
        let reader = stream.try_clone().doing("cannot share QEMU's monitor")?;
        let sorter = std::thread::Builder::new().spawn(move || sort(reader, &sender, &events));
        sorter.doing("cannot start a thread")?;
        let mut qmp = Self { stream, answers };
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Runs one command and gives its result.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let line = format!("{}\n", json!({"execute": command, "arguments": arguments}));
        self.stream.write_all(line.as_bytes()).doing(format!("cannot ask QEMU for {command}"))?;
        let mut answer = match self.answers.recv_timeout(ANSWER) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                return Err(Error::new(Kind::Tool, format!("QEMU does not answer {command}")));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new(Kind::Tool, format!("QEMU ended during {command}")));
            }
        };
        match answer.get("error") {
            Some(error) => {
                let reason = error["desc"].as_str().unwrap_or("no reason given");
                Err(Error::new(Kind::Tool, format!("QEMU refused {command}: {reason}")))
            }
            None => Ok(answer["return"].take()),
        }
    }
}

/// Tells answers from events; ends with the stream.
pub fn sort(stream: impl Read, answers: &Sender<Value>, events: &Sender<Event>) {
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let Ok(value) = serde_json::from_str::<Value>(&line) else { continue };
        if value.get("return").is_some() || value.get("error").is_some() {
            if answers.send(value).is_err() {
                return;
            }
        } else if let Some(name) = value["event"].as_str() {
            let reason = value["data"]["reason"].as_str().unwrap_or_default();
            if events.send(Event::Qemu(name.to_owned(), reason.to_owned())).is_err() {
                return;
            }
        }
    }
}

/// Reads the monitor's `info usernet`: pairs of (guest port, host port).
pub fn forwarded(usernet: &str) -> Vec<(u16, u16)> {
    let pair = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            ["TCP[HOST_FORWARD]", _, _, host, _, guest, ..] => {
                Some((guest.parse().ok()?, host.parse().ok()?))
            }
            _ => None,
        }
    };
    usernet.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_ports_are_read_from_the_monitor() {
        let text = "Hub -1 (n):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n  \
            TCP[HOST_FORWARD]   8       127.0.0.1 35087       10.0.2.15  8008     0     0\r\n  \
            UDP[236 sec]   9       127.0.0.1 68       10.0.2.15  67     0     0\r\n";
        assert_eq!(forwarded(text), [(8008, 35087)]);
    }
}
