//! Writes bits (RFC 1951, 3.1.1): the first bit is the lowest of the first byte.

/// Bytes that are written at a time. The buffer must have this many after the last one used.
pub const SLACK: usize = 8;

/// Bits on their way into a buffer.
#[derive(Debug)]
pub struct Bits<'o> {
    output: &'o mut [u8],
    /// The number of full bytes.
    at: usize,
    held: u64,
    count: u32,
}

impl<'o> Bits<'o> {
    /// The number of bits that a caller may add before it must flush.
    pub const ROOM: u32 = u64::BITS - 1;

    /// Starts at the buffer's start.
    pub fn new(output: &'o mut [u8]) -> Self {
        Self { output, at: 0, held: 0, count: 0 }
    }

    /// The number of bits held: less than eight after a flush.
    #[inline(always)]
    pub fn held(&self) -> u32 {
        self.count
    }

    /// Adds the `count` lowest bits of `value`; all its other bits must be zero.
    #[inline(always)]
    pub fn add(&mut self, value: u64, count: u32) {
        self.held |= value << self.count;
        self.count += count;
    }

    /// Writes all bytes that are full.
    #[inline(always)]
    pub fn flush(&mut self) {
        self.output[self.at..self.at + SLACK].copy_from_slice(&self.held.to_le_bytes());
        self.at += (self.count / 8) as usize;
        self.held >>= self.count & !7;
        self.count %= 8;
    }

    /// Adds bits and writes them.
    pub fn put(&mut self, value: u64, count: u32) {
        self.add(value, count);
        self.flush();
    }

    /// Continues at the next byte.
    pub fn align(&mut self) {
        self.count = self.count.next_multiple_of(8);
        self.flush();
    }

    /// Writes whole bytes; the position must be at the start of a byte.
    pub fn copy(&mut self, bytes: &[u8]) {
        self.output[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Pads the last byte, and returns the number of bytes.
    pub fn finish(mut self) -> usize {
        self.align();
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_fill_bytes_from_their_lowest_and_values_span_bytes() {
        let mut output = [0; 4 + SLACK];
        let mut bits = Bits::new(&mut output);
        bits.put(1, 1);
        bits.put(0b10, 2);
        bits.put(0x1FF, 9);
        bits.align();
        bits.copy(&[7]);
        bits.put(1, 1);
        assert_eq!(bits.finish(), 4);
        assert_eq!(output[..4], [0b1111_1101, 0b1111, 7, 1]);
    }
}
