//! From coefficients to symbols, and from symbols to bits. The same walk counts the symbols first and writes them then.

use super::huffman::Codes;

/// Sixteen zeros that are followed by more.
const SIXTEEN_ZEROS: u8 = 0xF0;
const END_OF_BLOCK: u8 = 0;

/// Quantized coefficients in the order of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) values: [i16; 64],
    /// A bit for each that is not zero, but the first.
    pub(super) used: u64,
}

impl Default for Block {
    fn default() -> Self {
        Self { values: [0; 64], used: 0 }
    }
}

/// Blocks of one component in the order of the scan.
pub(super) struct Component {
    pub(super) blocks: Vec<Block>,
    /// Blocks in one unit of the scan.
    pub(super) in_unit: usize,
    /// 0: luma, 1: chroma.
    pub(super) table: usize,
}

/// Takes symbols as they come: `table` is 0 and 1 for the direct and alternating current of luma, 2 and 3 of chroma;
/// `bits` are the low `length` bits that follow the symbol's code.
pub(super) trait Sink {
    fn symbol(&mut self, table: usize, symbol: u8, bits: u16, length: u8);
}

/// Walks the scan.
pub(super) fn each_symbol(components: &[Component], sink: &mut impl Sink) {
    let mut last = [0_i16; 3];
    let mut units: Vec<_> =
        components.iter().map(|c| (c.table * 2, c.blocks.chunks_exact(c.in_unit))).collect();
    loop {
        for ((table, blocks), last) in units.iter_mut().zip(&mut last) {
            let Some(unit) = blocks.next() else { return };
            for block in unit {
                let (category, bits) = magnitude(block.values[0] - *last);
                *last = block.values[0];
                sink.symbol(*table, category, bits, category);
                alternating(block, *table + 1, sink);
            }
        }
    }
}

#[inline]
fn alternating(block: &Block, table: usize, sink: &mut impl Sink) {
    let mut used = block.used;
    let mut behind = 1;
    while used != 0 {
        let at = used.trailing_zeros();
        used &= used - 1;
        let mut zeros = at - behind;
        while zeros > 15 {
            sink.symbol(table, SIXTEEN_ZEROS, 0, 0);
            zeros -= 16;
        }
        let (category, bits) = magnitude(block.values[at as usize]);
        sink.symbol(table, (zeros as u8) << 4 | category, bits, category);
        behind = at + 1;
    }
    if behind < 64 {
        sink.symbol(table, END_OF_BLOCK, 0, 0);
    }
}

/// How many bits the value needs, and these bits; a negative one is written as its complement.
#[inline]
fn magnitude(value: i16) -> (u8, u16) {
    let category = 16 - value.unsigned_abs().leading_zeros();
    let bits = if value < 0 { value.wrapping_sub(1) } else { value };
    (category as u8, bits as u16 & ((1_u32 << category) - 1) as u16)
}

/// Counts symbols.
pub(super) struct Statistics {
    counts: [[u32; 256]; 4],
}

impl Default for Statistics {
    fn default() -> Self {
        Self { counts: [[0; 256]; 4] }
    }
}

impl Statistics {
    pub(super) fn codes(&self) -> [Codes; 4] {
        std::array::from_fn(|table| Codes::new(&self.counts[table]))
    }
}

impl Sink for Statistics {
    #[inline]
    fn symbol(&mut self, table: usize, symbol: u8, _: u16, _: u8) {
        self.counts[table][usize::from(symbol)] += 1;
    }
}

/// Writes codes.
pub(super) struct Bits<'a> {
    file: Vec<u8>,
    codes: &'a [Codes; 4],
    /// The last `held` bits are still to be written.
    waiting: u64,
    held: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(file: Vec<u8>, codes: &'a [Codes; 4]) -> Self {
        Self { file, codes, waiting: 0, held: 0 }
    }

    /// Four bytes; a zero follows each byte of ones.
    fn write_four(&mut self) {
        self.held -= 32;
        let bytes = ((self.waiting >> self.held) as u32).to_be_bytes();
        if bytes.contains(&0xFF) {
            for byte in bytes {
                self.write(byte);
            }
        } else {
            self.file.extend_from_slice(&bytes);
        }
    }

    fn write(&mut self, byte: u8) {
        self.file.push(byte);
        if byte == 0xFF {
            self.file.push(0);
        }
    }

    /// Fills the last byte with ones.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let missing = (8 - self.held % 8) % 8;
        self.waiting = self.waiting << missing | ((1 << missing) - 1);
        self.held += missing;
        while self.held > 0 {
            self.held -= 8;
            self.write((self.waiting >> self.held) as u8);
        }
        self.file
    }
}

impl Sink for Bits<'_> {
    #[inline]
    fn symbol(&mut self, table: usize, symbol: u8, bits: u16, length: u8) {
        let (code, code_length) = self.codes[table].by_symbol[usize::from(symbol)];
        self.waiting = self.waiting << code_length | u64::from(code);
        self.waiting = self.waiting << length | u64::from(bits);
        self.held += u32::from(code_length + length);
        if self.held >= 32 {
            self.write_four();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_are_those_of_the_standard() {
        assert_eq!(magnitude(0), (0, 0));
        assert_eq!(magnitude(1), (1, 1));
        assert_eq!(magnitude(-1), (1, 0));
        assert_eq!(magnitude(5), (3, 0b101));
        assert_eq!(magnitude(-5), (3, 0b010));
        assert_eq!(magnitude(-1024), (11, 1023));
    }

    #[test]
    fn long_runs_of_zeros_are_cut_and_a_full_block_has_no_end() {
        struct Seen(Vec<u8>);
        impl Sink for Seen {
            fn symbol(&mut self, _: usize, symbol: u8, _: u16, _: u8) {
                self.0.push(symbol);
            }
        }
        let mut block = Block::default();
        block.values[40] = 2;
        block.used = 1 << 40;
        let mut seen = Seen(Vec::new());
        alternating(&block, 1, &mut seen);
        assert_eq!(seen.0, [0xF0, 0xF0, 0x72, 0]);
        block.values[63] = 1;
        block.used |= 1 << 63;
        let mut seen = Seen(Vec::new());
        alternating(&block, 1, &mut seen);
        assert_eq!(seen.0.last(), Some(&0x61));
    }
}
