//! How a smoke test ended, what that means, and what to do about it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::appliance::{State, StateLine};

/// How a smoke test ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Verdict {
    /// The right release converged, and every probe passed.
    Ready,
    /// Something did not happen within its limit.
    TimedOut {
        /// What did not happen.
        missing: Missing,
        /// The limit, in seconds.
        limit: u64,
    },
    /// The appliance says that it failed.
    Failed {
        /// What it said.
        line: Box<StateLine>,
    },
    /// The kernel panicked.
    Panicked {
        /// Its message.
        message: String,
    },
    /// The machine converges to another release.
    WrongRelease {
        /// What was expected.
        expected: String,
        /// What it says.
        found: String,
    },
    /// The machine is READY, but does not do what the profile asks.
    ProbeFailed {
        /// Which probe.
        probe: String,
        /// What came instead.
        detail: String,
    },
    /// The machine stopped by itself.
    Stopped {
        /// QEMU's word for it, as in "guest-reset".
        reason: String,
    },
    /// After its second boot the machine is another one.
    IdentityChanged {
        /// What changed.
        what: String,
        /// In the first boot.
        before: String,
        /// In the second.
        after: String,
    },
}

/// What a limit ran out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Missing {
    /// Not one line came over the serial console: the boot loader or the kernel did not start.
    Console,
    /// The console works, but no state line of this boot came.
    StateLine,
    /// The awaited state.
    State {
        /// What was awaited.
        awaited: State,
        /// How far it came.
        last: State,
    },
    /// The machine did not switch off at the power button.
    PowerOff,
}

impl Verdict {
    /// The exit code of `slipway smoke`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::TimedOut { .. } => 10,
            Self::Failed { .. } => 11,
            Self::Panicked { .. } => 12,
            Self::WrongRelease { .. } => 13,
            Self::ProbeFailed { .. } => 14,
            Self::Stopped { .. } => 15,
            Self::IdentityChanged { .. } => 16,
        }
    }

    /// One sentence: what happened.
    pub fn summary(&self) -> String {
        match self {
            Self::Ready => "READY: the release converged and every probe passed".to_owned(),
            Self::TimedOut { missing, limit } => {
                format!("timed out: {} within {limit} s", missing.describe())
            }
            Self::Failed { line } => failed(line),
            Self::Panicked { message } => message.clone(),
            Self::WrongRelease { expected, found } => {
                format!("wrong release: expected {expected}, the machine converges to {found}")
            }
            Self::ProbeFailed { probe, detail } => {
                format!("READY, but the probe {probe} failed: {detail}")
            }
            Self::Stopped { reason } => format!("the machine stopped by itself ({reason})"),
            Self::IdentityChanged { what, before, after } => {
                format!("the second boot has another {what}: {before} became {after}")
            }
        }
    }

    /// What to do about it, as an imperative; nothing when all is well.
    pub fn advice(&self) -> Option<String> {
        let text = match self {
            Self::Ready => return None,
            Self::TimedOut { missing, limit } => return Some(missing.advice(*limit)),
            Self::Failed { line } => match &line.hint {
                Some(hint) => return Some(hint.clone()),
                None => "look at the resources above, and at the report's serial log",
            },
            Self::Panicked { .. } => {
                "look at the last lines for the reason; 'VFS: unable to mount root' means that \
                 drivers are missing in the base's initramfs"
            }
            Self::WrongRelease { .. } => {
                "build the image again, or give --release what it should be"
            }
            Self::ProbeFailed { .. } => {
                "the catalog was applied, so look at the application, or correct the profile's probe"
            }
            Self::Stopped { .. } => "look at the last lines and at the picture of the screen",
            Self::IdentityChanged { .. } => {
                "first boot made its secrets again: its stamp was lost, or never written"
            }
        };
        Some(text.to_owned())
    }
}

/// How the kernel says that no timer interrupt came in the ten ticks that it waited for one.
const LATE_TIMER: &str = "IO-APIC + timer doesn't work";

impl Verdict {
    /// Whether only the host can be blamed: a translated machine on a busy host gets its timer's first
    /// interrupts too late, and then the kernel gives up before it has seen the disk.
    pub fn is_late_timer(&self) -> bool {
        matches!(self, Self::Panicked { message } if message.contains(LATE_TIMER))
    }
}

/// State, stage, cause and the first resource: what fits on one line.
fn failed(line: &StateLine) -> String {
    let mut text = line.state.name().to_owned();
    if let Some(stage) = &line.stage {
        text.push_str(&format!(" in stage {stage}"));
    }
    if let Some(message) = line.message.as_ref().or(line.code.as_ref()) {
        text.push_str(&format!(": {message}"));
    }
    text
}

impl Missing {
    fn describe(self) -> String {
        match self {
            Self::Console => "nothing was heard from the boot loader or the kernel".to_owned(),
            Self::StateLine => "the console speaks, but no state line of this boot came".to_owned(),
            Self::State { awaited, last } => {
                format!("the machine got to {} and not to {}", last.name(), awaited.name())
            }
            Self::PowerOff => "the machine did not switch off at the power button".to_owned(),
        }
    }

    fn advice(self, limit: u64) -> String {
        let text = match self {
            Self::Console => {
                "look at the picture of the screen: it shows what the firmware or GRUB complains about"
            }
            Self::StateLine => {
                "look at the last lines: firmware, kernel or systemd says there what it waits for"
            }
            Self::PowerOff => "look at the last lines: systemd says there which unit does not stop",
            Self::State { .. } => {
                return format!(
                    "look at the last lines; on a busy or slow machine give more time, as in --timeout {}",
                    2 * limit
                );
            }
        };
        text.to_owned()
    }
}

impl Verdict {
    /// A time-out after `limit`.
    pub fn timed_out(missing: Missing, limit: Duration) -> Self {
        Self::TimedOut { missing, limit: limit.as_secs() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_failures_have_different_exit_codes() {
        let verdicts = [
            Verdict::Ready,
            Verdict::timed_out(Missing::Console, Duration::from_secs(1)),
            Verdict::Panicked { message: String::new() },
            Verdict::WrongRelease { expected: String::new(), found: String::new() },
            Verdict::ProbeFailed { probe: String::new(), detail: String::new() },
            Verdict::Stopped { reason: String::new() },
        ];
        let mut codes: Vec<u8> = verdicts.iter().map(Verdict::exit_code).collect();
        codes.dedup();
        assert_eq!(codes, [0, 10, 12, 13, 14, 15]);
    }

    #[test]
    fn a_late_timer_is_told_apart_from_a_panic_of_the_images_own() {
        let panic = |text: &str| Verdict::Panicked { message: format!("Kernel panic: {text}") };
        assert!(panic("IO-APIC + timer doesn't work!  Boot with apic=debug").is_late_timer());
        assert!(!panic("VFS: Unable to mount root fs").is_late_timer());
        assert!(!Verdict::Ready.is_late_timer());
    }

    #[test]
    fn a_timeout_says_how_far_the_machine_came_and_what_to_try() {
        let missing = Missing::State { awaited: State::Ready, last: State::Ca };
        let verdict = Verdict::timed_out(missing, Duration::from_secs(90));
        assert_eq!(
            verdict.summary(),
            "timed out: the machine got to CA and not to READY within 90 s"
        );
        assert!(verdict.advice().unwrap().ends_with("--timeout 180"));
    }
}
