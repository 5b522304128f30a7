//! gzip, xz and zstd: frames that follow each other are one file.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::Stream;

use super::kind::{HEAD, Kind};
use super::level::Level;
use crate::units::MIB;

/// Bytes that xz may take: `xz -9` needs 65 MiB (xz(1)).
const XZ_MEMORY: u64 = 96 * MIB;
/// The largest window of zstd, as a power of two: what its own program reads (zstd(1), --memory).
const WINDOW: u32 = 27;

/// The unpacked bytes. Behind the last frame, the layer stands where they end.
pub(super) struct Frames<'l, 'a> {
    decoder: Decoder<'l, 'a>,
    kind: Kind,
    /// Whether the bytes made no sense: where the layer stands then is not known.
    pub failed: bool,
    /// Where the frame begins: one that takes no bytes is none.
    began: u64,
}

enum Decoder<'l, 'a> {
    Gzip(GzDecoder<&'l mut Level<'a>>),
    Xz(XzDecoder<&'l mut Level<'a>>),
    Zstd(zstd::Decoder<'static, &'l mut Level<'a>>),
    Ended,
}

impl<'l, 'a> Frames<'l, 'a> {
    pub fn new(level: &'l mut Level<'a>, kind: Kind) -> io::Result<Self> {
        let began = level.position();
        Ok(Self { decoder: Decoder::new(level, kind)?, kind, failed: false, began })
    }
}

impl<'l, 'a> Decoder<'l, 'a> {
    fn new(level: &'l mut Level<'a>, kind: Kind) -> io::Result<Self> {
        Ok(match kind {
            Kind::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, 0)?;
                Self::Xz(XzDecoder::new_stream(level, stream))
            }
            Kind::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(level)?.single_frame();
                decoder.window_log_max(WINDOW)?;
                Self::Zstd(decoder)
            }
            Kind::Gzip | Kind::Tar | Kind::Cpio | Kind::Zip => Self::Gzip(GzDecoder::new(level)),
        })
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(out),
            Self::Xz(decoder) => decoder.read(out),
            Self::Zstd(decoder) => decoder.read(out),
            Self::Ended => Ok(0),
        }
    }

    fn into_inner(self) -> Option<&'l mut Level<'a>> {
        match self {
            Self::Gzip(decoder) => Some(decoder.into_inner()),
            Self::Xz(decoder) => Some(decoder.into_inner()),
            Self::Zstd(decoder) => Some(decoder.finish()),
            Self::Ended => None,
        }
    }
}

impl Read for Frames<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoder.read(out).inspect_err(|_| self.failed = true)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            let ended = std::mem::replace(&mut self.decoder, Decoder::Ended);
            let Some(level) = ended.into_inner() else { return Ok(0) };
            if level.position() == self.began {
                return Ok(0);
            }
            self.began = level.position();
            if Kind::of(level.peek(HEAD)?) != Some(self.kind) {
                return Ok(0);
            }
            self.decoder = Decoder::new(level, self.kind)?;
        }
    }
}
