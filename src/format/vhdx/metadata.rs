//! The metadata: a table of items, and the items (2.6).

use uuid::{Uuid, uuid};

use super::{LOGICAL_SECTOR, METADATA};
use crate::format::host::Part;
use crate::units::KIB;

const SIGNATURE: [u8; 8] = *b"metadata";
/// Where the items begin, from the start of the region: after the table (2.6.1.2).
const ITEMS: u64 = 64 * KIB;
/// Bytes of the table's header.
const TABLE_HEADER: usize = 32;
/// An item's flags (2.6.1.2).
const IS_VIRTUAL_DISK: u32 = 1 << 1;
const IS_REQUIRED: u32 = 1 << 2;

const FILE_PARAMETERS: Uuid = uuid!("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
const VIRTUAL_DISK_SIZE: Uuid = uuid!("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
const VIRTUAL_DISK_ID: Uuid = uuid!("BECA12AB-B2E6-4523-93EF-C309E000C746");
const LOGICAL_SECTOR_SIZE: Uuid = uuid!("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
const PHYSICAL_SECTOR_SIZE: Uuid = uuid!("CDA348C7-445D-4471-9CC9-E9885251C556");
/// Physical sectors, in bytes (2.6.2.5): guests align to them.
const PHYSICAL_SECTOR: u32 = 4096;
/// File parameters: blocks may be given back, there is no parent.
const NO_FLAGS: u32 = 0;

/// The table and the items.
pub fn parts(size: u64, block: u64, disk: Uuid) -> [Part; 2] {
    let parameters = [(block as u32).to_le_bytes(), NO_FLAGS.to_le_bytes()].concat();
    let of_disk = IS_VIRTUAL_DISK | IS_REQUIRED;
    let items = [
        (FILE_PARAMETERS, IS_REQUIRED, parameters),
        (VIRTUAL_DISK_SIZE, of_disk, size.to_le_bytes().to_vec()),
        (VIRTUAL_DISK_ID, of_disk, disk.to_bytes_le().to_vec()),
        (LOGICAL_SECTOR_SIZE, of_disk, (LOGICAL_SECTOR as u32).to_le_bytes().to_vec()),
        (PHYSICAL_SECTOR_SIZE, of_disk, PHYSICAL_SECTOR.to_le_bytes().to_vec()),
    ];
    let mut table = Vec::new();
    table.extend(SIGNATURE);
    table.extend([0; 2]);
    table.extend((items.len() as u16).to_le_bytes());
    table.resize(TABLE_HEADER, 0);
    let mut values = Vec::new();
    for (kind, flags, value) in items {
        table.extend(kind.to_bytes_le());
        table.extend((ITEMS as u32 + values.len() as u32).to_le_bytes());
        table.extend((value.len() as u32).to_le_bytes());
        table.extend(flags.to_le_bytes());
        table.extend([0; 4]);
        values.extend(value);
    }
    [Part::bytes(METADATA, table), Part::bytes(METADATA + ITEMS, values)]
}
