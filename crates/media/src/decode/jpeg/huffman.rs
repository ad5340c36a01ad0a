//! Huffman codes: one look at a table tells the symbol, how long it is, and how many bits of a value follow.
#![expect(clippy::inline_always, reason = "see `bits`")]

use super::Damage;

/// Codes up to this length, nearly all that occur, are found at the first look.
const LOOK: u32 = 10;
/// Longest code that the format allows.
const MAX_BITS: usize = 16;
/// Steps that lead out of a block: it ends, and with it perhaps more.
const END: u32 = 64;

/// What a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Symbols are the size of a difference.
    Dc,
    /// Symbols are a run of zeros and the size of the value behind them.
    Ac,
}

/// A code that was found: its length, the size of the value behind it, both together, and the step to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(u32);

impl Code {
    fn new(length: u32, symbol: u8, class: Class) -> Self {
        let (run, size) = match class {
            Class::Dc => (0, u32::from(symbol)),
            Class::Ac => (u32::from(symbol >> 4), u32::from(symbol & 15)),
        };
        let step = if size == 0 && run < 15 { END + run } else { run + 1 };
        Self((length + size) | (length << 8) | (size << 16) | (step << 24))
    }

    /// Bits of code and value, at most 31.
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 63
    }

    /// Bits of the code alone.
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        (self.0 >> 8) & 63
    }

    /// Bits of the value.
    #[inline(always)]
    pub(super) fn size(self) -> u32 {
        (self.0 >> 16) & 63
    }

    /// Coefficients from the last one to this one.
    #[inline(always)]
    pub(super) fn step(self) -> usize {
        (self.0 >> 24) as usize
    }

    /// Where no further coefficient follows: how many bits say how many more blocks that holds for.
    #[inline(always)]
    pub(super) fn end(self) -> Option<u32> {
        (self.0 >> 24).checked_sub(END)
    }

    /// The value behind the code that `held` begins with; values that begin with a zero are negative.
    #[inline(always)]
    pub(super) fn value(self, held: u64) -> i32 {
        let from = held << self.length();
        let bits = (from >> 1) >> (63 - self.size());
        let negative = !((from as i64) >> 63) as u64;
        (bits as i32).wrapping_sub((((1 << self.size()) - 1) & negative) as i32)
    }
}

/// One table.
#[derive(Clone, Debug)]
pub(super) struct Huffman {
    class: Class,
    /// By the next bits; 0 where the code is longer, or none.
    short: [u32; 1 << LOOK],
    /// By length: the first 16 bits that are beyond all codes of this length, and what leads from a code to its symbol.
    long: [(u32, u32); MAX_BITS + 1],
    symbols: [u8; 256],
}

impl Huffman {
    /// From how many codes have 1, 2, … 16 bits, and the symbols in their order.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn new(counts: &[u8; MAX_BITS], all: &[u8], class: Class) -> Result<Self, &'static str> {
        if class == Class::Dc && all.iter().any(|&symbol| symbol > 15) {
            return Err("a Huffman table with a difference of more than 15 bits");
        }
        let mut symbols = [0; 256];
        symbols.get_mut(..all.len()).ok_or("a Huffman table of more than 256 codes")?.copy_from_slice(all);
        let mut table = Self { class, short: [0; 1 << LOOK], long: [(0, 0); MAX_BITS + 1], symbols };
        let (mut code, mut first) = (0_u32, 0_u32);
        for (length, &count) in (1_u32..).zip(counts) {
            let count = u32::from(count);
            if code + count > 1 << length {
                return Err("a Huffman table with more codes than there are");
            }
            table.long[length as usize] = ((code + count) << (16 - length), first.wrapping_sub(code));
            if length <= LOOK {
                for (code, at) in (code..code + count).zip(first..) {
                    let entry = Code::new(length, symbols[at as usize & 255], class).0;
                    let low = (code << (LOOK - length)) as usize;
                    table.short[low..low + (1 << (LOOK - length))].fill(entry);
                }
            }
            first += count;
            code = (code + count) << 1;
        }
        Ok(table)
    }

    /// The code that these bits begin with.
    #[inline(always)]
    pub(super) fn find(&self, held: u64) -> Result<Code, Damage> {
        let short = self.short[(held >> (64 - LOOK)) as usize];
        if short == 0 { self.find_long(held) } else { Ok(Code(short)) }
    }

    #[cold]
    #[inline(never)]
    fn find_long(&self, held: u64) -> Result<Code, Damage> {
        let bits = (held >> 48) as u32;
        let longer = (LOOK + 1..=MAX_BITS as u32).find(|&length| bits < self.long[length as usize].0);
        let length = longer.ok_or(Damage::NoSuchCode)?;
        let at = (bits >> (16 - length)).wrapping_add(self.long[length as usize].1);
        Ok(Code::new(length, self.symbols[at as usize & 255], self.class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_codes_are_found() {
        // 0, 10, 110, … and two codes of 16 bits.
        let mut counts = [1; 16];
        counts[15] = 2;
        let symbols: Vec<u8> = (1..=17).collect();
        let table = Huffman::new(&counts, &symbols, Class::Ac).unwrap();
        for (at, symbol) in (0_u32..15).zip(1_u8..) {
            let held = !(u64::MAX >> at);
            let code = table.find(held).unwrap();
            assert_eq!(code, Code::new(at + 1, symbol, Class::Ac));
        }
        assert_eq!(table.find(0xFFFE << 48).unwrap().length(), 16);
        assert_eq!(table.find(0xFFFF << 48).unwrap(), Code::new(16, 17, Class::Ac));
    }

    #[test]
    fn values_are_those_of_the_standard() {
        let value = |size: u8, bits: u64| Code::new(3, size, Class::Dc).value(bits << (61 - size));
        assert_eq!(Code::new(3, 0, Class::Dc).value(u64::MAX), 0);
        assert_eq!([value(1, 1), value(1, 0)], [1, -1]);
        assert_eq!([value(3, 0b101), value(3, 0b010)], [5, -5]);
        assert_eq!([value(15, 0x7FFF), value(15, 0)], [32_767, -32_767]);
    }

    #[test]
    fn steps_tell_runs_from_ends() {
        let code = |symbol| Code::new(2, symbol, Class::Ac);
        assert_eq!((code(0x00).end(), code(0x70).end()), (Some(0), Some(7)));
        assert_eq!((code(0xF0).end(), code(0xF0).step()), (None, 16));
        assert_eq!((code(0x23).end(), code(0x23).step(), code(0x23).bits()), (None, 3, 5));
    }

    #[test]
    fn impossible_tables_are_refused_and_codes_that_are_none_are_damage() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Huffman::new(&counts, &[1, 2, 3], Class::Ac).is_err());
        counts[0] = 1;
        assert!(Huffman::new(&counts, &[16], Class::Dc).is_err());
        let table = Huffman::new(&counts, &[5], Class::Dc).unwrap();
        assert!(table.find(0).is_ok());
        assert!(matches!(table.find(u64::MAX), Err(Damage::NoSuchCode)));
    }
}
