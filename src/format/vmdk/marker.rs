//! The markers between the parts of a stream (Virtual Disk Format 5.0, "Stream-Optimized Compressed
//! Sparse Extents"). Grains have another kind of marker, which the encoder writes.

use super::SECTOR;
use super::header::ENTRY;

/// Says what the sectors after it hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Nothing: the file ends.
    EndOfStream,
    /// A grain table.
    Table,
    /// The directory of grain tables.
    Directory,
    /// The header again, with the directory's place.
    Footer,
}

impl Marker {
    /// The specification's MARKER_EOS, MARKER_GT, MARKER_GD and MARKER_FOOTER.
    fn number(self) -> u32 {
        match self {
            Self::EndOfStream => 0,
            Self::Table => 1,
            Self::Directory => 2,
            Self::Footer => 3,
        }
    }

    /// The marker and `content`, which is whole sectors.
    pub fn with(self, content: &[u8]) -> Vec<u8> {
        let sectors = content.len() as u64 / SECTOR;
        let mut bytes = Vec::with_capacity(SECTOR as usize + content.len());
        bytes.extend(sectors.to_le_bytes());
        // a grain's marker has the length of its stream here; zero means that this is no grain
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(self.number().to_le_bytes());
        bytes.resize(SECTOR as usize, 0);
        bytes.extend_from_slice(content);
        bytes
    }
}

/// Entries of a table or of the directory in the file's form, padded to whole sectors.
pub fn entries(entries: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY as usize);
    bytes.extend(entries.iter().flat_map(|entry| entry.to_le_bytes()));
    bytes.resize(bytes.len().next_multiple_of(SECTOR as usize), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_says_how_many_sectors_of_what_follow() {
        let bytes = Marker::Directory.with(&entries(&[7; 129]));
        assert_eq!(bytes.len(), 3 * 512);
        assert_eq!(bytes[..16], *b"\x02\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0");
        assert_eq!(bytes[512..516], [7, 0, 0, 0]);
        assert!(Marker::EndOfStream.with(&[]).iter().all(|b| *b == 0));
    }
}
