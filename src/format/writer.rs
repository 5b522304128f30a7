//! The formats that hold the disk encoded, while they are written.

use super::encode::{Codec, Group, Sink};
use super::gce::Gce;
use super::ova::Archive;
use super::qcow2::{self, Compression};
use super::stream::RawZst;
use super::vmdk::stream::{Params, Stream};
use super::{Job, Target};
use crate::error::Result;
use crate::profile::Format;
use crate::progress::Progress;
use crate::units::Digest;

/// An artifact that takes the encoded disk.
#[derive(Debug)]
pub enum Writer<'a> {
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
            |compression| Self::Qcow2(qcow2::Image::new(job.disk.size(), target, compression));
        Ok(match format {
            Format::Qcow2 => Some(qcow2(Compression::Deflate)),
            Format::Qcow2Zstd => Some(qcow2(Compression::Zstd)),
            Format::Vmdk => Some(Self::Vmdk(vmdk(job, target)?)),
            Format::Ova => Some(Self::Ova(Archive::new(job, target)?)),
            Format::RawZst => Some(Self::RawZst(RawZst::new(target))),
            Format::Gce => Some(Self::Gce(Gce::new(job.disk.size(), target)?)),
            Format::Raw
            | Format::Qcow2Plain
            | Format::VmdkSparse
            | Format::Vhd
            | Format::VhdDynamic
            | Format::Vhdx => None,
        })
    }

    /// Writes what is known only at the end; returns the file's digest if it is known by now.
    pub fn finish(self, progress: &dyn Progress) -> Result<Option<Digest>> {
        match self {
            Self::Qcow2(image) => image.finish()?,
            Self::Vmdk(stream) => stream.finish().map(drop)?,
            Self::Ova(archive) => return archive.finish(progress),
            Self::RawZst(stream) => stream.finish()?,
            Self::Gce(gce) => gce.finish()?,
        }
        Ok(None)
    }
}

fn vmdk<'a>(job: &Job<'a>, target: Target<'a>) -> Result<Stream<'a>> {
    let name = format!("{}.vmdk", job.machine.name);
    let (size, id) = (job.disk.size(), job.machine.id("vmdk"));
    Stream::new(&Params { size, id, name: &name, base: 0 }, target)
}

impl Sink for Writer<'_> {
    fn codec(&self) -> Codec {
        match self {
            Self::Qcow2(image) => image.codec(),
            Self::Vmdk(stream) => stream.codec(),
            Self::Ova(archive) => archive.codec(),
            Self::RawZst(stream) => stream.codec(),
            Self::Gce(gce) => gce.codec(),
        }
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        match self {
            Self::Qcow2(image) => image.put(group),
            Self::Vmdk(stream) => stream.put(group),
            Self::Ova(archive) => archive.put(group),
            Self::RawZst(stream) => stream.put(group),
            Self::Gce(gce) => gce.put(group),
        }
    }
}
