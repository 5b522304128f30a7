//! The header of a sparse extent (Virtual Disk Format 5.0, "Hosted Sparse Extent Header").
//!
//! All offsets and sizes in it are in sectors.

use super::SECTOR;

/// "KDMV": the bytes in the file's order.
const MAGIC: [u8; 4] = *b"KDMV";
/// The four characters that a transfer in text mode would change: a newline, a character that is no
/// line end, and a carriage return with its newline.
const NEWLINES: [u8; 4] = *b"\n \r\n";
/// Entries of a grain table: other numbers are not supported.
pub const TABLE_ENTRIES: u64 = 512;
/// Bytes of an entry of a grain table or of the directory.
pub const ENTRY: u64 = 4;

/// Flags: the characters that detect text mode are present.
const NEWLINE_TEST: u32 = 1 << 0;
/// Flags: a second directory with its own tables is present.
const REDUNDANT: u32 = 1 << 1;
/// Flags: grains are compressed, and markers say what follows.
const COMPRESSED_WITH_MARKERS: u32 = 1 << 16 | 1 << 17;
/// Compression algorithm: deflate with a zlib header (RFC 1950).
const DEFLATE: u16 = 1;

/// The two kinds that have such a header here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Uncompressed grains, with the tables in front, and twice: "monolithicSparse".
    Sparse,
    /// Deflated grains with markers, and the tables after them: "streamOptimized".
    Stream,
}

impl Kind {
    /// Version 1 knows no markers; ESXi accepts only streams of version 3 (glennmatthews/cot#65).
    fn version(self) -> u32 {
        match self {
            Self::Sparse => 1,
            Self::Stream => 3,
        }
    }

    fn flags(self) -> u32 {
        match self {
            Self::Sparse => NEWLINE_TEST | REDUNDANT,
            Self::Stream => NEWLINE_TEST | COMPRESSED_WITH_MARKERS,
        }
    }

    fn algorithm(self) -> u16 {
        match self {
            Self::Sparse => 0,
            Self::Stream => DEFLATE,
        }
    }
}

/// The fields that differ between headers, all in sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The kind of extent.
    pub kind: Kind,
    /// The guest's disk.
    pub capacity: u64,
    /// A grain.
    pub grain: u64,
    /// The place of the embedded descriptor.
    pub descriptor: u64,
    /// The room for it.
    pub descriptor_size: u64,
    /// The place of the redundant directory; 0 when there is none.
    pub redundant_directory: u64,
    /// The place of the directory, or [`Header::AT_END`].
    pub directory: u64,
    /// The sectors in front of the first grain.
    pub overhead: u64,
}

impl Header {
    /// The directory's place in the first header of a stream: a second header, the footer, has it.
    pub const AT_END: u64 = u64::MAX;

    /// The header's sector.
    pub fn bytes(&self) -> [u8; SECTOR as usize] {
        let mut b = Vec::with_capacity(SECTOR as usize);
        b.extend(MAGIC);
        b.extend(self.kind.version().to_le_bytes());
        b.extend(self.kind.flags().to_le_bytes());
        for field in [self.capacity, self.grain, self.descriptor, self.descriptor_size] {
            b.extend(field.to_le_bytes());
        }
        b.extend((TABLE_ENTRIES as u32).to_le_bytes());
        for field in [self.redundant_directory, self.directory, self.overhead] {
            b.extend(field.to_le_bytes());
        }
        b.push(0); // shut down cleanly
        b.extend(NEWLINES);
        b.extend(self.kind.algorithm().to_le_bytes());
        let mut sector = [0; SECTOR as usize];
        sector[..b.len()].copy_from_slice(&b);
        sector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_where_the_specification_has_them() {
        let header = Header {
            kind: Kind::Stream,
            capacity: 0x1122,
            grain: 128,
            descriptor: 1,
            descriptor_size: 20,
            redundant_directory: 0,
            directory: Header::AT_END,
            overhead: 128,
        };
        let bytes = header.bytes();
        assert_eq!(bytes[..12], *b"KDMV\x03\0\0\0\x01\0\x03\0");
        assert_eq!(bytes[12..20], 0x1122u64.to_le_bytes());
        assert_eq!(bytes[44..48], 512u32.to_le_bytes());
        assert_eq!(bytes[56..64], [0xFF; 8]);
        assert_eq!(bytes[72..79], *b"\0\n \r\n\x01\0");
        assert_eq!(Header { kind: Kind::Sparse, ..header }.bytes()[4], 1);
    }
}
