//! Finds repetitions.
//!
//! There are two tables of hashed places: one for hashes of [`LONG`] bytes, with the last two
//! places of each, and one for hashes of three bytes, with the last place. So at most three earlier
//! places are compared, and all three are compared before they are rated: on disks' data, a
//! mispredicted branch costs more than the work that it saves.

use super::symbols::{LONGEST, SHORTEST, Token, WINDOW};

/// Bytes of the longest input: places have 16 bits.
pub const MOST: usize = 1 << 16;
/// Bytes that are compared at a time.
const WORD: usize = 8;
/// Bytes of the longer hash (measured: with four or six the output is longer).
const LONG: usize = 5;
/// log2 of the entries of each table (measured: one less makes the output 0.4% longer, one more
/// 0.2% shorter, and slower by more than that is worth).
const HASH_BITS: u32 = 12;
const ENTRIES: usize = 1 << HASH_BITS;
/// The multiplier of hashes: 2^64 divided by the golden ratio, which spreads well.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
/// A match of this length is taken without comparing the other place that begins equally well.
const LONG_ENOUGH: usize = 32;
/// Only the last places of a long match are remembered: the earlier ones are also elsewhere in the
/// window.
const REMEMBERED: usize = 32;
/// After this many literals in a row, one place is skipped before the next search; after twice as
/// many, two, and so on up to [`LEFT_OUT`]: where so much did not repeat, hardly anything will.
const PATIENCE: usize = 32;
const LEFT_OUT: usize = 16;

/// Finds repetitions. Nothing that it remembers of one input affects the next.
pub struct Finder {
    bytes: [u8; MOST + WORD],
    /// The last place in the low half, and the one before it in the high half.
    long: [u32; ENTRIES],
    short: [u16; ENTRIES],
}

/// What was found at a place.
#[derive(Clone, Copy)]
struct Found {
    /// The best match.
    best: Match,
    /// The places of the longer hash.
    places: u32,
}

/// A match: its length in the high bits, and the place of the same bytes in the low ones. So the
/// largest is the longest match, and among equally long ones the nearest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Match(u32);

impl Match {
    #[inline(always)]
    fn new(length: u32, place: u16) -> Self {
        Self(length << u16::BITS | u32::from(place))
    }

    #[inline(always)]
    fn length(self) -> usize {
        (self.0 >> u16::BITS) as usize
    }

    #[inline(always)]
    fn place(self) -> usize {
        usize::from(self.0 as u16)
    }
}

impl Finder {
    /// Allocates the tables.
    pub fn new() -> Box<Self> {
        Box::new(Self { bytes: [0; MOST + WORD], long: [0; ENTRIES], short: [0; ENTRIES] })
    }

    /// Replaces the tokens with those of an input of at most [`MOST`] bytes.
    pub fn find(&mut self, input: &[u8], tokens: &mut Vec<Token>) {
        self.bytes[..input.len()].copy_from_slice(input);
        self.long.fill(0);
        self.short.fill(0);
        tokens.clear();
        // a look reads a word, and looks one place ahead
        let end = input.len().saturating_sub(WORD);
        let done = self.search(input, end, tokens);
        tokens.extend(literals(&input[done..]));
    }

    /// Finds the tokens up to `end`, or up to the end of a match that goes past it, and returns
    /// where it stopped.
    ///
    /// A match is held back until the next place is checked: a longer one there is worth a literal.
    fn search(&mut self, input: &[u8], end: usize, tokens: &mut Vec<Token>) -> usize {
        if end == 0 {
            return 0;
        }
        // empty tables point to place 0, which the first place must not refer to
        self.look(0);
        let mut found = Found { best: Match(0), places: 0 };
        let (mut at, mut alone) = (0, 0);
        while at < end {
            let next = self.look(at + 1);
            if found.best.length() >= SHORTEST && next.best.length() <= found.best.length() {
                let best = self.whole(at, found, input.len());
                let (length, back) = (best.length(), at - best.place() - 1);
                tokens.push(Token::repetition(length as u32, back as u32));
                let rest = (at + 2).max((at + length).saturating_sub(REMEMBERED));
                (rest..end.min(at + length)).for_each(|place| self.remember(place));
                (at, alone) = (at + length, 0);
                if at < end {
                    found = self.look(at);
                }
                continue;
            }
            tokens.push(Token::literal(input[at]));
            (at, alone, found) = (at + 1, alone + 1, next);
            if alone >= PATIENCE && found.best.length() < SHORTEST {
                let out = (alone / PATIENCE).min(LEFT_OUT).min(end - at);
                tokens.extend(literals(&input[at..at + out]));
                at += out;
                found = self.look(at);
            }
        }
        at
    }

    /// Finds the best match of up to a word among the remembered places, and remembers this place.
    #[inline(always)]
    fn look(&mut self, at: usize) -> Found {
        let word = self.word(at as u16);
        let window = at.saturating_sub(WINDOW) as u32;
        let long = &mut self.long[hash::<LONG>(word)];
        let places = *long;
        *long = places << u16::BITS | u32::from(at as u16);
        let short = &mut self.short[hash::<SHORTEST>(word)];
        let last = *short;
        *short = at as u16;
        let best = self.compare(word, window, places as u16);
        let best = best.max(self.compare(word, window, (places >> u16::BITS) as u16));
        let best = best.max(self.compare(word, window, last));
        Found { best, places }
    }

    /// Remembers a place.
    #[inline(always)]
    fn remember(&mut self, at: usize) {
        let word = self.word(at as u16);
        let long = &mut self.long[hash::<LONG>(word)];
        *long = *long << u16::BITS | u32::from(at as u16);
        self.short[hash::<SHORTEST>(word)] = at as u16;
    }

    /// How much of a word is also at another place: nothing if that is before the window.
    #[inline(always)]
    fn compare(&self, word: u64, window: u32, place: u16) -> Match {
        // the sign bit of the difference counts as a difference in the first byte
        let before = u32::from(place).wrapping_sub(window) >> (u32::BITS - 1);
        let differ = (self.word(place) ^ word) | u64::from(before);
        Match::new(differ.trailing_zeros() / u8::BITS, place)
    }

    /// Extends a match that may continue beyond its word.
    #[inline(always)]
    fn whole(&self, at: usize, found: Found, end: usize) -> Match {
        if found.best.length() < WORD { found.best } else { self.extend(at, found, end) }
    }

    #[inline(never)]
    fn extend(&self, at: usize, found: Found, end: usize) -> Match {
        let most = LONGEST.min(end - at);
        let length = |place| Match::new(self.common(at, usize::from(place), most) as u32, place);
        let best = length(found.best.0 as u16);
        let (window, other) =
            (at.saturating_sub(WINDOW) as u32, (found.places >> u16::BITS) as u16);
        let compared = self.compare(self.word(at as u16), window, other);
        if best.length() >= LONG_ENOUGH || compared.length() < WORD {
            return best;
        }
        best.max(length(other))
    }

    /// The number of equal bytes at both places; the first word is known to be equal.
    #[inline(always)]
    fn common(&self, at: usize, place: usize, most: usize) -> usize {
        let word = |at: usize| {
            self.bytes[at..]
                .first_chunk()
                .map_or(0, |bytes: &[u8; WORD]| u64::from_le_bytes(*bytes))
        };
        let mut length = WORD;
        while length < most {
            let differ = word(at + length) ^ word(place + length);
            if differ != 0 {
                length += (differ.trailing_zeros() / u8::BITS) as usize;
                break;
            }
            length += WORD;
        }
        // bytes after the input do not count
        length.min(most)
    }

    #[inline(always)]
    fn word(&self, at: u16) -> u64 {
        let bytes = self.bytes[usize::from(at)..].first_chunk();
        bytes.map_or(0, |bytes: &[u8; WORD]| u64::from_le_bytes(*bytes))
    }
}

fn literals(bytes: &[u8]) -> impl Iterator<Item = Token> {
    bytes.iter().copied().map(Token::literal)
}

/// The hash of a word's first bytes.
#[inline(always)]
fn hash<const BYTES: usize>(word: u64) -> usize {
    let first = word << (u64::BITS as usize - BYTES * u8::BITS as usize);
    (first.wrapping_mul(MULTIPLIER) >> (u64::BITS - HASH_BITS)) as usize
}
