//! Little-endian fields of on-disk structures, set by their byte offset.
//!
//! `repr(C, packed)` structs were rejected: they need `unsafe` or another crate to become bytes,
//! and the specification states offsets.

/// A structure of `N` bytes, which are zero until they are set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<const N: usize>(pub [u8; N]);

impl<const N: usize> Record<N> {
    pub fn new() -> Self {
        Self([0; N])
    }

    pub fn u8(&mut self, at: usize, value: u8) {
        self.0[at] = value;
    }

    pub fn u16(&mut self, at: usize, value: u16) {
        put_u16(&mut self.0, at, value);
    }

    pub fn u32(&mut self, at: usize, value: u32) {
        put_u32(&mut self.0, at, value);
    }

    /// Sets the low half at one offset and the high half at another, as ext4's fields were
    /// extended.
    pub fn split_u32(&mut self, low: usize, high: usize, value: u32) {
        self.u16(low, low_u16(value));
        self.u16(high, high_u16(value));
    }

    /// The same for 64 bits.
    pub fn split_u64(&mut self, low: usize, high: usize, value: u64) {
        self.u32(low, low_u32(value));
        self.u32(high, high_u32(value));
    }

    pub fn bytes(&mut self, at: usize, value: &[u8]) {
        self.0[at..at + value.len()].copy_from_slice(value);
    }
}

pub(super) fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

pub(super) fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub(super) fn low_u16(value: u32) -> u16 {
    (value & 0xFFFF) as u16
}

pub(super) fn high_u16(value: u32) -> u16 {
    (value >> 16) as u16
}

pub(super) fn low_u32(value: u64) -> u32 {
    (value & 0xFFFF_FFFF) as u32
}

pub(super) fn high_u32(value: u64) -> u32 {
    (value >> 32) as u32
}
