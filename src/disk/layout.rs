//! Where the partitions are: pure arithmetic.
//!
//! The root partition is the last one, so that the appliance can grow it to fill whatever disk it
//! gets. Slots 1, 2 and 3 are in the order of their places, as partition tools and people expect.

use crate::error::{Error, Kind, Result};
use crate::units::{ByteSize, MIB};

/// Bytes of a logical sector, the unit of BIOS, GPT and FAT here (UEFI 2.10, 5.2).
pub const SECTOR: u64 = 512;
/// Partitions start and end at multiples of this many bytes; every storage system's stripes divide
/// it.
pub const ALIGNMENT: u64 = MIB;
/// The BIOS boot partition, in bytes: GRUB's core image fits with room for its growth.
pub const BIOS_BOOT: u64 = MIB;
/// The EFI system partition, in bytes: FAT32 needs 65,525 clusters (Microsoft's FAT specification
/// 1.03, "FAT type determination"), which take at least 33 MiB; double that leaves room for boot
/// loader updates.
pub const ESP: u64 = 64 * MIB;
/// The smallest root partition worth the name, in bytes. Its contents need more, and the filesystem
/// says how much.
pub const ROOT_MINIMUM: u64 = 64 * MIB;
/// Bytes left free at the end: the backup table needs 33 sectors, and alignment makes that 1 MiB.
const TAIL: u64 = ALIGNMENT;

/// A run of bytes of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Bytes from the start of the disk.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

impl Region {
    /// The first byte after it.
    pub fn end(self) -> u64 {
        self.offset + self.length
    }

    /// Its first sector.
    pub fn first_sector(self) -> u64 {
        self.offset / SECTOR
    }

    /// Its last sector, inclusive, as GPT counts.
    pub fn last_sector(self) -> u64 {
        self.end() / SECTOR - 1
    }
}

/// The places of all partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The whole disk, in bytes.
    pub size: u64,
    /// Slot 1: the place of BIOS GRUB's core image.
    pub bios_boot: Region,
    /// Slot 2: the EFI system partition.
    pub esp: Region,
    /// Slot 3: the root filesystem, to the end of the disk.
    pub root: Region,
}

/// The smallest accepted disk, in bytes.
pub const DISK_MINIMUM: u64 = ALIGNMENT + BIOS_BOOT + ESP + ROOT_MINIMUM + TAIL;

impl Layout {
    /// Lays out a disk of `size`.
    ///
    /// # Errors
    /// [`Kind::Input`] for a size that is not a whole number of MiB (Azure refuses such a disk, and
    /// others round it) or is too small.
    pub fn new(size: ByteSize) -> Result<Self> {
        let bytes = size.bytes();
        if !bytes.is_multiple_of(ALIGNMENT) {
            let rounded = (bytes / ALIGNMENT).saturating_add(1);
            let message = format!("a disk of {bytes} bytes is not a whole number of MiB");
            return Err(Error::new(Kind::Input, message)
                .remedy(format!("ask for {rounded} MiB, or for another multiple of 1 MiB")));
        }
        if bytes < DISK_MINIMUM {
            let message = format!("a disk of {size} is too small for its partitions");
            return Err(Error::new(Kind::Input, message)
                .remedy(format!("ask for {} or more", ByteSize(DISK_MINIMUM))));
        }
        let bios_boot = Region { offset: ALIGNMENT, length: BIOS_BOOT };
        let esp = Region { offset: bios_boot.end(), length: ESP };
        let root = Region { offset: esp.end(), length: bytes - TAIL - esp.end() };
        Ok(Self { size: bytes, bios_boot, esp, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::GIB;

    #[test]
    fn partitions_are_aligned_adjacent_and_leave_room_for_the_backup_table() {
        let layout = Layout::new(ByteSize(2 * GIB)).unwrap();
        assert_eq!(layout.bios_boot, Region { offset: MIB, length: MIB });
        assert_eq!(layout.esp, Region { offset: 2 * MIB, length: 64 * MIB });
        assert_eq!(layout.root.offset, 66 * MIB);
        assert_eq!(layout.root.end(), 2 * GIB - MIB);
        assert_eq!(layout.root.last_sector() + 1, (2 * GIB - MIB) / SECTOR);
    }

    #[test]
    fn a_size_that_is_odd_or_too_small_is_refused_with_a_size_that_would_do() {
        let odd = Layout::new(ByteSize(GIB + 512)).unwrap_err();
        assert!(odd.find_remedy().unwrap().contains("1025 MiB"), "{odd:?}");
        let small = Layout::new(ByteSize(DISK_MINIMUM - MIB)).unwrap_err();
        assert!(small.find_remedy().unwrap().contains("131 MiB"), "{small:?}");
        assert!(Layout::new(ByteSize(DISK_MINIMUM)).is_ok());
        assert!(Layout::new(ByteSize(u64::MAX)).is_err());
    }
}
