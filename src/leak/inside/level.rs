//! One layer of bytes: searched while it is read.

use std::io::{self, BufRead, Read};

use super::state::State;
use crate::leak::scan::Stream;
use crate::units::KIB;

/// Bytes that are read at a time.
const PIECE: usize = 64 * KIB as usize;
/// Bytes that a name's rule looks at.
const START: usize = 4 * KIB as usize;

/// One layer.
pub(super) struct Level<'a> {
    from: &'a mut dyn Read,
    state: &'a State<'a>,
    buffer: Vec<u8>,
    /// How many of the buffer's bytes were taken.
    taken: usize,
    position: u64,
    ended: bool,
    /// What is found in it; none for the file itself, whose bytes are searched elsewhere.
    stream: Option<Stream>,
    start: Vec<u8>,
}

impl<'a> Level<'a> {
    /// The bytes of a member.
    pub fn new(from: &'a mut dyn Read, state: &'a State<'a>) -> Self {
        Self { stream: Some(Stream::default()), ..Self::outermost(from, state) }
    }

    /// The bytes of the file itself.
    pub fn outermost(from: &'a mut dyn Read, state: &'a State<'a>) -> Self {
        let (buffer, start) = (Vec::new(), Vec::new());
        Self { from, state, buffer, taken: 0, position: 0, ended: false, stream: None, start }
    }

    /// What was found, and the first bytes.
    pub fn finish(self) -> (Stream, Vec<u8>) {
        let mut stream = self.stream.unwrap_or_default();
        self.state.scanner.finish(&mut stream);
        (stream, self.start)
    }

    /// How many bytes were taken.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes, as many as `count` where there are so many; they are not taken.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.taken < count && !self.ended {
            self.more()?;
        }
        let rest = &self.buffer[self.taken..];
        Ok(&rest[..rest.len().min(count)])
    }

    /// Takes zeros, which fill up what is between archives.
    pub fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.fill_buf()?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let all = zeros > 0 && zeros == bytes.len();
            self.consume(zeros);
            if !all {
                return Ok(());
            }
        }
    }

    /// Takes as many bytes.
    pub fn exactly(&mut self, count: u64) -> io::Result<()> {
        match io::copy(&mut self.take(count), &mut io::sink())? {
            read if read == count => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn more(&mut self) -> io::Result<()> {
        self.state.check()?;
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + PIECE, 0);
        let read = self.from.read(&mut self.buffer[old..]);
        self.buffer.truncate(old + read.as_ref().copied().unwrap_or_default());
        let read = read?;
        self.ended = read == 0;
        if let Some(stream) = &mut self.stream {
            let bytes = &self.buffer[old..];
            let room = START.saturating_sub(self.start.len()).min(read);
            self.start.extend_from_slice(&bytes[..room]);
            self.state.scanner.push(stream, bytes);
            self.state.spend(read as u64)?;
        }
        Ok(())
    }
}

impl BufRead for Level<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.buffer.len() && !self.ended {
            self.more()?;
        }
        Ok(&self.buffer[self.taken..])
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
        self.position += count as u64;
    }
}

impl Read for Level<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}
