//! Huffman codes with a maximum length: lengths from counts, and the codes that RFC 1951 (3.2.2)
//! assigns to lengths.

/// Bits of the longest code of literals, lengths and distances (3.2.7).
pub const LONGEST: usize = 15;
/// Bits of the longest code of code lengths (3.2.7).
pub const LONGEST_OF_LENGTHS: usize = 7;
/// Symbols of the largest alphabet.
const SYMBOLS: usize = 288;
/// No tree is deeper: the smallest counts that make a depth of 32 are Fibonacci's numbers, which
/// come to millions of tokens.
const DEEPEST: usize = 32;

/// The length of each symbol's code in bits; 0 for symbols that do not occur.
///
/// Codes are complete. RFC 1951 (3.2.7) would allow an incomplete code for a lone symbol, but not
/// all readers accept it. So a second symbol gets a code then, as in zlib.
pub fn lengths<const N: usize>(counts: &[u32; N], longest: usize) -> [u8; N] {
    const { assert!(N <= SYMBOLS) };
    let mut lengths = [0; N];
    let mut leaves = [0; SYMBOLS];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        leaves[used] = count << 9 | symbol as u32;
        used += 1;
    }
    let leaves = &mut leaves[..used];
    if let [] | [_] = leaves {
        let symbol = leaves.first().map_or(0, |leaf| *leaf as usize % 512);
        lengths[symbol] = 1;
        lengths[usize::from(symbol == 0)] = 1;
        return lengths;
    }
    // by count, then by symbol: no two are equal
    leaves.sort_unstable();
    let mut at_depth = depths(leaves);
    limit(&mut at_depth, longest);
    // the rarest get the longest
    let mut rarest = leaves.iter();
    for depth in (1..=longest).rev() {
        for leaf in rarest.by_ref().take(at_depth[depth] as usize) {
            lengths[*leaf as usize % 512] = depth as u8;
        }
    }
    lengths
}

/// The number of leaves at each depth of the Huffman tree of these leaves, of which there are at
/// least two.
///
/// Moffat and Katajainen, "In-Place Calculation of Minimum-Redundancy Codes" (1995): the tree is
/// built in the array of the sorted counts, where a node that has a parent is replaced by the
/// parent's index.
fn depths(leaves: &[u32]) -> [u32; DEEPEST + 1] {
    let mut nodes = [0; SYMBOLS];
    let nodes = &mut nodes[..leaves.len()];
    nodes.iter_mut().zip(leaves).for_each(|(node, leaf)| *node = leaf >> 9);
    let inner = nodes.len() - 1;
    let (mut leaf, mut node) = (0, 0);
    for next in 0..inner {
        let mut sum = 0;
        for _ in 0..2 {
            if leaf == nodes.len() || node < next && nodes[node] < nodes[leaf] {
                sum += nodes[node];
                nodes[node] = next as u32;
                node += 1;
            } else {
                sum += nodes[leaf];
                leaf += 1;
            }
        }
        nodes[next] = sum;
    }
    // the last inner node is the root, and each parent comes after its children
    let mut inner_at = [0; DEEPEST + 1];
    nodes[inner - 1] = 0;
    inner_at[0] = 1;
    for i in (0..inner - 1).rev() {
        nodes[i] = nodes[nodes[i] as usize] + 1;
        inner_at[nodes[i] as usize] += 1;
    }
    // the children of inner nodes that are not inner nodes themselves are leaves
    std::array::from_fn(|depth| match depth {
        0 => 0,
        _ => 2 * inner_at[depth - 1] - inner_at[depth],
    })
}

/// Moves leaves that are too deep up, and others down to make room for them.
fn limit(at_depth: &mut [u32; DEEPEST + 1], longest: usize) {
    let deeper: u32 = at_depth[longest + 1..].iter().sum();
    if deeper == 0 {
        return;
    }
    at_depth[longest + 1..].fill(0);
    at_depth[longest] += deeper;
    // in units of the deepest leaf's share of all codes (Kraft's sum)
    let mut sum: u32 = (1..=longest).map(|depth| at_depth[depth] << (longest - depth)).sum();
    while sum > 1 << longest {
        // a leaf becomes an inner node with itself and one of the deepest as children
        let Some(depth) = (1..longest).rev().find(|depth| at_depth[*depth] > 0) else { return };
        at_depth[depth] -= 1;
        at_depth[depth + 1] += 2;
        at_depth[longest] -= 1;
        sum -= 1;
    }
}

/// The code of each symbol (3.2.2), with its bits reversed: codes are written from their highest
/// bit on (3.1.1).
pub fn codes<const N: usize>(lengths: &[u8; N]) -> [u16; N] {
    let mut next = [0u16; LONGEST + 2];
    for length in lengths.iter().filter(|length| **length > 0) {
        next[usize::from(*length) + 1] += 1;
    }
    for length in 1..next.len() {
        next[length] = next[length].wrapping_add(next[length - 1]) << 1;
    }
    lengths.map(|length| {
        if length == 0 {
            return 0;
        }
        let code = next[usize::from(length)];
        next[usize::from(length)] += 1;
        code.reverse_bits() >> (u16::BITS - u32::from(length))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::*;

    /// The share of all codes that these lengths take (Kraft's sum), in units of 2^-15.
    fn kraft(lengths: &[u8]) -> u32 {
        lengths.iter().filter(|l| **l > 0).map(|l| 1 << (LONGEST - usize::from(*l))).sum()
    }

    #[test]
    fn the_codes_of_the_example_in_the_specification_come_out() {
        // 3.2.2: ABCDEFGH with lengths (3, 3, 3, 3, 3, 2, 4, 4)
        let codes = codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let expected = [0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111];
        assert_eq!(codes, expected, "010, 011, 100, 101, 110, 00, 1110, 1111 from their ends");
    }

    #[test]
    fn a_lone_symbol_and_none_at_all_get_complete_codes() {
        assert_eq!(lengths(&[0, 0, 0], 7), [1, 1, 0]);
        assert_eq!(lengths(&[0, 0, 9], 7), [1, 0, 1]);
        assert_eq!(lengths(&[9, 0, 0], 7), [1, 1, 0]);
    }

    #[test]
    fn counts_that_grow_like_fibonaccis_numbers_stay_within_the_limit() {
        let mut counts = [1u32; 22];
        for i in 2..counts.len() {
            counts[i] = counts[i - 1] + counts[i - 2];
        }
        let free = lengths(&counts, 31);
        assert_eq!(free.iter().max(), Some(&21));
        for limit in [7, 15] {
            let lengths = lengths(&counts, limit);
            assert_eq!(lengths.iter().max(), Some(&(limit as u8)));
            assert_eq!(kraft(&lengths), 1 << LONGEST, "complete");
        }
    }

    /// The cost of an optimal code: the sum of the inner nodes of a tree that is built in the plain
    /// way.
    fn optimal(counts: &[u32]) -> u32 {
        let mut heap: Vec<u32> = counts.iter().copied().filter(|count| *count > 0).collect();
        let mut cost = 0;
        while heap.len() > 1 {
            heap.sort_unstable_by(|a, b| b.cmp(a));
            let sum = heap.pop().unwrap_or(0) + heap.pop().unwrap_or(0);
            cost += sum;
            heap.push(sum);
        }
        cost
    }

    proptest! {
        #[test]
        fn codes_are_complete_and_as_short_as_can_be(
            counts in prop::array::uniform32(prop_oneof![Just(0u32), 0..4u32, 0..2000u32]),
        ) {
            let used = counts.iter().filter(|c| **c > 0).count();
            let lengths = lengths(&counts, LONGEST);
            prop_assert_eq!(kraft(&lengths), 1 << LONGEST);
            if used > 1 {
                prop_assert!(counts.iter().zip(&lengths).all(|(c, l)| (*c > 0) == (*l > 0)));
                let cost: u32 = counts.iter().zip(&lengths).map(|(c, l)| c * u32::from(*l)).sum();
                prop_assert_eq!(cost, optimal(&counts));
            }
        }
    }
}
