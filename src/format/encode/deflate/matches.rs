//! Finding repetitions.
//!
//! Two tables of hashed places: one of the hashes of [`LONG`] bytes, with the last two places of each, and
//! one of three bytes, with the last. So at most three earlier places are compared, and all three are before
//! it is asked what they are worth: on disks' data a branch that is guessed wrong costs more than the work
//! that it saves.

use super::symbols::{LONGEST, SHORTEST, Token, WINDOW};

/// Bytes of the longest input: places have 16 bits.
pub const MOST: usize = 1 << 16;
/// Bytes that are compared at a time.
const WORD: usize = 8;
/// Bytes of the longer hash (measured: with four or six the output is longer).
const LONG: usize = 5;
/// log2 of the entries of each table (measured: one less makes the output 0.4% longer, one more 0.2% shorter,
/// and slower by more than that is worth).
const HASH_BITS: u32 = 12;
const ENTRIES: usize = 1 << HASH_BITS;
/// The multiplier of hashes: 2^64 divided by the golden ratio, which spreads well.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
/// A match of this length is taken without a look at the other place that begins as well.
const LONG_ENOUGH: usize = 32;
/// Of a long match only the last places are remembered: the earlier ones lie in the window once more.
const REMEMBERED: usize = 32;
/// After this many literals in a row one place is left out before the next search, after twice as many two,
/// and so on up to [`LEFT_OUT`]: where so much did not repeat, hardly anything will.
const PATIENCE: usize = 32;
const LEFT_OUT: usize = 16;

/// Finds repetitions. What it keeps of one input does not reach the next.
pub struct Finder {
    bytes: [u8; MOST + WORD],
    /// The last place, and above it the one before.
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

/// A match: its length, and below it the place where the same bytes lie. So the largest is the longest one,
/// and of several the nearest.
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

    /// Replaces the tokens by those of an input of at most [`MOST`] bytes.
    pub fn find(&mut self, input: &[u8], tokens: &mut Vec<Token>) {
        self.bytes[..input.len()].copy_from_slice(input);
        self.long.fill(0);
        self.short.fill(0);
        tokens.clear();
        // a look reads a word, and goes one place ahead
        let end = input.len().saturating_sub(WORD);
        let done = self.search(input, end, tokens);
        tokens.extend(literals(&input[done..]));
    }

    /// Finds the tokens up to `end` or a match that goes past it, and tells where it stopped.
    ///
    /// A match waits for what the next place has: a longer one there is worth a literal.
    fn search(&mut self, input: &[u8], end: usize, tokens: &mut Vec<Token>) -> usize {
        if end == 0 {
            return 0;
        }
        // empty tables say that all was at place 0, which the first place must not refer to
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

    /// The best match of up to a word, among the places that are remembered, and remembers this one.
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

    /// How much of a word lies at another place too: nothing when it lies before the window.
    #[inline(always)]
    fn compare(&self, word: u64, window: u32, place: u16) -> Match {
        // the highest bit of a difference below zero, as a difference in the first byte
        let before = u32::from(place).wrapping_sub(window) >> (u32::BITS - 1);
        let differ = (self.word(place) ^ word) | u64::from(before);
        Match::new(differ.trailing_zeros() / u8::BITS, place)
    }

    /// A match that may go on behind its word, as far as it does.
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

    /// How many bytes, of which a word is known to be, are the same at both places.
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
        // what lies behind the input is not of it
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
