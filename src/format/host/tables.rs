//! Two-level tables that map a disk's pieces to their places in the file.

use std::ops::Range;

/// The second-level tables that any used piece needs, each with its index.
///
/// A table has `entries` entries of `N` bytes; `entry` gives the entry of the `n`-th used piece,
/// and unused pieces have an entry of zeros.
pub fn tables<const N: usize>(
    runs: &[Range<u64>],
    entries: u64,
    entry: impl Fn(u64) -> [u8; N],
) -> Vec<(u64, Vec<u8>)> {
    let mut tables: Vec<(u64, Vec<u8>)> = Vec::new();
    for (n, piece) in (0..).zip(runs.iter().cloned().flatten()) {
        let index = piece / entries;
        if tables.last().is_none_or(|(last, _)| *last != index) {
            tables.push((index, vec![0; entries as usize * N]));
        }
        if let Some((_, table)) = tables.last_mut() {
            let place = (piece % entries) as usize * N;
            table[place..place + N].copy_from_slice(&entry(n));
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_there_when_a_piece_of_it_is_used() {
        let tables = tables(&[1..3, 4..5, 12..13], 4, |n| [n as u8 + 10]);
        let expected = [(0, vec![0, 10, 11, 0]), (1, vec![12, 0, 0, 0]), (3, vec![13, 0, 0, 0])];
        assert_eq!(tables, expected);
    }
}
