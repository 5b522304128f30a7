//! One QEMU process: its console, its monitor, and the certainty that it ends with us.
//!
//! `setpriv --pdeathsig` (util-linux) makes the kernel kill QEMU when our thread ends for whatever
//! reason, `kill -9` included. Rejected: prctl in a pre-exec hook, which is unsafe code; QEMU's own
//! `-run-with exit-with-parent`, which no QEMU of today's distributions has; a watching process, which
//! can be killed as well.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::json;

use super::event::Event;
use super::qmp::{Qmp, forwarded};
use crate::console::Splitter;
use crate::error::{Context, Error, Kind, Result};
use crate::file;

const QEMU: &str = "qemu-system-x86_64";
const PACKAGE: &str = "qemu-system-x86";

/// More of the console than this is not kept, in bytes: a guest can write for ever.
const LONGEST_LOG: usize = 8 << 20;

/// A running machine; dropping it cuts its power.
#[derive(Debug)]
pub struct Machine {
    child: Child,
    qmp: Qmp,
    events: Receiver<Event>,
}

impl Machine {
    /// Starts QEMU; the console is also written to `log`, QEMU's own complaints to `complaints`.
    ///
    /// The machine ends with the calling thread at the latest.
    pub fn start(arguments: &[String], log: &Path, complaints: &Path) -> Result<Self> {
        let log = file::make(log).at("cannot create", log)?;
        let errors = file::make(complaints).at("cannot create", complaints)?;
        let (monitor, monitor_end) = UnixStream::pair().doing("cannot make a socket pair")?;
        let (console, console_end) = UnixStream::pair().doing("cannot make a socket pair")?;
        let mut child = command()
            .args(arguments)
            .stdin(Stdio::from(OwnedFd::from(monitor_end)))
            .stdout(Stdio::from(OwnedFd::from(console_end)))
            .stderr(errors)
            .spawn()
            .map_err(cannot_start)?;
        let (sender, events) = channel();
        let console_sender = sender.clone();
        let listener =
            std::thread::Builder::new().spawn(move || listen(console, log, &console_sender));
        let listener = listener.doing("cannot start a thread");
        match listener.and_then(|_| Qmp::open(monitor, sender)) {
            Ok(qmp) => Ok(Self { child, qmp, events }),
            Err(error) => {
                end(&mut child);
                let text = std::fs::read_to_string(complaints).unwrap_or_default();
                Err(Error::new(Kind::Tool, format!("QEMU does not start\n{}", text.trim()))
                    .because(error))
            }
        }
    }

    /// The next event, if one comes within `limit`.
    pub fn next(&self, limit: Duration) -> Option<Event> {
        match self.events.recv_timeout(limit) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Closed),
        }
    }

    /// Pairs of (guest port, port on 127.0.0.1).
    pub fn ports(&mut self) -> Result<Vec<(u16, u16)>> {
        let line = json!({"command-line": "info usernet"});
        let answer = self.qmp.execute("human-monitor-command", line)?;
        Ok(forwarded(answer.as_str().unwrap_or_default()))
    }

    /// Writes the screen to `file` as a binary PPM.
    pub fn screen(&mut self, file: &Path) -> Result<()> {
        self.qmp.execute("screendump", json!({"filename": file})).map(drop)
    }

    /// Presses the power button; the guest decides what it does about it.
    pub fn press_power_button(&mut self) -> Result<()> {
        self.qmp.execute("system_powerdown", json!({})).map(drop)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// QEMU's version, as in "7.2.22"; an error that names the package when it is missing.
pub fn version() -> Result<String> {
    let output = crate::command::output(Command::new(QEMU).arg("--version"), PACKAGE)?;
    let text = String::from_utf8_lossy(&output);
    let version = text.split_whitespace().skip_while(|word| *word != "version").nth(1);
    Ok(version.unwrap_or("unknown").to_owned())
}

/// Runs what follows unless whoever asked for it is dead by now: the kernel tells of deaths that come after it
/// was asked to, and a process that is killed between its fork and that question would leave a machine behind.
const UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$1" ] || exit 1; shift; exec "$@""#;

/// QEMU that ends with the calling thread, and that a Ctrl-C on our terminal does not reach: we end it.
pub fn command() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "sh", "-c", UNLESS_ORPHANED, "sh"]);
    command.arg(std::process::id().to_string()).arg(QEMU).process_group(0);
    command
}

/// The error when [`command`] does not start.
pub fn cannot_start(error: std::io::Error) -> Error {
    crate::command::cannot_start("setpriv", "util-linux", error)
}

/// The error of a test that a signal ends.
pub fn stopped() -> Error {
    Error::new(Kind::Interrupted, "stopped by a signal")
}

/// How often a program that is waited for, and the stop flag, are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a program to its end, or to the signal that sets `stop`; its complaints are the error's.
pub fn run_unless_stopped(command: &mut Command, package: &str, stop: &AtomicBool) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut complaints = tempfile::tempfile().doing("cannot make a temporary file")?;
    let errors = complaints.try_clone().doing("cannot make a temporary file")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .map_err(|e| crate::command::cannot_start(&name, package, e))?;
    let status = loop {
        if stop.load(Ordering::Relaxed) {
            end(&mut child);
            return Err(stopped());
        }
        match child.try_wait().doing(format!("cannot wait for {name}"))? {
            Some(status) => break status,
            None => std::thread::sleep(LOOK),
        }
    };
    let mut stderr = Vec::new();
    complaints.rewind().doing("cannot read a temporary file")?;
    complaints.read_to_end(&mut stderr).doing("cannot read a temporary file")?;
    crate::command::check(&name, &Output { status, stdout: Vec::new(), stderr })
}

/// Ends a process and takes note of its end; one that has ended already is fine.
pub fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Copies the console to the log and, line by line, to the events.
fn listen(mut console: UnixStream, mut log: File, events: &Sender<Event>) {
    let mut splitter = Splitter::default();
    let mut buffer = [0; 4096];
    let mut room = LONGEST_LOG;
    loop {
        let n = match console.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let kept = n.min(room);
        room -= kept;
        // the log is a convenience: a full disk must not blind the test
        let _ = log.write_all(&buffer[..kept]);
        for line in splitter.push(&buffer[..n]) {
            let _ = events.send(Event::Line(line));
        }
    }
    if let Some(line) = splitter.finish() {
        let _ = events.send(Event::Line(line));
    }
    let _ = events.send(Event::Closed);
}
