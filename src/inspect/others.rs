//! Recognizes containers and archives that are not supported, to tell them from raw disks. Anything
//! else without a known magic counts as raw, so a format missing here would be copied as if it were
//! a disk.

use super::source::Source;
use super::{qcow2, vhd, vhdx, vmdk};
use crate::error::Result;

/// The number of bytes at a file's start that identify it.
pub const START: u64 = 512;
/// Offset, magic, name. QEMU's block/*.c has the disks' magics, file(1)'s magic/ the archives'.
const OTHERS: [(usize, &[u8], &str); 33] = [
    (0, b"COWD", "a sparse disk of an ESX host"),
    (0, &[0xBE, 0xBA, 0xFE, 0xCA, 0, 0, 0, 0], "a space-efficient sparse disk of an ESX host"),
    (0, b"<<< ", "a VirtualBox disk (VDI)"),
    (64, &[0x7F, 0x10, 0xDA, 0xBE], "a VirtualBox disk (VDI)"),
    (0, b"QED\0", "a disk in QED, an old format of QEMU's"),
    (0, b"WithoutFreeSpace", "a Parallels disk"),
    (0, b"WithouFreSpacExt", "a Parallels disk"),
    (0, b"Bochs Virtual HD Image", "a Bochs disk"),
    (0, b"#!/bin/sh\n#V2.0 Format\n", "a compressed loop device (cloop)"),
    (0, b"LUKS\xBA\xBE", "an encrypted disk (LUKS)"),
    (0, b"MComprHD", "a disk in CHD"),
    (0, b"EVF\x09\x0D\x0A\xFF\0", "a disk in EWF"),
    (0, b"AFF10", "a disk in AFF"),
    (0, b"MSWIM\0\0\0", "a Windows image (WIM)"),
    (0, b"sprs", "a sparse image of macOS"),
    (0, &[0x3A, 0xFF, 0x26, 0xED], "a sparse image of Android"),
    (0, b"partclone-image", "an image of partclone"),
    (0, b"\xFD7zXZ\0", "compressed with xz"),
    (0, b"BZh", "compressed with bzip2"),
    (0, &[0x04, 0x22, 0x4D, 0x18], "compressed with lz4"),
    (0, b"LZIP", "compressed with lzip"),
    (0, &[0x89, b'L', b'Z', b'O', 0, 0x0D, 0x0A], "compressed with lzop"),
    (0, &[0x5D, 0, 0, 0x80, 0], "compressed with lzma"),
    (0, &[0x1F, 0x9D], "compressed with compress"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    (0, b"Rar!\x1A\x07", "a RAR archive"),
    (0, b"MSCF\0\0\0\0", "a CAB archive"),
    (0, b"!<arch>\n", "an ar archive, as a package of Debian's"),
    (0, b"07070", "a cpio archive"),
    (0, b"\x7FELF", "a program"),
    (0, b"<?xml", "a description in XML"),
    (0, b"%PDF-", "a document"),
];
/// The magic of the trailer of a macOS image, and the trailer's length.
const KOLY: (&[u8], u64) = (b"koly", 512);
/// Containers that are supported, but not inside an archive or a compressed file.
const CONTAINERS: [(&[u8], &str); 5] = [
    (qcow2::MAGIC, "a qcow2"),
    (vmdk::MAGIC, "a VMDK"),
    (vhdx::SIGNATURE, "a VHDX"),
    (vhd::COOKIE, "a VHD"),
    (super::stream::ZSTD, "compressed with zstd"),
];

/// The kind of a file that is not supported; none for all others.
pub fn name(source: &Source) -> Result<Option<&'static str>> {
    let start = source.up_to(START, 0)?;
    if is_description(&start) {
        return Ok(Some("a VMDK that only describes disks in other files"));
    }
    let found = OTHERS
        .iter()
        .find(|(at, magic, _)| start.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    if let Some((_, _, what)) = found {
        return Ok(Some(what));
    }
    let trailer = source.length().saturating_sub(KOLY.1);
    let disk_image = source.up_to(KOLY.0.len() as u64, trailer)? == KOLY.0;
    Ok(disk_image.then_some("a disk image of macOS (UDIF)"))
}

/// The same for an unpacked file, where a further container is not supported either.
pub fn name_within(source: &Source) -> Result<Option<&'static str>> {
    let start = source.up_to(START, 0)?;
    let container = CONTAINERS.iter().find(|(magic, _)| start.starts_with(magic));
    match container {
        Some((_, what)) => Ok(Some(what)),
        None => name(source),
    }
}

/// Whether a text begins as VMware's descriptions do, in any case, with or without a byte order
/// mark.
fn is_description(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let text = text.get(..vmdk::DESCRIPTOR.len()).unwrap_or_default();
    text.eq_ignore_ascii_case(vmdk::DESCRIPTOR)
}
