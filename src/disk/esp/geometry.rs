//! Sizes and places of a FAT32 filesystem, its boot sectors and its tables (Microsoft's FAT
//! specification 1.03).

use std::sync::Arc;

use super::{CLUSTER, FIRST_CLUSTER, LABEL, Params, TABLE_HEAD, Volume};
use crate::disk::Extent;
use crate::disk::layout::{Region, SECTOR};
use crate::error::{Error, Kind, Result};
use crate::units::ByteSize;

/// Sectors before the first table, as many as other writers use; the boot sectors need eight.
const RESERVED: u64 = 32;
/// Copies of the table.
const TABLES: u64 = 2;
/// The information sector, and the copies of both (FAT specification 1.03, "FAT32 FSInfo sector").
const INFO_SECTOR: u64 = 1;
const BACKUP_SECTOR: u64 = 6;
/// Fewer clusters than this would be read as FAT16 ("FAT type determination").
const CLUSTERS_MINIMUM: u64 = 65_525;

/// Sizes that follow from the partition's size.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    sectors: u32,
    table_sectors: u64,
    /// Clusters of the data area.
    pub clusters: u64,
}

impl Geometry {
    /// The geometry of a partition.
    ///
    /// # Errors
    /// [`Kind::Input`] for a partition that is too small or too large for FAT32.
    pub fn new(region: Region) -> Result<Self> {
        let wrong = |what: &str| {
            let size = ByteSize(region.length);
            Error::new(Kind::Input, format!("an EFI partition of {size} is too {what}"))
        };
        let sectors = u32::try_from(region.length / SECTOR).map_err(|_| wrong("large"))?;
        // four bytes of table for every cluster and for the two numbers without one; a cluster is a
        // sector, so `rest` sectors hold the clusters and their share of both tables
        let rest = u64::from(sectors).saturating_sub(RESERVED);
        let per_sector = SECTOR / 4;
        let table_sectors = (rest + u64::from(FIRST_CLUSTER)).div_ceil(per_sector + TABLES);
        let clusters = rest.saturating_sub(TABLES * table_sectors);
        if clusters < CLUSTERS_MINIMUM {
            return Err(wrong("small for FAT32"));
        }
        Ok(Self { sectors, table_sectors, clusters })
    }

    /// Bytes from the partition's start to a cluster.
    fn place(&self, cluster: u32) -> u64 {
        let data = RESERVED + TABLES * self.table_sectors;
        data * SECTOR + u64::from(cluster - FIRST_CLUSTER) * CLUSTER
    }

    /// The filesystem: boot sectors, tables, contents; `root` is the root folder's cluster.
    pub fn extents(&self, volume: Volume, params: &Params, root: u32) -> Vec<Extent> {
        let used = volume.table.len() as u64 - u64::from(FIRST_CLUSTER);
        let boot = self.boot_sector(params, root);
        let info = self.info_sector(used);
        let table: Vec<u8> = volume.table.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let table: Arc<[u8]> = table.into();
        let mut extents = Vec::with_capacity(6 + volume.contents.len());
        for start in [0, BACKUP_SECTOR] {
            extents.push(Extent::bytes(start * SECTOR, boot));
            extents.push(Extent::bytes((start + INFO_SECTOR) * SECTOR, info));
        }
        for copy in 0..TABLES {
            let offset = (RESERVED + copy * self.table_sectors) * SECTOR;
            extents.push(Extent::bytes(offset, table.clone()));
        }
        for (cluster, data) in volume.contents {
            extents.push(Extent { offset: self.place(cluster), data });
        }
        extents
    }

    /// The BIOS parameter block ("Boot sector and BPB"); nothing boots from here by BIOS.
    fn boot_sector(&self, params: &Params, root: u32) -> [u8; SECTOR as usize] {
        let mut b = [0; SECTOR as usize];
        b[0..3].copy_from_slice(&[0xEB, 0x58, 0x90]);
        b[3..11].copy_from_slice(b"MSWIN4.1");
        b[11..13].copy_from_slice(&(SECTOR as u16).to_le_bytes());
        b[13] = (CLUSTER / SECTOR) as u8;
        b[14..16].copy_from_slice(&(RESERVED as u16).to_le_bytes());
        b[16] = TABLES as u8;
        b[21] = TABLE_HEAD[0] as u8;
        // the geometry, which nobody uses with LBA, with the values that other writers give
        b[24..26].copy_from_slice(&63u16.to_le_bytes());
        b[26..28].copy_from_slice(&255u16.to_le_bytes());
        b[28..32].copy_from_slice(&(params.region.first_sector() as u32).to_le_bytes());
        b[32..36].copy_from_slice(&self.sectors.to_le_bytes());
        b[36..40].copy_from_slice(&(self.table_sectors as u32).to_le_bytes());
        b[44..48].copy_from_slice(&root.to_le_bytes());
        b[48..50].copy_from_slice(&(INFO_SECTOR as u16).to_le_bytes());
        b[50..52].copy_from_slice(&(BACKUP_SECTOR as u16).to_le_bytes());
        b[64] = 0x80;
        b[66] = 0x29;
        b[67..71].copy_from_slice(&params.serial.to_le_bytes());
        b[71..82].copy_from_slice(&LABEL);
        b[82..90].copy_from_slice(b"FAT32   ");
        b[510..].copy_from_slice(&[0x55, 0xAA]);
        b
    }

    fn info_sector(&self, used: u64) -> [u8; SECTOR as usize] {
        let mut b = [0; SECTOR as usize];
        b[0..4].copy_from_slice(b"RRaA");
        b[484..488].copy_from_slice(b"rrAa");
        b[488..492].copy_from_slice(&((self.clusters - used) as u32).to_le_bytes());
        b[492..496].copy_from_slice(&(used as u32 + FIRST_CLUSTER).to_le_bytes());
        b[510..].copy_from_slice(&[0x55, 0xAA]);
        b
    }
}
