//! Decides where blocks end: a block of its own must pay for its header.

use super::symbols::{DISTANCES, END, FIRST_LENGTH, LENGTH_SYMBOLS, LITERALS, SHORTEST, Token};

/// Blocks end at multiples of this many tokens: fewer say little about the best codes, and each
/// step costs the time of two estimates.
const STEP: usize = 2048;
/// Bits that an additional block must save by its codes. A header takes 500 to 700; the rest allows
/// for estimates that no code of whole bits can reach (measured: between 600 and 1,000 the length
/// stays the same, and fewer blocks are faster).
const WORTH: u32 = 900;

/// How often each symbol occurs in a block.
#[derive(Clone, Debug)]
pub struct Counts {
    pub literals: [u32; LITERALS],
    pub distances: [u32; DISTANCES],
    /// The number of tokens, and of the bytes that they stand for.
    pub tokens: usize,
    pub bytes: usize,
}

impl Counts {
    /// Counts these tokens, and the end of a block.
    fn of(tokens: &[Token]) -> Self {
        // the same symbol often comes twice in a row: the second is counted in the other table, so
        // as not to wait for the first sum
        let mut kinds = [[0u16; Token::KINDS]; 2];
        let mut distances = [[0u16; DISTANCES]; 4];
        let (fours, rest) = tokens.as_chunks::<4>();
        for four in fours {
            for (i, token) in four.iter().enumerate() {
                kinds[i % 2][token.kind()] += 1;
                distances[i][token.distance()] += 1;
            }
        }
        for token in rest {
            kinds[0][token.kind()] += 1;
            distances[0][token.distance()] += 1;
        }
        let kind = |kind: usize| u32::from(kinds[0][kind]) + u32::from(kinds[1][kind]);
        let distance = |symbol| match symbol {
            Token::NOWHERE => 0,
            _ => distances.iter().map(|part| u32::from(part[symbol])).sum(),
        };
        let mut literals = [0; LITERALS];
        literals[END] = 1;
        let mut bytes = 0;
        for (byte, count) in literals[..END].iter_mut().enumerate() {
            *count = kind(byte);
            bytes += *count;
        }
        for (past, symbol) in LENGTH_SYMBOLS.iter().enumerate() {
            let count = kind(Token::FIRST_MATCH + past);
            literals[FIRST_LENGTH + usize::from(*symbol)] += count;
            bytes += count * (SHORTEST + past) as u32;
        }
        let distances = std::array::from_fn(distance);
        Self { literals, distances, tokens: tokens.len(), bytes: bytes as usize }
    }

    /// Both blocks joined.
    fn with(&self, next: &Self) -> Self {
        let mut both = self.clone();
        both.literals.iter_mut().zip(next.literals).for_each(|(sum, count)| *sum += count);
        both.literals[END] = 1;
        both.distances.iter_mut().zip(next.distances).for_each(|(sum, count)| *sum += count);
        both.tokens += next.tokens;
        both.bytes += next.bytes;
        both
    }

    /// Bits of the symbols with ideal codes, in units of 1/[`UNIT`]: Shannon's entropy.
    fn entropy(&self) -> u32 {
        let of = |counts: &[u32]| {
            let all: u32 = counts.iter().sum();
            weight(all).saturating_sub(counts.iter().map(|count| weight(*count)).sum())
        };
        of(&self.literals) + of(&self.distances)
    }
}

/// Logarithms are counted in this fraction of a bit, as integers, since not all machines agree on
/// those of floating-point numbers.
const UNIT: u32 = 1 << UNIT_BITS;
const UNIT_BITS: u32 = 8;
/// The number of precomputed logarithms.
const LOGARITHMS: usize = 1 << 10;

/// Logarithms to the base 2. That of zero is zero, as entropy needs it.
static LOG2: [u16; LOGARITHMS] = {
    let mut all = [0; LOGARITHMS];
    let mut number = 1;
    while number < LOGARITHMS {
        let whole = number.ilog2();
        // with 31 bits after the point; the integer part of the square is the logarithm's next bit
        let mut rest = (number as u64) << (31 - whole);
        let mut log = whole;
        let mut bit = 0;
        while bit < UNIT_BITS {
            rest = (rest * rest) >> 31;
            let next = rest >> 32;
            log = log << 1 | next as u32;
            rest >>= next;
            bit += 1;
        }
        all[number] = log as u16;
        number += 1;
    }
    all
};

/// A count times its logarithm.
#[inline(always)]
fn weight(count: u32) -> u32 {
    if (count as usize) < LOGARITHMS {
        return count * u32::from(LOG2[count as usize]);
    }
    // the highest ten bits are enough
    let shift = count.ilog2() + 1 - LOGARITHMS.ilog2();
    let log = LOG2[(count >> shift) as usize % LOGARITHMS];
    count * (u32::from(log) + shift * UNIT)
}

/// The blocks of a cluster, at least one. A step joins the block before it unless the two are
/// shorter apart.
pub fn split(tokens: &[Token]) -> Vec<Counts> {
    let mut blocks = Vec::new();
    let first = step(tokens);
    let mut block = Counts::of(&tokens[..first]);
    let mut entropy = block.entropy();
    let mut done = first;
    while done < tokens.len() {
        let left = &tokens[done..];
        let next = Counts::of(&left[..step(left)]);
        done += next.tokens;
        let (both, apart) = (block.with(&next), next.entropy());
        let together = both.entropy();
        if together < entropy + apart + WORTH * UNIT {
            (block, entropy) = (both, together);
        } else {
            blocks.push(std::mem::replace(&mut block, next));
            entropy = apart;
        }
    }
    blocks.push(block);
    blocks
}

/// The number of tokens in the next step; no short remainder is left for the last.
fn step(tokens: &[Token]) -> usize {
    if tokens.len() < STEP + STEP / 2 { tokens.len() } else { STEP }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right_to_their_last_bit() {
        for (number, log) in LOG2.iter().enumerate().skip(1) {
            let exact = (number as f64).log2() * f64::from(UNIT);
            let difference = exact - f64::from(*log);
            assert!((-0.01..1.01).contains(&difference), "{number}: {difference}");
        }
    }

    #[test]
    fn weights_of_large_counts_are_close() {
        for count in [1024, 1500, 4095, 65_537] {
            let exact = f64::from(count) * f64::from(count).log2() * f64::from(UNIT);
            assert!((f64::from(weight(count)) / exact - 1.0).abs() < 0.001, "{count}");
        }
    }

    #[test]
    fn one_kind_of_data_is_one_block_and_two_kinds_are_two() {
        let of = |bytes: std::ops::Range<u8>| bytes.map(Token::literal).cycle().take(4 * STEP);
        let same: Vec<_> = of(0..64).chain(of(0..64)).collect();
        assert_eq!(split(&same).len(), 1);
        let two: Vec<_> = of(0..64).chain(of(128..192)).collect();
        let blocks = split(&two);
        assert_eq!(blocks.iter().map(|b| b.tokens).collect::<Vec<_>>(), [4 * STEP; 2]);
        assert_eq!(blocks.iter().map(|b| b.bytes).collect::<Vec<_>>(), [4 * STEP; 2]);
    }

    #[test]
    fn nothing_is_one_empty_block() {
        let blocks = split(&[]);
        assert_eq!((blocks.len(), blocks[0].tokens, blocks[0].bytes), (1, 0, 0));
    }
}
