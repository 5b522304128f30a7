//! The lengths of a block's own codes, in the form of its header (RFC 1951, 3.2.7).

use super::bits::Bits;
use super::huffman::{self, LONGEST_OF_LENGTHS};
use super::symbols::{DISTANCES, FIRST_LENGTH, LITERALS};

/// Symbols of the code of code lengths.
const SYMBOLS: usize = 19;
/// The order in which the lengths of that code are written.
const ORDER: [usize; SYMBOLS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The smallest number of lengths that are written: of that code, of literals and lengths, and of
/// distances.
const LEAST: usize = 4;
const LEAST_LITERALS: usize = FIRST_LENGTH;
const LEAST_DISTANCES: usize = 1;
/// Bits of the three counts of lengths, and of a length of the code of code lengths.
const LITERALS_BITS: u32 = 5;
const DISTANCES_BITS: u32 = 5;
const COUNT_BITS: u32 = 4;
const LENGTH_BITS: u32 = 3;

/// A symbol that stands for a run: the least and the most repetitions, and the number of bits for
/// the count.
struct Run {
    symbol: u8,
    least: usize,
    most: usize,
    bits: u32,
}

/// The previous length again.
const AGAIN: Run = Run { symbol: 16, least: 3, most: 6, bits: 2 };
/// Zeros.
const ZEROS: Run = Run { symbol: 17, least: 3, most: 10, bits: 3 };
/// Many zeros.
const MANY_ZEROS: Run = Run { symbol: 18, least: 11, most: 138, bits: 7 };

/// A symbol of the code of code lengths with the bits that follow it.
#[derive(Clone, Copy, Debug)]
struct Item {
    symbol: u8,
    extra: u8,
    bits: u8,
}

/// A header.
#[derive(Clone, Debug)]
pub struct Header {
    literals: usize,
    distances: usize,
    items: Vec<Item>,
    /// The code of code lengths, and the number of its lengths that are written.
    lengths: [u8; SYMBOLS],
    written: usize,
}

impl Header {
    /// Describes two codes.
    pub fn new(literals: &[u8; LITERALS], distances: &[u8; DISTANCES]) -> Self {
        let used = |lengths: &[u8]| lengths.iter().rposition(|l| *l > 0).map_or(0, |i| i + 1);
        let (literal, distance) =
            (used(literals).max(LEAST_LITERALS), used(distances).max(LEAST_DISTANCES));
        // both form one sequence: runs continue from one to the other
        let mut all = [0; LITERALS + DISTANCES];
        all[..literal].copy_from_slice(&literals[..literal]);
        all[literal..literal + distance].copy_from_slice(&distances[..distance]);
        let items = items(&all[..literal + distance]);
        let mut counts = [0; SYMBOLS];
        items.iter().for_each(|item| counts[usize::from(item.symbol)] += 1);
        let lengths = huffman::lengths(&counts, LONGEST_OF_LENGTHS);
        let written = ORDER.iter().rposition(|symbol| lengths[*symbol] > 0);
        let written = written.map_or(LEAST, |i| LEAST.max(i + 1));
        Self { literals: literal, distances: distance, items, lengths, written }
    }

    /// Its length in bits.
    pub fn bits(&self) -> u32 {
        let items = self.items.iter();
        let items = items.map(|i| u32::from(self.lengths[usize::from(i.symbol)] + i.bits));
        let counts = LITERALS_BITS + DISTANCES_BITS + COUNT_BITS;
        counts + LENGTH_BITS * self.written as u32 + items.sum::<u32>()
    }

    /// Writes it.
    pub fn write(&self, bits: &mut Bits<'_>) {
        bits.add((self.literals - LEAST_LITERALS) as u64, LITERALS_BITS);
        bits.add((self.distances - LEAST_DISTANCES) as u64, DISTANCES_BITS);
        bits.put((self.written - LEAST) as u64, COUNT_BITS);
        for symbol in &ORDER[..self.written] {
            bits.put(u64::from(self.lengths[*symbol]), LENGTH_BITS);
        }
        let codes = huffman::codes(&self.lengths);
        for item in &self.items {
            let symbol = usize::from(item.symbol);
            bits.add(u64::from(codes[symbol]), u32::from(self.lengths[symbol]));
            bits.put(u64::from(item.extra), u32::from(item.bits));
        }
    }
}

/// Replaces runs by their symbols.
fn items(lengths: &[u8]) -> Vec<Item> {
    let mut items = Vec::with_capacity(lengths.len());
    for run in lengths.chunk_by(|a, b| a == b) {
        let plain = Item { symbol: run[0], extra: 0, bits: 0 };
        let mut left = run.len();
        let shorten = |run: Run, left: &mut usize, items: &mut Vec<Item>| {
            while *left >= run.least {
                let times = run.most.min(*left);
                let extra = (times - run.least) as u8;
                items.push(Item { symbol: run.symbol, extra, bits: run.bits as u8 });
                *left -= times;
            }
        };
        if run[0] == 0 {
            shorten(MANY_ZEROS, &mut left, &mut items);
            shorten(ZEROS, &mut left, &mut items);
        } else {
            items.push(plain);
            left -= 1;
            shorten(AGAIN, &mut left, &mut items);
        }
        items.extend(std::iter::repeat_n(plain, left));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expands items as a reader does.
    fn expand(items: &[Item]) -> Vec<u8> {
        let mut lengths = Vec::new();
        for item in items {
            let (value, least) = match item.symbol {
                16 => (*lengths.last().unwrap(), AGAIN.least),
                17 => (0, ZEROS.least),
                18 => (0, MANY_ZEROS.least),
                length => (length, 1),
            };
            assert!(u32::from(item.extra) < 1 << item.bits);
            lengths.extend(std::iter::repeat_n(value, least + usize::from(item.extra)));
        }
        lengths
    }

    #[test]
    fn runs_of_any_length_come_back() {
        for value in [0, 9] {
            for length in 1..=316 {
                let mut lengths = vec![5];
                lengths.extend(std::iter::repeat_n(value, length));
                lengths.push(4);
                assert_eq!(expand(&items(&lengths)), lengths, "{length} times {value}");
            }
        }
    }

    #[test]
    fn a_header_is_as_long_as_it_says() {
        let mut literals = [0; LITERALS];
        literals[..256].fill(9);
        literals[256..280].fill(7);
        for distances in [[0; DISTANCES], [5; DISTANCES]] {
            let header = Header::new(&literals, &distances);
            let mut output = [0; 512];
            let mut bits = Bits::new(&mut output);
            header.write(&mut bits);
            assert_eq!(bits.finish(), header.bits().div_ceil(8) as usize);
        }
    }
}
