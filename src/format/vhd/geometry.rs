//! Cylinders, heads and sectors for a size (the specification's appendix, "CHS Calculation").

/// A geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Cylinders.
    pub cylinders: u16,
    /// Heads.
    pub heads: u8,
    /// Sectors of a track.
    pub sectors: u8,
}

const CYLINDERS_MAX: u64 = 65_535;
const HEADS_MIN: u64 = 4;
const HEADS_MAX: u64 = 16;
/// The number of cylinders that ten bits can count.
const CYLINDERS_OF_BIOS: u64 = 1024;

impl Geometry {
    /// The geometry of a disk of this many sectors; for large disks it describes only the
    /// beginning.
    pub fn of(sectors: u64) -> Self {
        let sectors = sectors.min(CYLINDERS_MAX * HEADS_MAX * 255);
        if sectors >= CYLINDERS_MAX * HEADS_MAX * 63 {
            return Self::with(sectors, HEADS_MAX, 255);
        }
        let tracks = sectors / 17;
        let heads = tracks.div_ceil(CYLINDERS_OF_BIOS).max(HEADS_MIN);
        if heads <= HEADS_MAX && tracks < heads * CYLINDERS_OF_BIOS {
            return Self::with(sectors, heads, 17);
        }
        if sectors / 31 < HEADS_MAX * CYLINDERS_OF_BIOS {
            return Self::with(sectors, HEADS_MAX, 31);
        }
        Self::with(sectors, HEADS_MAX, 63)
    }

    /// All values fit their types: [`Geometry::of`] limits the number of sectors first.
    fn with(all: u64, heads: u64, sectors: u64) -> Self {
        let cylinders = (all / sectors / heads) as u16;
        Self { cylinders, heads: heads as u8, sectors: sectors as u8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{GIB, MIB};

    fn of(bytes: u64) -> (u16, u8, u8) {
        let Geometry { cylinders, heads, sectors } = Geometry::of(bytes / 512);
        (cylinders, heads, sectors)
    }

    /// The values come from a literal transcription of the appendix into Python.
    #[test]
    fn the_geometry_is_what_the_appendix_computes() {
        assert_eq!(of(MIB), (30, 4, 17));
        assert_eq!(of(128 * MIB), (963, 16, 17));
        assert_eq!(of(136 * MIB), (561, 16, 31));
        assert_eq!(of(256 * MIB), (520, 16, 63));
        assert_eq!(of(2 * GIB), (4161, 16, 63));
        assert_eq!(of(64 * GIB), (32_896, 16, 255));
        assert_eq!(of(1024 * GIB), (65_535, 16, 255));
    }
}
