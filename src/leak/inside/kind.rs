//! What a layer of bytes is, by how it begins.

/// Bytes that are needed to tell: a tar's magic is in its first block.
pub(in crate::leak) const HEAD: usize = 512;
/// Bytes of the end of a zip file without a comment, which may begin with something else.
pub(in crate::leak) const TAIL: usize = 22;

/// gzip (RFC 1952, 2.3.1), xz (The .xz File Format, 2.1.1.1) and zstd (RFC 8878, 3.1.1); a skippable frame of zstd ends with
/// these three bytes (3.1.2).
const GZIP: &[u8] = &[0x1F, 0x8B, 8];
const XZ: &[u8] = &[0xFD, b'7', b'z', b'X', b'Z', 0];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
const SKIPPABLE: &[u8] = &[0x2A, 0x4D, 0x18];
/// POSIX's and GNU's tar, and where their magic is (POSIX.1-2017, pax, "ustar Interchange Format").
const USTAR: &[u8] = b"ustar";
const USTAR_AT: usize = 257;
/// The new format of cpio without and with checksums (cpio(5)).
const CPIO: [&[u8]; 2] = [b"070701", b"070702"];
/// A member of a zip file, and the end of its list (APPNOTE.TXT, 4.3.7 and 4.3.16).
const ZIP: &[u8] = b"PK\x03\x04";
pub(super) const ZIP_END: &[u8] = b"PK\x05\x06";

/// What is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Xz,
    Zstd,
    Tar,
    Cpio,
    Zip,
}

impl Kind {
    /// By the first [`HEAD`] bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        let begins = |magic: &[u8]| head.starts_with(magic);
        let skippable = head.first().is_some_and(|b| b & 0xF0 == 0x50)
            && head.get(1..).is_some_and(|rest| rest.starts_with(SKIPPABLE));
        if begins(GZIP) {
            Some(Self::Gzip)
        } else if begins(XZ) {
            Some(Self::Xz)
        } else if begins(ZSTD) || skippable {
            Some(Self::Zstd)
        } else if CPIO.into_iter().any(begins) {
            Some(Self::Cpio)
        } else if begins(ZIP) || begins(ZIP_END) {
            Some(Self::Zip)
        } else {
            let tar = head.get(USTAR_AT..).is_some_and(|rest| rest.starts_with(USTAR));
            tar.then_some(Self::Tar)
        }
    }
}

/// Whether a file may have members, by its first bytes and its last [`TAIL`].
pub(in crate::leak) fn packed(head: &[u8], tail: &[u8]) -> bool {
    Kind::of(head).is_some() || tail.starts_with(ZIP_END)
}
