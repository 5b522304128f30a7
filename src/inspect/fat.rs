//! Checks a FAT boot sector before the fatfs crate sees it: the crate computes with its numbers
//! unchecked.

use super::image::Image;
use crate::disk::layout::{Region, SECTOR};
use crate::error::{Error, Kind, Result};

/// Refuses a boot sector whose sizes do not fit together or do not fit the partition.
///
/// (Microsoft's FAT specification 1.03, "Boot sector and BPB", for every offset here.)
pub fn check(image: &Image, partition: Region) -> Result<()> {
    let wrong = |what: &str| {
        let message = format!("the EFI partition's boot sector has {what}");
        Error::new(Kind::Damaged, message).at(image.path()).offset(partition.offset)
    };
    if partition.length < SECTOR {
        return Err(wrong("no room"));
    }
    let mut b = [0; SECTOR as usize];
    image.read_at(&mut b, partition.offset)?;
    let u16_at = |at: usize| b[at..].first_chunk().map_or(0, |b| u64::from(u16::from_le_bytes(*b)));
    let u32_at = |at: usize| b[at..].first_chunk().map_or(0, |b| u64::from(u32::from_le_bytes(*b)));
    let either = |short: u64, long: u64| if short == 0 { long } else { short };
    let (sector, cluster) = (u16_at(11), u64::from(b[13]));
    if !sector.is_power_of_two() || !(512..=4096).contains(&sector) || !cluster.is_power_of_two() {
        return Err(wrong("an impossible sector or cluster size"));
    }
    let (sectors, table) = (either(u16_at(19), u32_at(32)), either(u16_at(22), u32_at(36)));
    let root_folder = (u16_at(17) * 32).div_ceil(sector);
    let first = u16_at(14) + u64::from(b[16]) * table + root_folder;
    let clusters = sectors.saturating_sub(first) / cluster;
    // a table with at least twelve bits for each cluster
    if clusters == 0 || sectors * sector > partition.length || table * sector * 8 < clusters * 12 {
        return Err(wrong("sizes that do not fit the partition"));
    }
    // the crate counts a table's bits in 32 bits
    if table * sector * 8 > u64::from(u32::MAX) {
        return Err(wrong("a table of an impossible size"));
    }
    let fat32 = u16_at(22) == 0;
    if fat32 && !(2..clusters + 2).contains(&u32_at(44)) {
        return Err(wrong("no root folder"));
    }
    Ok(())
}
