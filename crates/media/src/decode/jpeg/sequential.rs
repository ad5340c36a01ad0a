//! Scans that bring whole blocks: each is drawn as soon as it is read.
#![expect(clippy::inline_always, reason = "see `bits`")]

use std::ops::Range;

use super::Damage;
use super::bits::Bits;
use super::huffman::Huffman;
use super::inverse::{Inverse, Rows};
use super::scan::Pass;
use super::target::Target;

/// One component of the scan.
pub(super) struct Part<'a, const N: usize> {
    pub(super) dc: &'a Huffman,
    pub(super) ac: &'a Huffman,
    pub(super) inverse: &'a Inverse<N>,
    pub(super) target: Target<'a>,
    /// Blocks across and down in a unit.
    pub(super) factors: (usize, usize),
    /// The first coefficient of the block before.
    pub(super) last: i32,
}

/// The scan.
pub(super) struct Sequential<'a, const N: usize> {
    pub(super) parts: Vec<Part<'a, N>>,
}

impl<const N: usize> Pass for Sequential<'_, N> {
    fn restart(&mut self) {
        self.parts.iter_mut().for_each(|part| part.last = 0);
    }

    #[inline(always)]
    fn units(&mut self, bits: &mut Bits<'_>, row: usize, units: Range<usize>) -> Result<(), Damage> {
        for unit in units {
            for part in &mut self.parts {
                let (across, down) = part.factors;
                for at in 0..across * down {
                    let (x, y) = if at < across { (at, 0) } else { (at % across, at / across) };
                    let mut block = Rows::new();
                    let is_even = part.block(bits, &mut block)?;
                    let (column, row) = (unit * across + x, row * down + y);
                    if !part.target.reaches::<N>(column, row) {
                        continue;
                    }
                    if is_even {
                        part.target.draw(&part.inverse.level(part.last as i16), column, row);
                    } else {
                        part.target.draw(&block.samples(), column, row);
                    }
                }
            }
        }
        Ok(())
    }
}

impl<const N: usize> Part<'_, N> {
    /// Reads a block into empty rows; whether it is even.
    #[inline(always)]
    fn block(&mut self, bits: &mut Bits<'_>, rows: &mut Rows<N>) -> Result<bool, Damage> {
        bits.need(32);
        let code = self.dc.find(bits.held())?;
        self.last = self.last.wrapping_add(code.value(bits.held()));
        bits.skip(code.bits());
        self.inverse.begin(rows, self.last as i16);
        let mut at = 0;
        while at < 63 {
            bits.need(32);
            let code = self.ac.find(bits.held())?;
            let value = code.value(bits.held());
            bits.skip(code.bits());
            let next = at + code.step();
            if next > 63 {
                if code.size() == 0 {
                    // An end, or a run of zeros where others write one.
                    break;
                }
                return Err(Damage::BeyondBlock);
            }
            at = next;
            self.inverse.add(rows, at, value as i16);
        }
        Ok(at == 0)
    }
}
