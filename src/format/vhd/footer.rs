//! The footer ("Hard Disk Footer Format").

use uuid::Uuid;

use super::geometry::Geometry;
use super::{SECTOR, checksum};

const COOKIE: [u8; 8] = *b"conectix";
/// "Reserved. This bit must always be set to 1."
const FEATURES: u32 = 2;
const VERSION: u32 = 0x0001_0000;
/// No further header: the data offset of a fixed disk.
const NONE: u64 = u64::MAX;
/// Seconds since 2000-01-01.
const TIME: u32 = 0;
/// Hyper-V's. This value decides how others read the size: QEMU up to 9.1 uses the geometry for
/// every creator that it does not know, including a name of our own, and VirtualBox has such a
/// list, too.
const CREATOR: [u8; 4] = *b"win ";
/// The version of the first Windows whose Hyper-V wrote such files with this meaning: 6.1.
const CREATOR_VERSION: u32 = 0x0006_0001;
/// Windows; the specification's other value is Macintosh.
const CREATOR_OS: [u8; 4] = *b"Wi2k";
/// The place of the checksum.
const CHECKSUM: std::ops::Range<usize> = 64..68;

/// The kind of disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The disk's bytes in order.
    Fixed,
    /// Blocks after a table; the dynamic header is at this offset.
    Dynamic {
        /// Bytes from the start of the file.
        header: u64,
    },
}

/// The sector that ends every VHD, and begins a dynamic one.
pub fn footer(kind: Kind, size: u64, id: Uuid) -> [u8; SECTOR as usize] {
    let (disk_type, header) = match kind {
        Kind::Fixed => (2u32, NONE),
        Kind::Dynamic { header } => (3, header),
    };
    let Geometry { cylinders, heads, sectors } = Geometry::of(size / SECTOR);
    let mut b = Vec::with_capacity(SECTOR as usize);
    b.extend(COOKIE);
    b.extend(FEATURES.to_be_bytes());
    b.extend(VERSION.to_be_bytes());
    b.extend(header.to_be_bytes());
    b.extend(TIME.to_be_bytes());
    b.extend(CREATOR);
    b.extend(CREATOR_VERSION.to_be_bytes());
    b.extend(CREATOR_OS);
    b.extend(size.to_be_bytes()); // original
    b.extend(size.to_be_bytes()); // current
    b.extend(cylinders.to_be_bytes());
    b.extend([heads, sectors]);
    b.extend(disk_type.to_be_bytes());
    b.extend([0; 4]); // the checksum
    b.extend(id.into_bytes());
    let mut sector = [0; SECTOR as usize];
    sector[..b.len()].copy_from_slice(&b);
    let sum = checksum(&sector);
    sector[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
    sector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::GIB;

    #[test]
    fn fields_lie_where_the_specification_has_them_and_the_sum_holds() {
        let mut footer = footer(Kind::Fixed, 2 * GIB, Uuid::from_u128(7));
        assert_eq!(footer[..8], COOKIE);
        assert_eq!(footer[16..24], [0xFF; 8]);
        assert_eq!(footer[40..48], footer[48..56]);
        assert_eq!(footer[48..56], (2 * GIB).to_be_bytes());
        assert_eq!(footer[60..64], 2u32.to_be_bytes());
        assert_eq!(footer[83], 7);
        let stated = u32::from_be_bytes(footer[CHECKSUM].try_into().unwrap());
        footer[CHECKSUM].fill(0);
        assert_eq!(stated, !footer.iter().map(|b| u32::from(*b)).sum::<u32>());
    }
}
