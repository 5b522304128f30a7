//! Disks that are compressed as a whole, and the contents of disks.

use std::fs;
use std::path::Path;

use super::super::memory::Memory;
use super::{put, read, run, text, written};
use crate::profile::Format;
use crate::units::KIB;

pub(super) fn streams(at: &Path) {
    put("stream", Some(1), "ours-zst", &written(Format::RawZst, 256 * KIB, at));
    let hole = at.join("disk.raw");
    fs::write(&hole, [3; 600]).unwrap();
    fs::OpenOptions::new().write(true).open(&hole).unwrap().set_len(200 * KIB).unwrap();
    for format in ["oldgnu", "gnu", "ustar"] {
        let archive = at.join("archive");
        let sparse = if format == "ustar" { "-h" } else { "-S" };
        let options = ["-b1", "--format", format, sparse, "-C", text(at), "-cf"];
        if format == "ustar" {
            fs::OpenOptions::new().write(true).open(&hole).unwrap().set_len(2 * KIB).unwrap();
        }
        run("tar", &[&options[..], &[text(&archive), "disk.raw"]].concat());
        put("stream", Some(0), format, &read(archive));
    }
}

pub(super) fn disks(at: &Path, root: &Path) {
    let image = at.join("table");
    fs::write(&image, vec![0; 128 * KIB as usize]).unwrap();
    let table = ["-a1", "-n1:40:50", "-t1:ef02", "-n2:51:60", "-t2:ef00", "-n3:61:90", "-t3:8304"];
    run("sgdisk", &[&table[..], &["-c3:root", text(&image)]].concat());
    put("table", Some(0), "sgdisk", &Memory::sparse_input(&read(&image)));

    let program = at.join("program");
    fs::write(&program, signed(&["A Signer"])).unwrap();
    for (bits, size) in [("12", 64), ("16", 4200), ("32", 34_000)] {
        let image = at.join(format!("fat{bits}"));
        fs::write(&image, vec![0; (size * KIB) as usize]).unwrap();
        run("mkfs.vfat", &["-F", bits, "-s1", "-r", "112", "-f1", "-n", "ESP", text(&image)]);
        run("mmd", &["-i", text(&image), "::/EFI", "::/EFI/BOOT"]);
        run("mcopy", &["-i", text(&image), text(&program), "::/EFI/BOOT/BOOTX64.EFI"]);
        run("mcopy", &["-i", text(&image), text(&program), "::/EFI/a long name.cfg"]);
        put("fat", None, &format!("fat{bits}"), &Memory::sparse_input(&read(&image)));
    }

    let plain = "^metadata_csum,^64bit,^has_journal,^resize_inode";
    for (name, features, blocks) in [
        ("plain", plain, "200"),
        ("sums", "^has_journal,^resize_inode", "200"),
        ("blocks", "^extent,^64bit,^metadata_csum,^has_journal,^resize_inode", "200"),
        ("journal", "^metadata_csum,^resize_inode", "4000"),
    ] {
        let image = at.join(format!("ext4-{name}"));
        let options = ["-q", "-t", "ext4", "-b1024", "-N24", "-d", text(root), "-O", features];
        run("mke2fs", &[&options[..], &[text(&image), blocks]].concat());
        put("ext4", None, name, &Memory::sparse_input(&read(&image)));
    }
}

/// A program with these names in its certificates.
fn signed(names: &[&str]) -> Vec<u8> {
    let mut program = vec![0; 0x200];
    program[0x3C] = 0x80;
    program[0x80..0x84].copy_from_slice(b"PE\0\0");
    program[0x98..0x9A].copy_from_slice(&[0x0B, 0x02]);
    program[0x98 + 144..0x98 + 148].copy_from_slice(&0x200u32.to_le_bytes());
    for name in names {
        program.extend([0x06, 0x03, 0x55, 0x04, 0x03, 0x13, name.len() as u8]);
        program.extend(name.as_bytes());
    }
    let length = program.len() as u32 - 0x200;
    program[0x98 + 148..0x98 + 152].copy_from_slice(&length.to_le_bytes());
    program
}

pub(super) fn programs() {
    put("pe", None, "two", &signed(&["A Signer", "A Root"]));
    put("pe", None, "none", &signed(&[]));
}
