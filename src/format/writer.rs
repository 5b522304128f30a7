//! The formats that hold the disk encoded, while they are written.

use super::encode::{Codec, Group, Sink};
use super::gce::Gce;
use super::ova::Archive;
use super::qcow2::{self, Compression};
use super::stream::RawZst;
use super::vmdk::stream::{Params, Stream};
use super::{Cuts, Filled, Job, Target};
use crate::error::Result;
use crate::profile::Format;
use crate::progress::Progress;

/// An artifact that takes the encoded disk.
#[derive(Debug)]
pub struct Writer<'a> {
    file: File<'a>,
    cuts: Cuts,
}

/// The formats.
#[derive(Debug)]
enum File<'a> {
    /// A compressed qcow2.
    Qcow2(qcow2::Image<'a>),
    /// A streamOptimized VMDK.
    Vmdk(Stream<'a>),
    /// An appliance with such a VMDK in it.
    Ova(Archive<'a>),
    /// A raw disk in zstd.
    RawZst(RawZst<'a>),
    /// A raw disk in a tar in gzip.
    Gce(Gce<'a>),
}

impl<'a> Writer<'a> {
    /// Starts a format's artifact; none for one that holds the disk's bytes unencoded.
    pub fn new(job: &Job<'a>, format: Format, target: Target<'a>) -> Result<Option<Self>> {
        let qcow2 =
            |compression| File::Qcow2(qcow2::Image::new(job.disk.size(), target, compression));
        let file = match format {
            Format::Qcow2 => qcow2(Compression::Deflate),
            Format::Qcow2Zstd => qcow2(Compression::Zstd),
            Format::Vmdk => File::Vmdk(vmdk(job, target)?),
            Format::Ova => File::Ova(Archive::new(job, target)?),
            Format::RawZst => File::RawZst(RawZst::new(target)),
            Format::Gce => File::Gce(Gce::new(job.disk.size(), target)?),
            Format::Raw
            | Format::Qcow2Plain
            | Format::VmdkSparse
            | Format::Vhd
            | Format::VhdDynamic
            | Format::Vhdx => return Ok(None),
        };
        Ok(Some(Self { file, cuts: Cuts::default() }))
    }

    /// Writes what is known only at the end; returns the file's digest, too, if it is known by now.
    pub fn finish(self, progress: &dyn Progress) -> Result<Filled> {
        let Self { file, cuts } = self;
        let digest = match file {
            File::Qcow2(image) => image.finish().map(|()| None)?,
            File::Vmdk(stream) => stream.finish().map(|_| None)?,
            File::Ova(archive) => archive.finish(progress)?,
            File::RawZst(stream) => stream.finish().map(|()| None)?,
            File::Gce(gce) => gce.finish().map(|()| None)?,
        };
        Ok(Filled { digest, cuts })
    }

    /// The end of what was put so far, in bytes from the file's start.
    fn end(&self) -> u64 {
        match &self.file {
            File::Qcow2(image) => image.end(),
            File::Vmdk(stream) => stream.end(),
            File::Ova(archive) => archive.end(),
            File::RawZst(stream) => stream.end(),
            File::Gce(gce) => gce.end(),
        }
    }
}

fn vmdk<'a>(job: &Job<'a>, target: Target<'a>) -> Result<Stream<'a>> {
    let name = format!("{}.vmdk", job.machine.name);
    let (size, id) = (job.disk.size(), job.machine.id("vmdk"));
    Stream::new(&Params { size, id, name: &name, base: 0 }, target)
}

impl Sink for Writer<'_> {
    fn codec(&self) -> Codec {
        match &self.file {
            File::Qcow2(image) => image.codec(),
            File::Vmdk(stream) => stream.codec(),
            File::Ova(archive) => archive.codec(),
            File::RawZst(stream) => stream.codec(),
            File::Gce(gce) => gce.codec(),
        }
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        match &mut self.file {
            File::Qcow2(image) => image.put(group),
            File::Vmdk(stream) => stream.put(group),
            File::Ova(archive) => archive.put(group),
            File::RawZst(stream) => stream.put(group),
            File::Gce(gce) => gce.put(group),
        }?;
        // in front of it there may be a table by now
        let start = self.end() - group.bytes.length();
        self.cuts.group(self.codec(), group, start);
        Ok(())
    }
}
