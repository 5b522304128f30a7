//! What the kernel says about trouble of its own, found in the lines of a serial console. Pure.
//!
//! A panic ends the machine, and is a verdict. Everything else is told beside the verdict: a machine may be READY with
//! a driver that died, and only its console shows it. It is no verdict because some of it is the host's doing (a
//! translated machine on a busy host stalls), and because a warning of a distribution's kernel is nobody's release.

use serde::{Deserialize, Serialize};

/// The kernel's last words, if this line has them.
pub fn panic_message(line: &str) -> Option<&str> {
    line.find("Kernel panic - not syncing").map(|start| line[start..].trim_end())
}

/// One complaint of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// What it is about.
    pub about: Trouble,
    /// The kernel's line, without its time.
    pub text: String,
}

/// What the kernel complains about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Its own code died (an oops); what called it is gone or hangs.
    Oops,
    /// Its own code found a state that should not be, and went on.
    Warning,
    /// It killed a process for its memory.
    Memory,
    /// A disk or the file system on it does not work.
    Disk,
    /// A task or a processor made no progress for long: on a busy host the host's doing.
    Stall,
}

/// How the kernel words each kind, in its `kernel/watchdog.c`, `kernel/workqueue.c`, `kernel/hung_task.c`,
/// `kernel/rcu/tree_stall.h`, `mm/oom_kill.c`, `block/blk-core.c`, `fs/ext4/super.c`, `arch/x86/mm/fault.c` and
/// `lib/bug.c`. The first that fits counts, so stalls come before the oopses that also begin with BUG.
const WORDINGS: [(&str, Trouble); 10] = [
    ("BUG: soft lockup", Trouble::Stall),
    ("BUG: workqueue lockup", Trouble::Stall),
    ("blocked for more than", Trouble::Stall),
    ("detected stall", Trouble::Stall),
    ("Out of memory: Killed process", Trouble::Memory),
    ("Memory cgroup out of memory: Killed process", Trouble::Memory),
    ("I/O error, dev ", Trouble::Disk),
    ("EXT4-fs error", Trouble::Disk),
    ("BUG: ", Trouble::Oops),
    ("kernel BUG at ", Trouble::Oops),
];

/// How a warning's line begins (`kernel/panic.c`); in the middle of a line the word is some driver's.
const WARNING: &str = "WARNING: ";

/// The kernel's complaint, if this line is one.
///
/// Only what has the kernel's time in front counts: a program may write on this console what it likes.
pub fn complaint(line: &str) -> Option<Complaint> {
    let (_, text) = split(line)?;
    let about = if text.starts_with(WARNING) {
        Trouble::Warning
    } else if is_die(text) {
        Trouble::Oops
    } else {
        WORDINGS.iter().find(|(words, _)| text.contains(words))?.1
    };
    Some(Complaint { about, text: text.trim_end().to_owned() })
}

/// What stands before the first message of the kernel in a line, and the message without its time since power-on, as in
/// `{"slipwa[   12.345678] random: …`.
pub fn split(line: &str) -> Option<(&str, &str)> {
    line.match_indices('[').find_map(|(start, _)| {
        let (time, text) = line[start + 1..].split_once(']')?;
        let (seconds, fraction) = time.trim_start().split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let text = text.strip_prefix(' ').unwrap_or(text);
        (digits(seconds) && digits(fraction)).then_some((&line[..start], text))
    })
}

/// Whether these are an oops's first words (`arch/x86/kernel/dumpstack.c`), which count it, as in "invalid opcode: 0000 [#1] PREEMPT SMP".
fn is_die(text: &str) -> bool {
    let Some((before, after)) = text.split_once(" [#") else { return false };
    let code = before.rsplit(' ').next().unwrap_or_default();
    let count = after.split_once(']').map_or("", |(count, _)| count);
    code.len() == 4
        && code.bytes().all(|b| b.is_ascii_hexdigit())
        && !count.is_empty()
        && count.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(line: &str) -> Option<Trouble> {
        complaint(line).map(|complaint| complaint.about)
    }

    #[test]
    fn the_kernels_troubles_are_told_apart() {
        for (line, expected) in [
            ("[   11.210987] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI", Trouble::Oops),
            (
                "[    9.1] Oops: general protection fault, probably for x: 0000 [#2] SMP",
                Trouble::Oops,
            ),
            ("[    9.1] BUG: kernel NULL pointer dereference, address: 08", Trouble::Oops),
            ("[    9.1] kernel BUG at fs/ext4/inode.c:2732!", Trouble::Oops),
            (
                "[    9.1] WARNING: CPU: 1 PID: 254 at crypto/api.c:174 x+0x96/0xa0",
                Trouble::Warning,
            ),
            ("[  300.0] Out of memory: Killed process 812 (java) total-vm:1kB", Trouble::Memory),
            ("[    9.1] I/O error, dev vda, sector 2048 op 0x1:(WRITE)", Trouble::Disk),
            ("[    9.1] EXT4-fs error (device vda3): ext4_lookup:1855", Trouble::Disk),
            (
                "[   48.0] watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [java:9]",
                Trouble::Stall,
            ),
            (
                "[  242.1] INFO: task jbd2/vda3-8:214 blocked for more than 120 seconds.",
                Trouble::Stall,
            ),
            ("[   60.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", Trouble::Stall),
            ("[   60.0] rcu: INFO: rcu_preempt self-detected stall on CPU", Trouble::Stall),
        ] {
            assert_eq!(about(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_complaint_is_the_line_without_its_time_and_what_stood_before_it() {
        let found = complaint("[  OK  ] Started x[    1.5] WARNING: a [b] c ").unwrap();
        assert_eq!(found.text, "WARNING: a [b] c");
    }

    #[test]
    fn an_ordinary_boot_and_what_programs_say_are_no_complaint() {
        for line in [
            "WARNING: CPU: 1 PID: 254 at crypto/api.c:174",
            "[  OK  ] Started WARNING: x",
            "[    0.1] Freeing SMP alternatives memory: 36K",
            "[    0.1] random: WARNING: fine",
            "[    1.2] systemd[1]: unit [#1] started",
            "[    1.2] x: 12 [#1] y",
            "[    1.2] ",
            "[",
        ] {
            assert_eq!(complaint(line), None, "{line}");
        }
    }
}
