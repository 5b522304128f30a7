//! Deflating clusters on all cores, in order.
//!
//! The used clusters are cut into units; unit `i` belongs to thread `i mod n`, and each thread hands its
//! units over in order through a channel of its own. Reading those channels in turn gives the units in the
//! order of the disk, whatever the number of threads and their speed. A shared queue would balance better
//! and need a place for what comes out early, whose size nothing bounds; here it is the channels'.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use flate2::{Compress, Compression, FlushCompress, Status};

use super::{CLUSTER, Cluster};
use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::format::raw::is_zero;
use crate::progress::Progress;

/// Level 3 of zlib-rs: level 1 is twice as fast and gives a fifth more bytes, level 6 takes a third
/// longer and saves one in sixty.
const LEVEL: u32 = 3;
/// log2 of the deflate window: QEMU writes 12, and readers that inflate in pieces rely on it.
const WINDOW_BITS: u8 = 12;
/// Clusters of one unit: 1 MiB of the guest.
const UNIT: u64 = 16;
/// Units that may wait in each thread's channel.
const WAITING: usize = 4;

/// The runs of guest clusters that any extent touches, in order and apart.
pub fn used_clusters(disk: &Disk) -> impl Iterator<Item = Range<u64>> {
    let mut extents = disk.extents().iter().peekable();
    let clusters = |e: &crate::disk::Extent| e.offset / CLUSTER..e.end().div_ceil(CLUSTER);
    std::iter::from_fn(move || {
        let mut run = clusters(extents.next()?);
        while let Some(next) = extents.next_if(|e| e.offset / CLUSTER <= run.end) {
            run.end = clusters(next).end;
        }
        Some(run)
    })
}

fn units(disk: &Disk) -> impl Iterator<Item = Range<u64>> {
    used_clusters(disk).flat_map(|run| {
        run.clone().step_by(UNIT as usize).map(move |start| start..(start + UNIT).min(run.end))
    })
}

type Encoded = Vec<(u64, Cluster)>;

/// Gives `put` every used cluster that is not all zeros, by rising index.
pub fn in_order(
    disk: &Disk,
    progress: &dyn Progress,
    put: impl FnMut(u64, Cluster) -> Result<()>,
) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    with_threads(disk, threads, progress, put)
}

fn with_threads(
    disk: &Disk,
    threads: usize,
    progress: &dyn Progress,
    mut put: impl FnMut(u64, Cluster) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let channels: Vec<Receiver<Result<Encoded>>> = (0..threads)
            .map(|thread| {
                let (sender, receiver) = sync_channel(WAITING);
                scope.spawn(move || work(disk, units(disk).skip(thread).step_by(threads), &sender));
                receiver
            })
            .collect();
        for (i, unit) in units(disk).enumerate() {
            let gone = |_| Error::new(Kind::Io, "a thread that compresses ended early");
            for (index, cluster) in channels[i % threads].recv().map_err(gone)?? {
                put(index, cluster)?;
            }
            progress.advance((unit.end - unit.start) * CLUSTER);
        }
        Ok(())
    })
}

fn work(
    disk: &Disk,
    units: impl Iterator<Item = Range<u64>>,
    sender: &SyncSender<Result<Encoded>>,
) {
    let mut encoder = Encoder::new();
    for unit in units {
        // the other end is gone after an error: nothing is left to do
        if sender.send(encoder.unit(disk, unit)).is_err() {
            return;
        }
    }
}

struct Encoder {
    deflate: Compress,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Encoder {
    fn new() -> Self {
        let level = Compression::new(LEVEL);
        let deflate = Compress::new_with_window_bits(level, false, WINDOW_BITS);
        let cluster = CLUSTER as usize;
        Self { deflate, input: vec![0; cluster], output: vec![0; cluster - 1] }
    }

    fn unit(&mut self, disk: &Disk, unit: Range<u64>) -> Result<Encoded> {
        let mut encoded = Encoded::with_capacity(UNIT as usize);
        for index in unit {
            let start = index * CLUSTER;
            // a disk may end inside its last cluster: the rest of it is zeros
            let length = CLUSTER.min(disk.size() - start) as usize;
            disk.read_at(&mut self.input[..length], start)?;
            self.input[length..].fill(0);
            if !is_zero(&self.input) {
                encoded.push((index, self.cluster()?));
            }
        }
        Ok(encoded)
    }

    fn cluster(&mut self) -> Result<Cluster> {
        self.deflate.reset();
        let failed = |e| Error::new(Kind::Damaged, "cannot compress").because(e);
        let status = self.deflate.compress(&self.input, &mut self.output, FlushCompress::Finish);
        Ok(match status.map_err(failed)? {
            Status::StreamEnd => {
                let length = self.deflate.total_out() as usize;
                Cluster::Deflated(self.output[..length].to_vec())
            }
            Status::Ok | Status::BufError => Cluster::Plain(self.input.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Extent;
    use crate::progress::Quiet;

    fn disk() -> Disk {
        let noise: Vec<u8> =
            (0u64..300_000).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
        let extents = vec![
            Extent::bytes(5, *b"x"),
            Extent::bytes(3 * CLUSTER, vec![0; 2 * CLUSTER as usize]),
            Extent::bytes(40 * CLUSTER + 7, noise),
            Extent::bytes(400 * CLUSTER, vec![b'y'; 3_000_000]),
        ];
        Disk::new(1000 * CLUSTER - 512, extents).unwrap()
    }

    fn all(threads: usize) -> Encoded {
        let mut all = Encoded::new();
        let put = |index, cluster| {
            all.push((index, cluster));
            Ok(())
        };
        with_threads(&disk(), threads, &Quiet, put).unwrap();
        all
    }

    #[test]
    fn clusters_are_the_same_and_in_order_with_any_number_of_threads() {
        let one = all(1);
        assert!(one.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(one.iter().any(|(_, c)| matches!(c, Cluster::Deflated(_))));
        for threads in [2, 3, 7] {
            assert_eq!(all(threads), one);
        }
    }

    #[test]
    fn clusters_of_zeros_are_left_out() {
        assert!(all(2).iter().all(|(index, _)| !(1..40).contains(index)));
    }

    #[test]
    fn runs_of_used_clusters_are_apart() {
        let extents = vec![
            Extent::bytes(0, *b"a"),
            Extent::bytes(CLUSTER - 1, *b"bb"),
            Extent::bytes(2 * CLUSTER, *b"c"),
            Extent::bytes(9 * CLUSTER, *b"d"),
        ];
        let disk = Disk::new(10 * CLUSTER, extents).unwrap();
        assert_eq!(used_clusters(&disk).collect::<Vec<_>>(), [0..3, 9..10]);
    }

    #[test]
    fn an_error_while_reading_ends_all_threads() {
        let put = |_, _| Err(Error::new(Kind::NoSpace, "full"));
        assert_eq!(with_threads(&disk(), 3, &Quiet, put).unwrap_err().kind(), Kind::NoSpace);
    }
}
