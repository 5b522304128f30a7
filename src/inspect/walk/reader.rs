//! One file of the root, read as a program reads a file.

use std::io::{self, Read, Seek, SeekFrom};

use crate::error::{Error, Result};
use crate::inspect::ext::extents::{self, Run};
use crate::inspect::ext::volume::{Inode, Volume};

/// Where a file is read.
#[derive(Debug)]
pub struct FileReader<'a> {
    volume: &'a Volume,
    runs: Vec<Run>,
    size: u64,
    at: u64,
    failed: Option<Error>,
}

impl<'a> FileReader<'a> {
    pub(super) fn new(volume: &'a Volume, inode: &Inode) -> Result<Self> {
        let runs = extents::runs(volume, inode)?;
        Ok(Self { volume, runs, size: inode.size, at: 0, failed: None })
    }

    /// Why the image could not be read, which readers in between may have taken for damage of the file.
    pub fn failure(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    /// The bytes from here to the end of the run or of the hole, up to the buffer's length.
    fn some(&self, out: &mut [u8]) -> Result<usize> {
        let block = self.volume.block;
        let most = (self.size - self.at.min(self.size)).min(out.len() as u64);
        let behind = self.runs.partition_point(|run| (run.logical + run.length) * block <= self.at);
        let run = self.runs.get(behind);
        let Some(run) = run.filter(|run| run.logical * block <= self.at) else {
            let next = run.map_or(self.size, |run| run.logical * block);
            let count = most.min(next.saturating_sub(self.at)) as usize;
            out[..count].fill(0);
            return Ok(count);
        };
        let within = self.at - run.logical * block;
        let count = most.min(run.length * block - within) as usize;
        let place = self.volume.place(run.physical)? + within;
        self.volume.read(&mut out[..count], place)?;
        Ok(count)
    }
}

impl Read for FileReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.some(out) {
            Ok(count) => {
                self.at += count as u64;
                Ok(count)
            }
            Err(error) => {
                self.failed = Some(error);
                Err(io::Error::other("the image cannot be read"))
            }
        }
    }
}

impl Seek for FileReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(more) => self.size.checked_add_signed(more),
            SeekFrom::Current(more) => self.at.checked_add_signed(more),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
