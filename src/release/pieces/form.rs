//! How the bytes of a piece lie in a store.

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Kind, Result};
use crate::profile::Format;
use crate::units::{Digest, KIB};

/// zstd's level: what is stored once is read often. One level more takes twice the time for a hundredth.
const LEVEL: i32 = 3;

/// How the bytes of an image's pieces lie in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As they are.
    Plain,
    /// A zstd frame each.
    Zstd,
}

impl Form {
    /// What suits an image's format: one that is compressed gets no shorter.
    pub fn of(format: Format) -> Self {
        match format {
            Format::RawZst
            | Format::Qcow2
            | Format::Qcow2Zstd
            | Format::Vmdk
            | Format::Ova
            | Format::Gce => Self::Plain,
            Format::Raw
            | Format::Qcow2Plain
            | Format::VmdkSparse
            | Format::Vhd
            | Format::VhdDynamic
            | Format::Vhdx => Self::Zstd,
        }
    }

    /// What a piece's name in a store ends with: the same bytes in another form are another object.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Zstd => ".zst",
        }
    }

    /// Whether a piece of `length` bytes can take this many in a store. Each version of zstd has its own length.
    pub fn fits(self, length: u64, stored: u64) -> bool {
        match self {
            Self::Plain => stored == length,
            Self::Zstd => (1..=self.most(length)).contains(&stored),
        }
    }

    /// The most bytes that a piece of this length takes in a store.
    pub fn most(self, length: u64) -> u64 {
        match self {
            Self::Plain => length,
            // zstd's own bound is length + length / 256 and a little
            Self::Zstd => length + length / 128 + KIB,
        }
    }

    /// A piece's bytes as a store gets them.
    pub fn pack(self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(bytes),
            Self::Zstd => zstd::bulk::compress(&bytes, LEVEL).doing("cannot compress a piece"),
        }
    }

    /// A piece's bytes from what a store has: never more than the length that the list says, and exactly those that have
    /// the digest.
    ///
    /// # Errors
    /// [`Kind::Damaged`] when they are anything else.
    pub fn unpack(self, stored: Vec<u8>, length: u64, digest: Digest) -> Result<Vec<u8>> {
        let wrong = || Error::new(Kind::Damaged, format!("the piece {digest} has other bytes"));
        let bytes = match self {
            Self::Plain => stored,
            Self::Zstd => {
                zstd::bulk::decompress(&stored, length as usize).map_err(|e| wrong().because(e))?
            }
        };
        if bytes.len() as u64 == length && Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(wrong())
        }
    }
}
