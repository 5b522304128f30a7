//! The specification of a disk, and the identifiers that follow from it.

use uuid::Uuid;

use super::{ext4, gpt};
use crate::units::{ByteSize, Digest, Timestamp};

/// All names that are derived from a plan are in this namespace (RFC 9562, version 5). A constant
/// of this program: another value would give every image other identifiers.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d0c_6a0e_3f1b_5c57_9a46_21f7_b0de_5e11);

/// The seed of the hashes that order a root filesystem's large folders: a function of the pack that is placed first, which is
/// the base's, so that images of one base have them in common. Whoever has any of those images knows it; who can write to
/// a folder of an appliance could do no more with it than make that folder slow.
pub(super) fn hash_seed(base: Option<Digest>) -> [u8; 16] {
    let mut bytes = base.map(|digest| digest.as_bytes().to_vec()).unwrap_or_default();
    bytes.extend_from_slice(b"hash-seed");
    Uuid::new_v5(&NAMESPACE, &bytes).into_bytes()
}

/// What a disk is made from, besides the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// The disk's virtual size: whole MiB, at least [`super::layout::DISK_MINIMUM`].
    pub size: ByteSize,
    /// The plan's digest, from which every identifier on the disk follows.
    pub plan: Digest,
    /// The time of everything that has no time of its own.
    pub time: Timestamp,
    /// Kernel parameters in addition to those that every appliance has, as in `quiet` or
    /// `mitigations=off`.
    pub command_line: Vec<String>,
}

impl DiskSpec {
    /// The identifiers of this disk.
    pub fn ids(&self) -> Ids {
        Ids::of(self.plan)
    }
}

/// Every identifier on a disk: a function of the plan, so that equal plans give equal bytes, and
/// two customers' disks can be attached to one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The partition table's.
    pub guids: gpt::Guids,
    /// The root filesystem's UUID.
    pub filesystem: Uuid,
    /// The EFI partition's serial number.
    pub esp_serial: u32,
}

impl Ids {
    /// The identifiers that belong to a plan.
    pub fn of(plan: Digest) -> Self {
        let id = |name: &str| {
            let mut bytes = plan.as_bytes().to_vec();
            bytes.extend_from_slice(name.as_bytes());
            Uuid::new_v5(&NAMESPACE, &bytes)
        };
        Self {
            guids: gpt::Guids {
                disk: id("disk"),
                bios_boot: id("bios-boot"),
                esp: id("esp"),
                root: id("root"),
            },
            filesystem: Uuid::from_bytes(ext4::with_common_seed(*id("filesystem").as_bytes())),
            esp_serial: id("esp-serial").as_fields().0,
        }
    }
}
