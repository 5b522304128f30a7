//! POSIX access control lists: from the system calls' form to the form on disk.
//!
//! `getxattr` returns version 2, with eight bytes per entry; ext4 stores version 1, where entries
//! without a name have four (fs/ext4/acl.h). With the wrong form the kernel answers EINVAL on every
//! access, and e2fsck says nothing.

use crate::error::{Error, Kind, Result};

/// `POSIX_ACL_XATTR_VERSION` in include/uapi/linux/posix_acl_xattr.h.
const CALL_VERSION: u32 = 2;
/// `EXT4_ACL_VERSION`.
const DISK_VERSION: u32 = 1;
/// Tags of entries in include/uapi/linux/posix_acl.h; only named users and groups have a number.
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
/// Bytes of version and entries in version 2.
const HEADER: usize = 4;
const ENTRY: usize = 8;

/// Converts the value of `system.posix_acl_access` or `system.posix_acl_default`.
pub(crate) fn to_disk(value: &[u8]) -> Result<Vec<u8>> {
    let wrong = || {
        Error::new(Kind::Input, "the access control list is malformed")
            .remedy("set it again with setfacl where the file comes from")
    };
    let (version, entries) = value.split_first_chunk::<HEADER>().ok_or_else(wrong)?;
    let (entries, rest) = entries.as_chunks::<ENTRY>();
    if u32::from_le_bytes(*version) != CALL_VERSION || !rest.is_empty() {
        return Err(wrong());
    }
    let mut disk = DISK_VERSION.to_le_bytes().to_vec();
    for entry in entries {
        match u16::from_le_bytes([entry[0], entry[1]]) {
            USER_OBJ | GROUP_OBJ | MASK | OTHER => disk.extend_from_slice(&entry[..4]),
            USER | GROUP => disk.extend_from_slice(entry),
            _ => return Err(wrong()),
        }
    }
    Ok(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_entries_keep_their_number() {
        let call = [
            &[2, 0, 0, 0][..],
            &[1, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            &[2, 0, 4, 0, 0xE8, 3, 0, 0],
            &[0x20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
        ]
        .concat();
        let disk =
            [&[1, 0, 0, 0][..], &[1, 0, 6, 0], &[2, 0, 4, 0, 0xE8, 3, 0, 0], &[0x20, 0, 0, 0]]
                .concat();
        assert_eq!(to_disk(&call).unwrap(), disk);
    }

    #[test]
    fn malformed_lists_are_refused() {
        for value in
            [&[][..], &[1, 0, 0, 0], &[2, 0, 0, 0, 1], &[2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]]
        {
            assert!(to_disk(value).is_err());
        }
    }
}
