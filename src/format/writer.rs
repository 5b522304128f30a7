//! The formats that hold the disk encoded, while they are written.

use super::encode::{Codec, Event, Sink};
use super::qcow2::{self, Compression};
use super::{Job, Target};
use crate::error::Result;
use crate::profile::Format;
use crate::units::Digest;

/// An artifact that takes the encoded disk.
#[derive(Debug)]
pub enum Writer<'a> {
    /// A compressed qcow2.
    Qcow2(qcow2::Image<'a>),
}

impl<'a> Writer<'a> {
    /// Starts a format's artifact; none for one that holds the disk's bytes as they are.
    pub fn new(job: &Job<'a>, format: Format, target: Target<'a>) -> Result<Option<Self>> {
        let qcow2 =
            |compression| Self::Qcow2(qcow2::Image::new(job.disk.size(), target, compression));
        Ok(match format {
            Format::Qcow2 => Some(qcow2(Compression::Deflate)),
            Format::Qcow2Zstd => Some(qcow2(Compression::Zstd)),
            Format::Raw
            | Format::RawZst
            | Format::Qcow2Plain
            | Format::Vmdk
            | Format::VmdkSparse
            | Format::Ova
            | Format::Vhd
            | Format::VhdDynamic
            | Format::Vhdx
            | Format::Gce => None,
        })
    }

    /// Writes what is known only at the end; gives the file's digest when that is known now.
    pub fn finish(self) -> Result<Option<Digest>> {
        match self {
            Self::Qcow2(image) => image.finish().map(|()| None),
        }
    }
}

impl Sink for Writer<'_> {
    fn codec(&self) -> Codec {
        match self {
            Self::Qcow2(image) => image.codec(),
        }
    }

    fn put(&mut self, event: Event<'_>) -> Result<()> {
        match self {
            Self::Qcow2(image) => image.put(event),
        }
    }
}
