//! Reading qcow2, ours and others': versions 2 and 3, plain, deflate and zstd clusters
//! (docs/interop/qcow2.txt in QEMU's source).

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress};

use crate::error::{Context, Error, Kind, Result};
use crate::units::MIB;

/// "QFI" and 0xFB.
const MAGIC: [u8; 4] = *b"QFI\xFB";
/// Bytes of the header up to the compression type, with it.
const HEADER: usize = 105;
/// Bytes of a version 2 header, which ends before the feature fields.
const HEADER_2: usize = 72;
/// The cluster sizes that QEMU itself accepts, as log2 of bytes: 512 bytes to 2 MiB.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
/// The largest first-level table that QEMU accepts, in bytes.
const L1_LIMIT: u64 = 32 * MIB;
/// Incompatible features that do not matter to a reader: reference counts that may be stale, and the
/// presence of a compression type.
const FEATURE_DIRTY: u64 = 1;
const FEATURE_COMPRESSION: u64 = 1 << 3;
/// What the other incompatible features of the specification are called.
const REFUSED_FEATURES: [(u64, &str); 3] = [
    (1 << 1, "it is marked as corrupt"),
    (1 << 2, "its data lie in another file"),
    (1 << 4, "it has extended mapping entries"),
];
/// Offsets in entries of both tables; entries of the second level: compressed, and all zeros.
const OFFSET_MASK: u64 = 0x00FF_FFFF_FFFF_FE00;
const COMPRESSED: u64 = 1 << 62;
const ZEROS: u64 = 1;
/// Units of a compressed cluster's length, in bytes.
const SECTOR: u64 = 512;
/// Decoded clusters that are kept, in bytes: tables of filesystems are read again and again.
const CACHE: u64 = 16 * MIB;
/// log2 of the largest zstd window that is accepted: four times the largest cluster.
const ZSTD_WINDOW: u32 = 23;

/// How clusters are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    Deflate,
    Zstd,
}

/// A decoded cluster with its index.
type Cached = Option<(u64, Arc<[u8]>)>;

/// An open qcow2 image.
#[derive(Debug)]
pub struct Qcow2 {
    file: File,
    path: PathBuf,
    size: u64,
    cluster_bits: u32,
    l1_table: u64,
    compression: Compression,
    /// Decoded clusters, each at its index modulo the number of places.
    cache: Mutex<Vec<Cached>>,
}

impl Qcow2 {
    /// Whether the file begins as a qcow2 image does.
    pub fn recognise(file: &File) -> bool {
        let mut magic = [0; 4];
        file.read_exact_at(&mut magic, 0).is_ok() && magic == MAGIC
    }

    /// Reads and checks the header.
    ///
    /// # Errors
    /// [`Kind::Refused`] for what a reader of one file cannot give: backing files, encryption, external
    /// data, unknown features.
    pub fn open(file: File, path: &Path) -> Result<Self> {
        let mut bytes = [0; HEADER];
        let n = read_up_to(&file, &mut bytes).at("cannot read the header", path)?;
        let header = Header::parse(&bytes[..n]).map_err(|e| e.at(path))?;
        let places = (CACHE >> header.cluster_bits).max(4) as usize;
        Ok(Self {
            file,
            path: path.to_owned(),
            size: header.size,
            cluster_bits: header.cluster_bits,
            l1_table: header.l1_table,
            compression: header.compression,
            cache: Mutex::new(vec![None; places]),
        })
    }

    /// The size of the disk, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from `offset`; both lie within the disk.
    pub fn read_at(&self, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
        let cluster = 1 << self.cluster_bits;
        while !buffer.is_empty() {
            let within = offset % cluster;
            let length = (cluster - within).min(buffer.len() as u64) as usize;
            let (part, rest) = buffer.split_at_mut(length);
            self.read_in_cluster(part, offset >> self.cluster_bits, within)?;
            buffer = rest;
            offset += length as u64;
        }
        Ok(())
    }

    fn read_in_cluster(&self, part: &mut [u8], index: u64, within: u64) -> Result<()> {
        let entry = self.entry(index)?;
        let offset = entry & OFFSET_MASK;
        if entry & COMPRESSED != 0 {
            let cluster = self.decoded(index, entry)?;
            let start = within as usize;
            part.copy_from_slice(&cluster[start..start + part.len()]);
            Ok(())
        } else if offset == 0 || entry & ZEROS != 0 {
            part.fill(0);
            Ok(())
        } else {
            self.read_file(part, offset + within)
        }
    }

    /// The second-level entry of a guest cluster; 0 when there is no table for it.
    fn entry(&self, index: u64) -> Result<u64> {
        let entries = 1 << (self.cluster_bits - 3);
        let mut bytes = [0; 8];
        self.read_file(&mut bytes, self.l1_table + index / entries * 8)?;
        let table = u64::from_be_bytes(bytes) & OFFSET_MASK;
        if table == 0 {
            return Ok(0);
        }
        self.read_file(&mut bytes, table + index % entries * 8)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn read_file(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let read = self.file.read_exact_at(buffer, offset).at("cannot read a cluster", &self.path);
        read.map_err(|e| e.offset(offset))
    }

    fn decoded(&self, index: u64, entry: u64) -> Result<Arc<[u8]>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let place = index as usize % cache.len();
        if let Some((cached, cluster)) = &cache[place]
            && *cached == index
        {
            return Ok(cluster.clone());
        }
        let cluster: Arc<[u8]> = self.decode(entry)?.into();
        cache[place] = Some((index, cluster.clone()));
        Ok(cluster)
    }

    fn decode(&self, entry: u64) -> Result<Vec<u8>> {
        let shift = 62 - (self.cluster_bits - 8);
        let offset = entry & ((1 << shift) - 1);
        let sectors = (entry & (COMPRESSED - 1)) >> shift;
        let length = (sectors + 1) * SECTOR - offset % SECTOR;
        let mut packed = vec![0; length as usize];
        // the last sector may end after the file
        let n = read_up_to_at(&self.file, &mut packed, offset).at("cannot read", &self.path)?;
        let mut cluster = vec![0; 1 << self.cluster_bits];
        let whole = match self.compression {
            Compression::Deflate => inflate(&packed[..n], &mut cluster),
            Compression::Zstd => unzstd(&packed[..n], &mut cluster),
        };
        let broken = || Error::new(Kind::Damaged, "a compressed cluster does not unpack");
        whole.ok_or_else(|| broken().at(&self.path).offset(offset))?;
        Ok(cluster)
    }
}

/// Fills the cluster from a raw deflate stream; bytes behind the stream do not matter.
fn inflate(packed: &[u8], cluster: &mut [u8]) -> Option<()> {
    let mut inflate = Decompress::new(false);
    inflate.decompress(packed, cluster, FlushDecompress::Finish).ok();
    (inflate.total_out() == cluster.len() as u64).then_some(())
}

fn unzstd(packed: &[u8], cluster: &mut [u8]) -> Option<()> {
    let mut decoder = zstd::Decoder::with_buffer(packed).ok()?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW).ok()?;
    decoder.read_exact(cluster).ok()
}

fn read_up_to(file: &File, buffer: &mut [u8]) -> std::io::Result<usize> {
    read_up_to_at(file, buffer, 0)
}

fn read_up_to_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64)? {
            0 => break,
            n => done += n,
        }
    }
    Ok(done)
}

/// What a reader needs of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    size: u64,
    cluster_bits: u32,
    l1_table: u64,
    compression: Compression,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str, at| Error::new(Kind::Damaged, what).offset(at);
        if bytes.len() < HEADER_2 {
            return Err(damaged("the qcow2 header is cut off", bytes.len() as u64));
        }
        let u32_at = |at: usize| bytes[at..].first_chunk().map_or(0, |b| u32::from_be_bytes(*b));
        let u64_at = |at: usize| bytes[at..].first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
        let (version, cluster_bits, size) = (u32_at(4), u32_at(20), u64_at(24));
        if u64_at(8) != 0 {
            return Err(refused("it needs a backing file"));
        }
        if u32_at(32) != 0 {
            return Err(refused("it is encrypted"));
        }
        if !CLUSTER_BITS.contains(&cluster_bits) {
            return Err(damaged("the qcow2 header has an impossible cluster size", 20));
        }
        let compression = match version {
            2 => Compression::Deflate,
            3 if bytes.len() >= HEADER - 1 => features(u64_at(72), bytes.get(104))?,
            3 => return Err(damaged("the qcow2 header is cut off", bytes.len() as u64)),
            other => return Err(refused(&format!("it has version {other}"))),
        };
        let l1_entries = size.div_ceil(1 << (2 * cluster_bits - 3));
        if u64::from(u32_at(36)) < l1_entries || l1_entries * 8 > L1_LIMIT {
            return Err(damaged("the qcow2 header has a mapping table of an impossible size", 36));
        }
        let l1_table = u64_at(40);
        if l1_table > i64::MAX as u64 {
            return Err(damaged("the qcow2 header has an impossible offset", 40));
        }
        Ok(Self { size, cluster_bits, l1_table, compression })
    }
}

fn features(incompatible: u64, compression_type: Option<&u8>) -> Result<Compression> {
    for (bit, reason) in REFUSED_FEATURES {
        if incompatible & bit != 0 {
            return Err(refused(reason));
        }
    }
    if incompatible & !(FEATURE_DIRTY | FEATURE_COMPRESSION) != 0 {
        return Err(refused("it has features that are not known here"));
    }
    match compression_type {
        Some(1) if incompatible & FEATURE_COMPRESSION != 0 => Ok(Compression::Zstd),
        Some(_) if incompatible & FEATURE_COMPRESSION != 0 => {
            Err(refused("its compression is not known here"))
        }
        _ => Ok(Compression::Deflate),
    }
}

fn refused(why: &str) -> Error {
    Error::new(Kind::Refused, format!("this qcow2 image cannot be read: {why}"))
        .remedy("convert it: qemu-img convert -O qcow2 IMAGE NEW")
}
