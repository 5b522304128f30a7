//! A program that does not outlive us: a killed build must not leave one working in a root.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{Error as IoError, Read};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::command::{self, Sees};
use crate::error::{Context, Result};
use crate::progress::Progress;

/// How often to check whether a silent program should continue.
const LOOK: Duration = Duration::from_millis(100);

/// The shell's script.
const SUPERVISE: &str = include_str!("files/supervise.sh");

/// The shell's status when there is no such program (POSIX, Shell Command Language, 2.8.2).
pub const NOT_FOUND: i32 = 127;

/// The command that runs `program` in its own session, under a shell that watches over it.
/// Arguments may be added.
pub fn command(program: &OsStr) -> Command {
    // the packages that it installs run scripts: these see the network's settings, but none of our
    // keys
    let mut command = command::seeing("/bin/sh", Sees::Network(&[]));
    command.args(["-c", SUPERVISE, "supervise"]).arg(program).process_group(0);
    command
}

/// A running program: its group gets SIGKILL when this value is dropped or this process ends.
pub struct Group {
    name: &'static str,
    child: std::process::Child,
    life: Option<ChildStdin>,
}

impl Group {
    /// Starts the result of [`command`]. The program's output is discarded; its error output goes
    /// to the caller.
    pub fn start(command: &mut Command, name: &'static str) -> Result<(Self, Option<ChildStderr>)> {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child =
            command.spawn().map_err(|e: IoError| command::cannot_start("sh", "dash", e))?;
        // waiting for a child closes its standard input, which would end it: so that is kept
        // elsewhere
        let (life, stderr) = (child.stdin.take(), child.stderr.take());
        Ok((Self { name, child, life }, stderr))
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<ExitStatus> {
        self.child.wait().doing(format!("cannot wait for {}", self.name))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        drop(self.life.take());
        // the shell ends together with its group; without this it would stay as a zombie
        let _ = self.child.wait();
    }
}

/// Lets `hear` read a program's error output until it ends; returns its status.
///
/// # Errors
/// The error from `progress` once the program should not continue: it is then ended, with
/// everything that it started.
pub fn listen(
    group: Group,
    stderr: Option<ChildStderr>,
    progress: &dyn Progress,
    hear: impl FnOnce(&mut dyn Read),
) -> Result<ExitStatus> {
    let (sender, said) = channel();
    std::thread::scope(move |scope| {
        if let Some(stderr) = stderr {
            let thread = std::thread::Builder::new();
            let reading = thread.spawn_scoped(scope, move || pass_on(stderr, &sender));
            reading.doing("cannot start a thread")?;
        }
        hear(&mut Said { said, left: VecDeque::new(), progress });
        // in this scope: the reading thread waits for the program's end
        progress.go_on()?;
        group.wait()
    })
}

fn pass_on(mut stderr: ChildStderr, to: &Sender<Vec<u8>>) {
    let mut buffer = vec![0; 1 << 13];
    while let Ok(n @ 1..) = stderr.read(&mut buffer) {
        // even if nobody listens any more, the program must not wait for a reader
        let _ = to.send(buffer[..n].to_vec());
    }
}

/// A program's output, until it ends or should not continue.
struct Said<'a> {
    said: Receiver<Vec<u8>>,
    left: VecDeque<u8>,
    progress: &'a dyn Progress,
}

impl Read for Said<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.left.is_empty() && self.progress.go_on().is_ok() {
            match self.said.recv_timeout(LOOK) {
                Ok(bytes) => self.left = bytes.into(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.left.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Instant;

    use super::*;
    use crate::error::Kind;
    use crate::progress::{Quiet, Stoppable};

    fn shell(script: &str) -> Command {
        let mut command = command("sh".as_ref());
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_status_and_the_complaints_are_the_programs() {
        let (group, stderr) = Group::start(&mut shell("echo no >&2; exit 7"), "sh").unwrap();
        let mut said = String::new();
        stderr.unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((group.wait().unwrap().code(), said.as_str()), (Some(7), "no\n"));
    }

    #[test]
    fn a_program_that_is_ended_before_it_is_a_group_ends_all_the_same() {
        for _ in 0..20 {
            let (group, stderr) = Group::start(&mut shell("sleep 60"), "sh").unwrap();
            drop(group);
            stderr.unwrap().read_to_end(&mut Vec::new()).unwrap();
        }
    }

    #[test]
    fn a_program_that_says_nothing_is_ended_once_it_is_not_to_go_on() {
        let (group, stderr) = Group::start(&mut shell("sleep 60"), "sh").unwrap();
        let stop = AtomicBool::new(true);
        let progress = Stoppable { progress: &Quiet, stop: &stop };
        let begun = Instant::now();
        let mut heard = Vec::new();
        let ended = listen(group, stderr, &progress, |said| {
            said.read_to_end(&mut heard).unwrap();
        });
        assert_eq!(ended.unwrap_err().kind(), Kind::Interrupted);
        assert!(begun.elapsed() < Duration::from_secs(30));

        let (group, stderr) = Group::start(&mut shell("echo no >&2; exit 7"), "sh").unwrap();
        let status = listen(group, stderr, &Quiet, |said| {
            said.read_to_end(&mut heard).unwrap();
        });
        assert_eq!((status.unwrap().code(), &heard[..]), (Some(7), &b"no\n"[..]));
    }

    #[test]
    fn a_program_that_is_not_there_has_a_status_of_its_own() {
        let (group, _stderr) =
            Group::start(&mut command("no-such-program".as_ref()), "it").unwrap();
        assert_eq!(group.wait().unwrap().code(), Some(NOT_FOUND));
    }

    #[test]
    fn what_the_program_started_ends_with_us_though_it_ignores_signals() {
        let stubborn = "trap '' HUP INT TERM; echo >&2; while :; do sleep 60; done & wait";
        let (group, stderr) = Group::start(&mut shell(stubborn), "sh").unwrap();
        let mut stderr = stderr.unwrap();
        // once it has written something, it ignores the signals
        stderr.read_exact(&mut [0]).unwrap();
        let begun = Instant::now();
        drop(group);
        // the stream ends when the last process that holds it does
        stderr.read_to_end(&mut Vec::new()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
