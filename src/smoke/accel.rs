//! Finds out by trying whether KVM works.
//!
//! That /dev/kvm opens and makes a machine proves nothing: under some clouds it then hangs the guest for
//! ever, aborts QEMU, or runs it thousands of times too slowly. So a tiny guest has to end about as soon as a
//! translated one does on the same machine in the same minute. No fixed limit serves every machine: where KVM is
//! emulated in its turn the guest took 1.9 to 2.9 s, beside 0.1 s by the translator, and passed a limit of 2 s now and then.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::args::{FIXED, acceleration};
use super::machine;
use super::order::Accelerator;
use crate::error::{Context, Result};
use crate::progress::Progress;
use crate::units::MIB;

const DEVICE: &str = "/dev/kvm";

/// The translated guest ends in 0.1 s; after this much it hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// How often each accelerator is tried: one try may fall into a busy moment.
const TRIES: usize = 3;

/// KVM may take this many times what the translator takes: a working one takes less, an emulated one took fifteen times.
const SLOWER: u32 = 2;

/// KVM's limit where QEMU has no translator to compare it with.
const ALONE: Duration = Duration::from_secs(1);

/// QEMU's isa-debug-exit ends the process with (value << 1) | 1; the guest writes 0x10.
const PASSED: i32 = 0x10 << 1 | 1;

/// Bytes in a disk sector; the BIOS loads the first one to 0x7c00 if it ends with 55 aa.
const SECTOR: usize = 512;

/// What a 64-bit kernel needs first of all: it enters long mode with paging, then ends the machine.
///
/// ```text
///         cli; xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax; mov sp,0x7c00; cld
///         mov di,0x1000; mov cx,0x1800; rep stosw     ; three empty page tables
///         mov word [0x1000],0x2003                    ; level 4 -> level 3
///         mov word [0x2000],0x3003                    ; level 3 -> level 2
///         mov word [0x3000],0x0083                    ; the first 2 MiB, as one page
///         mov eax,0x1000; mov cr3,eax
///         mov eax,cr4; or al,0x20; mov cr4,eax        ; physical address extension
///         mov ecx,0xc0000080; rdmsr; or ah,1; wrmsr   ; EFER: long mode
///         lgdt [gdtr]
///         mov eax,cr0; or eax,0x80000001; mov cr0,eax ; paging, protection
///         jmp 8:long
/// long:   mov al,0x10; out 0xf4,al                    ; 64-bit code
/// halt:   hlt; jmp halt
///         align 8
/// gdt:    dq 0, 0x00209a0000000000
/// gdtr:   dw 15; dd gdt
/// ```
const GUEST: [u8; 0x80] = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0xfc, 0xbf, 0x00, 0x10,
    0xb9, 0x00, 0x18, 0xf3, 0xab, 0xc7, 0x06, 0x00, 0x10, 0x03, 0x20, 0xc7, 0x06, 0x00, 0x20, 0x03,
    0x30, 0xc7, 0x06, 0x00, 0x30, 0x83, 0x00, 0x66, 0xb8, 0x00, 0x10, 0x00, 0x00, 0x0f, 0x22, 0xd8,
    0x0f, 0x20, 0xe0, 0x0c, 0x20, 0x0f, 0x22, 0xe0, 0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32,
    0x80, 0xcc, 0x01, 0x0f, 0x30, 0x0f, 0x01, 0x16, 0x78, 0x7c, 0x0f, 0x20, 0xc0, 0x66, 0x0d, 0x01,
    0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0, 0xea, 0x5b, 0x7c, 0x08, 0x00, 0xb0, 0x10, 0xe6, 0xf4, 0xf4,
    0xeb, 0xfd, 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x9a, 0x20, 0x00, 0x0f, 0x00, 0x68, 0x7c, 0x00, 0x00, 0x00, 0x00,
];

/// KVM when a tiny guest ends under it in time, else TCG; says which and why.
///
/// # Errors
/// [`crate::error::Kind::Interrupted`] once `stop` is set.
pub fn find(scratch: &Path, stop: &AtomicBool, progress: &dyn Progress) -> Result<Accelerator> {
    let slower = "the machine is translated (TCG), which is about ten times slower";
    let refused = match File::options().read(true).write(true).open(DEVICE) {
        Ok(_) if kvm_works(scratch, stop)? => return Ok(Accelerator::Kvm),
        Ok(_) => "/dev/kvm cannot run a guest here",
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            "/dev/kvm is not for this user (its group, kvm, may use it)"
        }
        Err(_) => "there is no /dev/kvm",
    };
    progress.note(&format!("{refused}: {slower}"));
    Ok(Accelerator::Tcg)
}

/// Whether the tiny guest ends under KVM about as soon as under the translator.
fn kvm_works(scratch: &Path, stop: &AtomicBool) -> Result<bool> {
    let mut fastest = None;
    for _ in 0..TRIES {
        fastest = fastest.into_iter().chain(trial(Accelerator::Tcg, scratch, LIMIT, stop)?).min();
    }
    for _ in 0..TRIES {
        if trial(Accelerator::Kvm, scratch, limit(fastest), stop)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What KVM may take where the translator took `fastest`.
fn limit(fastest: Option<Duration>) -> Duration {
    fastest.map_or(ALONE, |fastest| fastest * SLOWER)
}

/// What the tiny guest takes under `accelerator`, unless it does not end as it should within `limit`; its disk is
/// written into `scratch`.
fn trial(
    accelerator: Accelerator,
    scratch: &Path,
    limit: Duration,
    stop: &AtomicBool,
) -> Result<Option<Duration>> {
    let disk = scratch.join("probe.raw");
    write_disk(&disk)?;
    let (accel, processor) = acceleration(accelerator, false);
    let node = serde_json::json!({"driver": "raw", "node-name": "disk", "read-only": true,
        "file": {"driver": "file", "filename": disk}});
    let start = Instant::now();
    let mut child = machine::command()
        .args(["-machine", "q35", "-accel", accel, "-cpu", &processor, "-m", "64M"])
        .args(FIXED)
        .args(["-display", "none", "-no-reboot"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
        .args(["-blockdev", &node.to_string(), "-device", "virtio-blk-pci,drive=disk"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(machine::cannot_start)?;
    while start.elapsed() < limit {
        if stop.load(Ordering::Relaxed) {
            machine::end(&mut child);
            return Err(machine::stopped());
        }
        if let Some(status) = child.try_wait().doing("cannot wait for QEMU")? {
            return Ok((status.code() == Some(PASSED)).then(|| start.elapsed()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    machine::end(&mut child);
    Ok(None)
}

/// The boot sector on a disk of 1 MiB: SeaBIOS does not boot a virtio disk of one sector.
fn write_disk(path: &Path) -> Result<()> {
    let mut sector = [0; SECTOR];
    sector[..GUEST.len()].copy_from_slice(&GUEST);
    sector[SECTOR - 2..].copy_from_slice(&[0x55, 0xaa]);
    let mut file = File::create(path).at("cannot create", path)?;
    file.write_all(&sector).at("cannot write", path)?;
    file.set_len(MIB).at("cannot write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tiny_guest_ends_when_it_is_translated() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            trial(Accelerator::Tcg, folder.path(), LIMIT, &AtomicBool::new(false))
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn a_guest_that_does_not_end_within_the_limit_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let limit = Duration::from_millis(1);
        let go = AtomicBool::new(false);
        assert_eq!(trial(Accelerator::Tcg, folder.path(), limit, &go).unwrap(), None);
        let stop = AtomicBool::new(true);
        assert!(trial(Accelerator::Tcg, folder.path(), LIMIT, &stop).is_err());
    }

    #[test]
    fn an_emulated_kvm_is_too_slow_on_an_idle_machine_and_where_there_is_no_translator() {
        // the fastest that one was seen
        let emulated = Duration::from_millis(1892);
        // the slowest that the translator was seen beside it
        assert!(emulated > limit(Some(Duration::from_millis(160))));
        assert!(emulated > limit(None));
    }

    #[test]
    fn an_accelerator_is_always_found() {
        let folder = tempfile::tempdir().unwrap();
        find(folder.path(), &AtomicBool::new(false), &crate::progress::Quiet).unwrap();
    }
}
