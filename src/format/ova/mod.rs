//! An appliance as one file: an archive of the description, the disk and the manifest, in this
//! order.
//!
//! The description must come first: importers read it before they decide what to do with the rest
//! (osbuild/image-builder#431). It contains the size of the disk's file, so its space is left free
//! and filled at the end. The manifest comes last, in one of the two orders that the standard
//! allows: only the manifest depends on the disk's digest, so that digest and the archive's own are
//! computed at the same time.

mod hardware;
mod manifest;
mod names;
mod ovf;
mod properties;
mod tar;
mod xml;

use names::Names;
use ovf::DiskFacts;

use super::encode::{Codec, Group, Sink};
use super::vmdk::stream::{self, Params, Stream};
use super::{Job, Machine, Target, digest, threads};
use crate::disk::Disk;
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, MIB};

/// The disk, and a generous amount for everything around it.
pub fn needed_bytes(disk: &Disk) -> u64 {
    stream::needed_bytes(disk) + MIB
}

/// An archive while it is written.
#[derive(Debug)]
pub struct Archive<'a> {
    target: Target<'a>,
    machine: &'a Machine,
    names: Names,
    capacity: u64,
    /// The place of the disk's header; its content follows.
    header: u64,
    disk: Stream<'a>,
    /// Whether the archive's own digest is wanted.
    digests: bool,
}

impl<'a> Archive<'a> {
    /// Starts the disk after the space for the description.
    pub fn new(job: &Job<'a>, target: Target<'a>) -> Result<Self> {
        let (machine, capacity) = (job.machine, job.disk.size());
        let names = Names::of(&machine.name);
        let description = ovf::length(machine, &names, capacity) as u64;
        let header = tar::next(tar::BLOCK, description);
        let params = Params {
            size: capacity,
            id: machine.id("vmdk"),
            name: &names.disk,
            base: header + tar::BLOCK,
        };
        let disk = Stream::new(&params, target)?;
        Ok(Self { target, machine, names, capacity, header, disk, digests: job.digests })
    }

    /// The end of what was put so far.
    pub fn end(&self) -> u64 {
        self.disk.end()
    }

    /// Writes everything around the disk; returns the archive's digest.
    pub fn finish(self, progress: &dyn Progress) -> Result<Option<Digest>> {
        let Self { target, machine, names, capacity, header, disk, digests } = self;
        let disk = disk.finish()?;
        let facts = DiskFacts { capacity, file: disk.length, populated: disk.populated };
        let description = ovf::document(machine, &names, &facts);
        target.write_at(&tar::member(&names.ovf, description.as_bytes(), machine.time)?, 0)?;
        target.write_at(&tar::header(&names.disk, disk.length, machine.time)?, header)?;
        // whole sectors, so no padding is needed
        let content = header + tar::BLOCK..header + tar::BLOCK + disk.length;
        let (disk, whole) = std::thread::scope(|scope| {
            let hash = || digest::range(target, 0..content.end, progress);
            let whole = digests.then(|| threads::beside(scope, hash)).transpose()?;
            let disk = digest::range(target, content.clone(), progress)?.finish();
            let ended = |_| Error::new(Kind::Io, "a thread that hashes ended early");
            let whole = whole.map(|thread| thread.join().map_err(ended)?).transpose()?;
            Ok::<_, Error>((disk, whole))
        })?;
        let files =
            [(names.ovf.as_str(), Digest::of(description.as_bytes())), (names.disk.as_str(), disk)];
        let lines = manifest::lines(&files);
        let mut tail = tar::member(&names.manifest, lines.as_bytes(), machine.time)?;
        tail.extend(tar::END);
        target.write_at(&tail, content.end)?;
        Ok(whole.map(|mut hasher| {
            hasher.update(&tail);
            hasher.finish()
        }))
    }
}

impl Sink for Archive<'_> {
    fn codec(&self) -> Codec {
        self.disk.codec()
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        self.disk.put(group)
    }
}
