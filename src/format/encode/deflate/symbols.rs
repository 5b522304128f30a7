//! The alphabets of deflate (RFC 1951, 3.2.5), and the tokens that a cluster consists of before it
//! is coded.

/// The shortest and the longest repetition (3.2.5).
pub const SHORTEST: usize = 3;
pub const LONGEST: usize = 258;
/// The farthest distance. RFC 1951 allows 32 KiB; QEMU writes and inflates with a window of 12
/// bits, and readers that inflate in pieces rely on it.
pub const WINDOW: usize = 1 << 12;

/// Symbols of literals and lengths, the last two of which never occur (3.2.6).
pub const LITERALS: usize = 288;
/// The symbol that ends a block, and the first of the lengths (3.2.5).
pub const END: usize = 256;
pub const FIRST_LENGTH: usize = 257;
/// Symbols of distances, the last two of which never occur (3.2.6).
pub const DISTANCES: usize = 32;
/// The first length of each symbol, and the number of bits that follow it (3.2.5).
pub const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The symbol of each length, counted from [`SHORTEST`] and from [`FIRST_LENGTH`].
pub static LENGTH_SYMBOLS: [u8; 256] = {
    let mut symbols = [0; 256];
    let mut symbol = 0;
    while symbol < LENGTHS.len() {
        // each fills up to 258, and the next overwrites the rest: 258 has a symbol of its own
        let mut length = LENGTHS[symbol].0 as usize;
        while length <= LONGEST {
            symbols[length - SHORTEST] = symbol as u8;
            length += 1;
        }
        symbol += 1;
    }
    symbols
};

/// The symbol of each distance in the window, counted from a distance of one.
static DISTANCE_SYMBOLS: [u8; WINDOW] = {
    let mut symbols = [0; WINDOW];
    let mut distance = 0;
    while distance < WINDOW {
        // two symbols for each power of two: its halves
        symbols[distance] = match distance {
            0..4 => distance as u8,
            _ => {
                let power = distance.ilog2();
                (2 * power) as u8 + (distance >> (power - 1)) as u8 % 2
            }
        };
        distance += 1;
    }
    symbols
};

/// The number of bits that follow a distance's symbol (3.2.5).
pub const fn distance_bits(symbol: usize) -> u32 {
    (symbol as u32 / 2).saturating_sub(1)
}

/// The first distance of a symbol, minus one (3.2.5).
pub const fn distance_base(symbol: usize) -> u32 {
    match symbol {
        0..2 => symbol as u32,
        _ => (2 + symbol as u32 % 2) << distance_bits(symbol),
    }
}

/// A literal or a repetition, in a form that is counted and coded without distinguishing them.
///
/// | bits | what |
/// | --- | --- |
/// | 0..9 | the literal, or 256 plus the length minus [`SHORTEST`] |
/// | 9..21 | the distance minus one |
/// | 24..29 | the distance's symbol; [`Token::NOWHERE`] for literals |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token(u32);

impl Token {
    /// Values of [`Token::kind`].
    pub const KINDS: usize = 512;
    /// The kind of the shortest repetition.
    pub const FIRST_MATCH: usize = 256;
    /// A literal's distance symbol: one that never occurs.
    pub const NOWHERE: usize = DISTANCES - 1;

    /// A literal.
    #[inline(always)]
    pub fn literal(byte: u8) -> Self {
        Self(u32::from(byte) | (Self::NOWHERE as u32) << 24)
    }

    /// A repetition of `length` bytes; `back` is the distance minus one.
    #[inline(always)]
    pub fn repetition(length: u32, back: u32) -> Self {
        let back = back % WINDOW as u32;
        let symbol = u32::from(DISTANCE_SYMBOLS[back as usize]);
        let kind = length + (Self::FIRST_MATCH - SHORTEST) as u32;
        Self(kind | back << 9 | symbol << 24)
    }

    /// Which literal or length it is.
    #[inline(always)]
    pub fn kind(self) -> usize {
        self.0 as usize % Self::KINDS
    }

    /// The distance minus one.
    #[inline(always)]
    pub fn back(self) -> u32 {
        (self.0 >> 9) % WINDOW as u32
    }

    /// The distance's symbol.
    #[inline(always)]
    pub fn distance(self) -> usize {
        (self.0 >> 24) as usize % DISTANCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_lies_between_its_symbols_first_and_the_next_ones() {
        for length in SHORTEST..=LONGEST {
            let (first, bits) = LENGTHS[usize::from(LENGTH_SYMBOLS[length - SHORTEST])];
            let past = length - usize::from(first);
            assert!(past < 1 << bits, "{length}");
        }
        assert_eq!(LENGTH_SYMBOLS[LONGEST - SHORTEST], 28, "not 284 with all bits set");
    }

    #[test]
    fn every_distance_lies_in_the_range_of_its_symbol() {
        for back in 0..WINDOW as u32 {
            let token = Token::repetition(3, back);
            assert_eq!(token.back(), back);
            let past = back - distance_base(token.distance());
            assert!(past < 1 << distance_bits(token.distance()), "{back}");
        }
        assert_eq!((distance_base(29) + 1, distance_bits(29)), (24577, 13), "the table's last row");
    }
}
