//! Entropy-coded data as a row of bits.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the instructions found, and stays in registers"
)]

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGHS: u64 = ONES << 7;

/// A reader that stops in front of a marker and then gives zeros: whoever reads looks afterwards whether it was too much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest.
    held: u64,
    /// How many of them are good.
    count: u32,
    /// Zeros that were held behind the end.
    padding: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, held: 0, count: 0, padding: 0 }
    }

    /// Makes sure that `bits`, at most 56, are held.
    #[inline(always)]
    pub(super) fn need(&mut self, bits: u32) {
        if self.count < bits {
            self.refill();
        }
    }

    #[inline(always)]
    fn refill(&mut self) {
        if let Some(bytes) = self.data.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_be_bytes(*bytes);
            if !has_marker_byte(word) {
                // Whole bytes count; the bits of the next one that are held as well will be held again.
                self.held |= word >> (self.count & 63);
                let taken = (63 - self.count) >> 3;
                self.at += taken as usize;
                self.count += taken * 8;
                return;
            }
        }
        *self = self.refilled_bytewise();
    }

    /// Where a byte of ones is near, or the end. By value, so that the reader can stay in registers elsewhere.
    #[cold]
    #[inline(never)]
    fn refilled_bytewise(mut self) -> Self {
        while self.count <= 56 {
            let (byte, length) = match self.data.get(self.at) {
                Some(0xFF) => match self.data[self.at..].iter().position(|&byte| byte != 0xFF) {
                    // A zero behind it says that it is data.
                    Some(ones) if self.data[self.at + ones] == 0 => (0xFF, ones + 1),
                    _ => (0, 0),
                },
                Some(&byte) => (byte, 1),
                None => (0, 0),
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.at += length;
            self.count += 8;
            self.padding += if length == 0 { 8 } else { 0 };
        }
        self
    }

    /// The next bits, from the highest.
    #[inline(always)]
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Goes on by as many bits; they must be held.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.held <<= bits & 63;
        self.count -= bits & 63;
    }

    /// The next bits, at most 16.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        self.need(16);
        let taken = (self.held >> 1) >> (63 - (bits & 63));
        self.skip(bits);
        taken as u32
    }

    /// Whether more was read than there is.
    pub(super) fn is_overrun(&self) -> bool {
        self.count < self.padding
    }

    /// What follows; the next marker is in it.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.data[self.at.min(self.data.len())..]
    }
}

/// Whether one of the eight bytes is all ones.
#[inline(always)]
fn has_marker_byte(word: u64) -> bool {
    (!word).wrapping_sub(ONES) & word & HIGHS != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stuffed_zero_is_no_data_and_a_marker_ends_it() {
        let mut bits = Bits::new(&[0xAB, 0xFF, 0x00, 0xCD, 0xFF, 0xD9, 0x11]);
        assert_eq!([8, 8, 8].map(|length| bits.take(length)), [0xAB, 0xFF, 0xCD]);
        assert!(!bits.is_overrun());
        assert_eq!(bits.rest(), [0xFF, 0xD9, 0x11]);
        assert_eq!(bits.take(1), 0);
        assert!(bits.is_overrun());
    }

    #[test]
    fn fill_bytes_before_a_stuffed_zero_are_one_byte() {
        let mut bits = Bits::new(&[0xFF, 0xFF, 0xFF, 0x00, 0x12]);
        assert_eq!([8, 8].map(|length| bits.take(length)), [0xFF, 0x12]);
        assert!(!bits.is_overrun());
    }

    proptest! {
        #[test]
        fn bits_are_those_of_the_bytes(
            bytes in proptest::collection::vec(prop_oneof![Just(0xFF_u8), any::<u8>()], 0..60),
            lengths in proptest::collection::vec(0..=16_u32, 0..80),
        ) {
            let stuffed: Vec<u8> =
                bytes.iter().flat_map(|&byte| [byte, 0].into_iter().take(1 + usize::from(byte == 0xFF))).collect();
            let mut bits = Bits::new(&stuffed);
            let (mut at, total) = (0, bytes.len() as u32 * 8);
            for length in lengths {
                let expected = (at..at + length).fold(0, |value, bit| {
                    let byte = bytes.get(bit as usize / 8).copied().unwrap_or(0);
                    value << 1 | u32::from(byte >> (7 - bit % 8) & 1)
                });
                prop_assert_eq!(bits.take(length), expected);
                at += length;
                prop_assert_eq!(bits.is_overrun(), at > total);
            }
        }
    }
}
