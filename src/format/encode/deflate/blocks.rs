//! Blocks: chooses the shortest of the three forms, and writes it (RFC 1951, 3.2.3).

use super::bits::Bits;
use super::header::Header;
use super::huffman::{self, LONGEST};
use super::split::Counts;
use super::symbols::{
    DISTANCES, END, FIRST_LENGTH, LENGTH_SYMBOLS, LENGTHS, LITERALS, SHORTEST, Token,
    distance_base, distance_bits,
};

/// Bits before each block: whether it is the last, and its form (3.2.3).
const LAST_BITS: u32 = 1;
const FORM_BITS: u32 = 2;
/// Values of the form.
const STORED: u64 = 0;
const FIXED: u64 = 1;
const OWN: u64 = 2;
/// Bits of a stored block's length and of its complement, and the largest length (3.2.4).
const STORED_BITS: u32 = 32;
const STORED_LONGEST: usize = 65_535;
/// The lengths of the fixed codes (3.2.6).
const FIXED_LITERALS: [u8; LITERALS] = {
    let mut lengths = [8; LITERALS];
    let mut symbol = 144;
    while symbol < 280 {
        lengths[symbol] = if symbol < 256 { 9 } else { 7 };
        symbol += 1;
    }
    lengths
};
const FIXED_DISTANCES: [u8; DISTANCES] = [5; DISTANCES];

/// How a block is coded.
#[derive(Clone, Debug)]
enum Form {
    /// Not at all.
    Stored,
    /// With the fixed codes that every reader knows.
    Fixed,
    /// With its own codes.
    Own(Box<Own>),
}

#[derive(Clone, Debug)]
struct Own {
    header: Header,
    literals: [u8; LITERALS],
    distances: [u8; DISTANCES],
}

/// A block before it is written.
#[derive(Clone, Debug)]
pub struct Block {
    /// The number of its tokens, and of the bytes that they stand for.
    tokens: usize,
    bytes: usize,
    form: Form,
    /// The bit of the stream after it.
    pub end: u32,
}

impl Block {
    /// Chooses the shortest form for a block that starts at this bit of the stream.
    pub fn plan(counts: &Counts, start: u32) -> Self {
        let literals = huffman::lengths(&counts.literals, LONGEST);
        let distances = huffman::lengths(&counts.distances, LONGEST);
        let header = Header::new(&literals, &distances);
        let extra = extra(counts);
        let symbols = |literals, distances| {
            dot(&counts.literals, literals) + dot(&counts.distances, distances) + extra
        };
        let coded = start + LAST_BITS + FORM_BITS;
        let own = coded + header.bits() + symbols(&literals, &distances);
        let fixed = coded + symbols(&FIXED_LITERALS, &FIXED_DISTANCES);
        let stored = match counts.bytes {
            0..=STORED_LONGEST => coded.next_multiple_of(8) + STORED_BITS + 8 * counts.bytes as u32,
            _ => u32::MAX,
        };
        let end = own.min(fixed).min(stored);
        let form = if stored == end {
            Form::Stored
        } else if fixed == end {
            Form::Fixed
        } else {
            Form::Own(Box::new(Own { header, literals, distances }))
        };
        Self { tokens: counts.tokens, bytes: counts.bytes, form, end }
    }

    /// Writes the block at the start of these tokens, which stand for the start of these bytes, and
    /// removes it from both.
    pub fn write<'o>(
        &self,
        last: bool,
        tokens: &mut &[Token],
        bytes: &mut &[u8],
        mut bits: Bits<'o>,
    ) -> Bits<'o> {
        let (own, plain);
        (own, *tokens) = tokens.split_at(self.tokens);
        (plain, *bytes) = bytes.split_at(self.bytes);
        bits.add(u64::from(last), LAST_BITS);
        match &self.form {
            Form::Stored => {
                bits.put(STORED, FORM_BITS);
                bits.align();
                let length = self.bytes as u16;
                bits.put(u64::from(length) | u64::from(!length) << 16, STORED_BITS);
                bits.copy(plain);
                bits
            }
            Form::Fixed => {
                bits.put(FIXED, FORM_BITS);
                Codes::new(&FIXED_LITERALS, &FIXED_DISTANCES).write(own, bits)
            }
            Form::Own(codes) => {
                bits.put(OWN, FORM_BITS);
                codes.header.write(&mut bits);
                Codes::new(&codes.literals, &codes.distances).write(own, bits)
            }
        }
    }
}

/// Total bits of symbols with these counts and codes of these lengths.
fn dot(counts: &[u32], lengths: &[u8]) -> u32 {
    counts.iter().zip(lengths).map(|(count, length)| count * u32::from(*length)).sum()
}

/// Total extra bits that follow symbols.
fn extra(counts: &Counts) -> u32 {
    let lengths = counts.literals[FIRST_LENGTH..].iter().zip(LENGTHS);
    let lengths = lengths.map(|(count, (_, bits))| count * u32::from(bits));
    let distances = counts.distances.iter().enumerate();
    lengths.chain(distances.map(|(symbol, count)| count * distance_bits(symbol))).sum()
}

/// The output for each token, including the extra bits that follow symbols.
struct Codes {
    /// The bits of each kind of token and, from bit [`Codes::KIND_SHIFT`] on, their number.
    kinds: [u32; Token::KINDS],
    distances: [Distance; DISTANCES],
    end: (u64, u32),
}

/// The output for a distance: `sum` plus the distance, shifted by `shift`, is the code with the
/// extra bits after it, `bits` altogether.
#[derive(Clone, Copy, Default)]
struct Distance {
    sum: u32,
    shift: u8,
    bits: u8,
}

impl Codes {
    /// A kind takes at most 20 bits: 15 of a code, and 5 extra bits.
    const KIND_SHIFT: u32 = 24;

    fn new(literals: &[u8; LITERALS], distances: &[u8; DISTANCES]) -> Self {
        let codes = huffman::codes(literals);
        let mut kinds = [0; Token::KINDS];
        for byte in 0..Token::FIRST_MATCH {
            kinds[byte] = u32::from(codes[byte]) | u32::from(literals[byte]) << Self::KIND_SHIFT;
        }
        for (past, symbol) in LENGTH_SYMBOLS.iter().enumerate() {
            let (first, extra) = LENGTHS[usize::from(*symbol)];
            let symbol = FIRST_LENGTH + usize::from(*symbol);
            let bits = u32::from(codes[symbol])
                | ((SHORTEST + past) as u32 - u32::from(first)) << literals[symbol];
            let count = u32::from(literals[symbol] + extra);
            kinds[Token::FIRST_MATCH + past] = bits | count << Self::KIND_SHIFT;
        }
        let codes_of_distances = huffman::codes(distances);
        // no bits for a symbol that does not occur, so that literals, which have such a distance,
        // get none
        let distance = |symbol: usize| match distances[symbol] {
            _ if symbol == Token::NOWHERE => Distance::default(),
            0 => Distance::default(),
            shift => Distance {
                sum: u32::from(codes_of_distances[symbol])
                    .wrapping_sub(distance_base(symbol) << shift),
                shift,
                bits: shift + distance_bits(symbol) as u8,
            },
        };
        let end = (u64::from(codes[END]), u32::from(literals[END]));
        Self { kinds, distances: std::array::from_fn(distance), end }
    }

    /// The bits of a token, and their number: at most 45.
    #[inline(always)]
    fn code(&self, token: Token) -> (u64, u32) {
        let kind = self.kinds[token.kind()];
        let distance = self.distances[token.distance()];
        let behind = (token.back() << (distance.shift % 32)).wrapping_add(distance.sum);
        let count = kind >> Self::KIND_SHIFT;
        let bits = kind % (1 << Self::KIND_SHIFT);
        (u64::from(bits) | u64::from(behind) << count, count + u32::from(distance.bits))
    }

    /// Writes tokens and the block's end.
    fn write<'o>(&self, tokens: &[Token], mut bits: Bits<'o>) -> Bits<'o> {
        let (pairs, rest) = tokens.as_chunks::<2>();
        for pair in pairs {
            let [(first, first_count), (second, second_count)] = pair.map(|t| self.code(t));
            bits.add(first, first_count);
            // both nearly always fit
            if bits.held() + second_count > Bits::ROOM {
                bits.flush();
            }
            bits.add(second, second_count);
            bits.flush();
        }
        for token in rest {
            let (code, count) = self.code(*token);
            bits.put(code, count);
        }
        bits.put(self.end.0, self.end.1);
        bits
    }
}
