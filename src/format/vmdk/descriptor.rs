//! The text that describes a VMDK (Virtual Disk Format 5.0, "The Descriptor File").

use std::fmt::Write;

use uuid::Uuid;

use super::SECTOR;

/// Room for the embedded descriptor, in sectors: 20, as VMware's own tools leave; the text takes a
/// third of it.
pub const ROOM: u64 = 20;
/// The longest name of the extent in it, in bytes: the limit of file names; longer ones would
/// exceed the room.
const NAME_MAX: usize = 255;

/// Heads, and sectors per track, that VMware gives SCSI disks.
const HEADS: u64 = 255;
const SECTORS_PER_TRACK: u64 = 63;
/// The oldest virtual hardware that the disk suits: every product since ESX 3 accepts 4. The
/// machine's own version is in the OVF, not here.
const HARDWARE_VERSION: u32 = 4;
/// "The guest looks after its tools itself", as open-vm-tools from a distribution does; without it,
/// vSphere asks for an upgrade.
const TOOLS_UNMANAGED: u32 = 0x7FFF_FFFF;

/// What kind of VMDK a descriptor describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor<'a> {
    /// As in "monolithicSparse".
    pub create_type: &'a str,
    /// The content's identifier: see [`content_id`].
    pub content_id: u32,
    /// The guest's disk, in sectors.
    pub capacity: u64,
    /// The name of the file that the descriptor is embedded in. Readers look at it only when they
    /// open the descriptor as a separate file.
    pub extent: &'a str,
}

impl Descriptor<'_> {
    /// The text, padded with zeros to [`ROOM`].
    ///
    /// There is no `ddb.uuid.image`, which VirtualBox would use as its own: then two machines from
    /// one image could not be registered on one host. It makes one when it finds none.
    pub fn bytes(&self) -> Vec<u8> {
        let Self { create_type, content_id, capacity, .. } = self;
        let cylinders = (capacity / (HEADS * SECTORS_PER_TRACK)).max(1);
        let mut text = String::new();
        // writing into a string cannot fail
        let _ = write!(
            text,
            "# Disk DescriptorFile\n\
             version=1\n\
             CID={content_id:08x}\n\
             parentCID=ffffffff\n\
             createType=\"{create_type}\"\n\
             \n\
             # Extent description\n\
             RW {capacity} SPARSE \"{}\"\n\
             \n\
             # The Disk Data Base\n\
             #DDB\n\
             \n\
             ddb.virtualHWVersion = \"{HARDWARE_VERSION}\"\n\
             ddb.geometry.cylinders = \"{cylinders}\"\n\
             ddb.geometry.heads = \"{HEADS}\"\n\
             ddb.geometry.sectors = \"{SECTORS_PER_TRACK}\"\n\
             ddb.adapterType = \"lsilogic\"\n\
             ddb.toolsVersion = \"{TOOLS_UNMANAGED}\"\n",
            plain_name(self.extent),
        );
        let mut bytes = text.into_bytes();
        bytes.resize((ROOM * SECTOR) as usize, 0);
        bytes
    }
}

/// The name without characters that would end its quotes or are not ASCII, the descriptor's
/// encoding.
fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() && c != '"' { c } else { '-' };
    name.chars().take(NAME_MAX).map(plain).collect()
}

/// The content identifier of the disk with this identifier. The highest bit is clear: `ffffffff`
/// means "no parent" and `fffffffe` "not set".
pub fn content_id(id: Uuid) -> u32 {
    id.as_fields().0 & 0x7FFF_FFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_text_that_no_name_can_break_and_fills_its_room() {
        let name = format!("a\"b\nRW 1 FLAT {}ö", "x".repeat(400));
        let descriptor = Descriptor {
            create_type: "monolithicSparse",
            content_id: 0xAB,
            capacity: 255 * 63 * 10 + 5,
            extent: &name,
        };
        let bytes = descriptor.bytes();
        assert_eq!(bytes.len() as u64, ROOM * SECTOR);
        let text = std::str::from_utf8(&bytes).unwrap().trim_end_matches('\0');
        assert!(text.contains("CID=000000ab\nparentCID=ffffffff\n"), "{text}");
        assert!(text.contains("\nRW 160655 SPARSE \"a-b-RW-1-FLAT-xxx"), "{text}");
        assert!(text.contains("cylinders = \"10\"\n"), "{text}");
        assert!(text.is_ascii() && text.ends_with('\n'));
    }
}
