//! Checks what only an attempt can show.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::Finding;
use super::programs::{Distribution, find};
use crate::command::{self, Sees};
use crate::error::Result;
use crate::format;
use crate::progress::Progress;
use crate::smoke::{self, Accelerator};
use crate::units::{ByteSize, GIB, Timestamp};

/// The space for a base, its layers, a bundle and an image of the demo's size, and for the next
/// ones.
const ENOUGH: u64 = 10 * GIB;
/// A machine with an earlier time is wrong: this program is younger than that (2026-01-01).
const EARLIEST: i64 = 1_767_225_600;

/// Lets mmdebstrap make the same namespace as for a base.
pub(super) fn namespaces(distribution: &Distribution, path: &str) -> Finding {
    const SUBJECT: &str = "user namespaces";
    if find("mmdebstrap", path).is_none() {
        return Finding::missing(
            SUBJECT,
            "not tried: mmdebstrap is missing",
            distribution.install("mmdebstrap"),
        );
    }
    let mut trial = command::seeing("mmdebstrap", Sees::Plain);
    match command::output(trial.args(["--unshare-helper", "true"]), "mmdebstrap") {
        Ok(_) => Finding::good(SUBJECT, "mmdebstrap can make one"),
        Err(error) => {
            let said = error.to_string();
            let said = said.lines().last().unwrap_or_default();
            Finding::missing(
                SUBJECT,
                format!("bases cannot be made: {said}"),
                "give this user a range in /etc/subuid and /etc/subgid (usermod --add-subuids, --add-subgids), and allow \
                 namespaces: in a container --security-opt seccomp=unconfined, on Ubuntu 24.04 mmdebstrap's own package, \
                 whose AppArmor profile allows them",
            )
        }
    }
}

/// Keeps the trial's note: why the machine would run in emulation.
#[derive(Default)]
struct Heard(Mutex<String>);

impl Progress for Heard {
    fn step(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn note(&self, line: &str) {
        line.clone_into(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// Runs a tiny guest.
pub(super) fn kvm(path: &str, scratch: &Path, stop: &AtomicBool) -> Result<Finding> {
    const SUBJECT: &str = "KVM";
    if find("qemu-system-x86_64", path).is_none() {
        return Ok(Finding::limited(SUBJECT, "not tried: QEMU is missing", "install QEMU first"));
    }
    let heard = Heard::default();
    Ok(match smoke::accelerator(scratch, stop, &heard)? {
        Accelerator::Kvm => Finding::good(SUBJECT, "a guest ran"),
        Accelerator::Tcg => Finding::limited(
            SUBJECT,
            heard.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
            "images still boot, but ten times slower; run smoke tests where virtualisation is allowed, by a user of \
             the group kvm",
        ),
    })
}

/// Uses the nearest folder above that exists.
pub(super) fn space(subject: &str, folder: &Path) -> Finding {
    let shown = folder.display();
    match format::space::spare(folder, std::iter::empty()) {
        Ok(free) if free >= ENOUGH => {
            Finding::good(subject, format!("{} in {shown}", ByteSize(free)))
        }
        Ok(free) => Finding::limited(
            subject,
            format!("{} in {shown}", ByteSize(free)),
            format!(
                "a first image may take {}: free some space, or name another folder",
                ByteSize(ENOUGH)
            ),
        ),
        Err(error) => Finding::failed(subject, &error, "name another folder"),
    }
}

pub(super) fn clock(now: Timestamp) -> Finding {
    const SUBJECT: &str = "clock";
    if now.seconds >= EARLIEST {
        return Finding::good(SUBJECT, now.to_string());
    }
    Finding::missing(
        SUBJECT,
        format!("{now} is past: signatures and certificates will be refused"),
        "set it: timedatectl set-ntp true",
    )
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_that_stands_before_this_program_was_written_is_wrong() {
        assert_eq!(clock(Timestamp::from_seconds(0)).state, State::Missing);
        assert_eq!(clock(Timestamp::from_seconds(EARLIEST)).state, State::Good);
    }

    #[test]
    fn the_space_of_a_folder_that_is_not_there_yet_is_its_parents() {
        let folder = tempfile::tempdir().unwrap();
        let here = space("x", folder.path());
        assert_eq!(space("x", &folder.path().join("a/b")).state, here.state);
    }
}
