//! Corrects checksums: a fuzzer does not find them, and the code behind them is what is worth
//! testing.

use super::memory::Memory;
use crate::tree::tar::header::{BLOCK, Header};
use crate::units::KIB;

/// The place of the checksum in a tar header.
const TAR_CHECKSUM: std::ops::Range<usize> = 148..156;

/// The headers of a tar archive.
pub fn tar(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(block) = bytes.get_mut(at..at + BLOCK as usize) {
        if block.iter().all(|b| *b == 0) {
            return;
        }
        block[TAR_CHECKSUM].fill(b' ');
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[TAR_CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let header = block.first_chunk().and_then(|block| Header::parse(*block).ok().flatten());
        let Some(header) = header else { return };
        let content = match header.kind() {
            b'0' | 0 | b'7' | b'x' | b'g' | b'L' | b'K' | b'V' => header.size().unwrap_or(0),
            _ => 0,
        };
        let Some(padded) = content.min(u64::MAX / 2).checked_next_multiple_of(BLOCK) else {
            return;
        };
        at = at.saturating_add((BLOCK + padded) as usize);
        if at > bytes.len() {
            return;
        }
    }
}

/// A VHD's footers and the header of a dynamic disk: complements of sums.
pub fn vhd(file: &Memory) {
    let sum = |at: u64, length: u64, field: usize| {
        let Some(mut bytes) = file.get(at, length) else { return };
        bytes[field..field + 4].fill(0);
        let sum = bytes.iter().fold(0u32, |sum, b| sum.wrapping_add(u32::from(*b)));
        file.put(at + field as u64, &(!sum).to_be_bytes());
    };
    sum(0, 512, 64);
    sum(file.length().saturating_sub(512), 512, 64);
    let place = file.get(16, 8).and_then(|b| b.first_chunk().map(|b| u64::from_be_bytes(*b)));
    sum(place.unwrap_or(u64::MAX), 1024, 36);
}

/// A VHDX's headers and region tables: CRC-32C.
pub fn vhdx(file: &Memory) {
    for (at, length) in [(64, 4), (128, 4), (192, 64), (256, 64)] {
        let Some(mut bytes) = file.get(at * KIB, length * KIB) else { continue };
        bytes[4..8].fill(0);
        file.put(at * KIB + 4, &crc32c::crc32c(&bytes).to_le_bytes());
    }
}

/// A partition table and its copy: CRC-32 of the entries, then of the header.
pub fn table(file: &Memory) {
    for at in [512, file.length().saturating_sub(512) / 512 * 512] {
        let Some(mut header) = file.get(at, 512) else { continue };
        let u32_at = |at: usize| header[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
        let place = header[72..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        let (entries, size) = (u64::from(u32_at(80)), u64::from(u32_at(84)));
        let length = (entries * size).min(file.length());
        if let Some(entries) = file.get(place.saturating_mul(512), length) {
            header[88..92].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
        }
        header[16..20].fill(0);
        let length = (u32::from_le_bytes([header[12], header[13], header[14], header[15]])
            as usize)
            .min(512);
        let sum = crc32fast::hash(&header[..length]);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        file.put(at, &header);
    }
}
