//! The shortest codes for what is to be written, none longer than 16 bits (ITU-T T.81, K.2).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Longest code that the format allows.
const MAX_BITS: usize = 16;

/// Codes of one table.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    /// How many codes have 1, 2, … 16 bits.
    pub(super) lengths: [u8; MAX_BITS],
    /// Symbols in the order of their codes.
    pub(super) symbols: Vec<u8>,
    /// Code and its length, by symbol.
    pub(super) by_symbol: [(u16, u8); 256],
}

impl Codes {
    /// For symbols that occur this often. The code of ones alone stays free, as the format asks.
    pub(super) fn new(counts: &[u32; 256]) -> Self {
        let bits = limited(code_lengths(counts));
        let mut symbols: Vec<u8> = (0..=255).filter(|&symbol| counts[usize::from(symbol)] > 0).collect();
        // Frequent ones first, so that they get the short codes.
        symbols.sort_by_key(|&symbol| (Reverse(counts[usize::from(symbol)]), symbol));
        let mut by_symbol = [(0, 0); 256];
        let mut next = symbols.iter();
        let mut code = 0_u16;
        for (length, &count) in (1_u8..).zip(&bits) {
            for &symbol in next.by_ref().take(usize::from(count)) {
                by_symbol[usize::from(symbol)] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
        Self { lengths: bits, symbols, by_symbol }
    }
}

/// How many codes have each length, from 1, as Huffman's tree gives them; one more symbol than there are stands for
/// the code of ones alone.
fn code_lengths(counts: &[u32; 256]) -> Vec<u32> {
    let mut heap = BinaryHeap::new();
    let mut parents: Vec<usize> = Vec::new();
    for count in std::iter::once(1).chain(counts.iter().copied().filter(|&count| count > 0)) {
        heap.push(Reverse((u64::from(count), parents.len())));
        parents.push(usize::MAX);
    }
    let leaves = parents.len();
    while let (Some(Reverse((one, a))), Some(Reverse((other, b)))) = (heap.pop(), heap.pop()) {
        let parent = parents.len();
        (parents[a], parents[b]) = (parent, parent);
        parents.push(usize::MAX);
        heap.push(Reverse((one + other, parent)));
        if heap.len() == 1 {
            break;
        }
    }
    // Parents come after their children: depths from the root down.
    let mut depths = vec![0_usize; parents.len()];
    for node in (0..parents.len()).rev() {
        if let Some(&parent) = depths.get(parents[node]) {
            depths[node] = parent + 1;
        }
    }
    let mut lengths = vec![0; 64];
    for &depth in &depths[..leaves] {
        lengths[depth.clamp(1, 64) - 1] += 1;
    }
    lengths
}

/// Codes beyond 16 bits change places with shorter ones, then the code of ones alone, one of the longest, goes.
fn limited(mut lengths: Vec<u32>) -> [u8; MAX_BITS] {
    for long in (MAX_BITS..lengths.len()).rev() {
        while lengths[long] > 0 {
            // Two siblings go: their parent's place is a code, and a shorter code makes room for two longer ones.
            let shorter = (0..long - 1).rev().find(|&length| lengths[length] > 0);
            let shorter = shorter.expect("a tree with a code of 17 bits has a code that is shorter by two");
            lengths[long] -= 2;
            lengths[long - 1] += 1;
            lengths[shorter] -= 1;
            lengths[shorter + 1] += 2;
        }
    }
    if let Some(longest) = lengths.iter().rposition(|&count| count > 0) {
        lengths[longest] -= 1;
    }
    std::array::from_fn(|at| lengths[at] as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(counts: &[u32; 256]) {
        let codes = Codes::new(counts);
        let used = counts.iter().filter(|&&count| count > 0).count();
        assert_eq!(codes.lengths.iter().map(|&count| usize::from(count)).sum::<usize>(), used);
        // Kraft: prefixes are free, and ones alone are not used.
        let sum: u64 =
            (1..).zip(&codes.lengths).map(|(length, &count)| u64::from(count) << (16 - length)).sum();
        assert!(sum < 1 << 16, "{sum}");
        for (symbol, &count) in counts.iter().enumerate() {
            assert_eq!(codes.by_symbol[symbol].1 > 0, count > 0, "symbol {symbol}");
        }
    }

    #[test]
    fn one_symbol_has_one_bit_and_none_has_none() {
        let mut counts = [0; 256];
        check(&counts);
        counts[7] = 3;
        check(&counts);
        assert_eq!(Codes::new(&counts).by_symbol[7], (0, 1));
    }

    #[test]
    fn counts_that_grow_as_fibonacci_stay_within_sixteen_bits() {
        let mut counts = [0; 256];
        let (mut a, mut b) = (1, 1);
        for count in counts.iter_mut().take(40) {
            *count = a;
            (a, b) = (b, a + b);
        }
        check(&counts);
    }

    proptest! {
        #[test]
        fn any_counts_have_codes(counts in proptest::collection::vec(prop_oneof![Just(0_u32), 0_u32..1_000_000], 256)) {
            check(&counts.try_into().unwrap());
        }
    }
}
