//! Scans that bring the first coefficients of blocks, or the first bits of others.
#![expect(clippy::inline_always, reason = "see `bits`")]

use std::ops::Range;

use super::Damage;
use super::bits::Bits;
use super::coefficients::Coefficients;
use super::huffman::Huffman;
use super::scan::Pass;

/// One component of a scan of first coefficients.
pub(super) struct DcPart<'a> {
    /// None in scans that refine.
    pub(super) table: Option<&'a Huffman>,
    pub(super) coefficients: &'a mut Coefficients,
    /// Blocks across and down in a unit.
    pub(super) factors: (usize, usize),
    /// The first coefficient of the block before.
    pub(super) last: i32,
}

/// First coefficients: all but their lowest bits, or one bit more.
pub(super) struct Dc<'a> {
    pub(super) parts: Vec<DcPart<'a>>,
    /// The lowest bit that is brought.
    pub(super) low: u32,
}

impl Pass for Dc<'_> {
    fn restart(&mut self) {
        self.parts.iter_mut().for_each(|part| part.last = 0);
    }

    #[inline(always)]
    fn units(&mut self, bits: &mut Bits<'_>, row: usize, units: Range<usize>) -> Result<(), Damage> {
        for unit in units {
            for part in &mut self.parts {
                let (across, down) = part.factors;
                for at in 0..across * down {
                    let (column, row) = (unit * across + at % across, row * down + at / across);
                    let block = row * part.coefficients.across + column;
                    let first = &mut part.coefficients.firsts[block];
                    let Some(table) = part.table else {
                        *first |= (bits.take(1) << self.low) as i16;
                        continue;
                    };
                    bits.need(32);
                    let code = table.find(bits.held())?;
                    part.last = part.last.wrapping_add(code.value(bits.held()));
                    bits.skip(code.bits());
                    *first = (part.last << self.low) as i16;
                }
            }
        }
        Ok(())
    }
}

/// A band of the other coefficients of one component.
pub(super) struct Ac<'a> {
    pub(super) table: &'a Huffman,
    pub(super) coefficients: &'a mut Coefficients,
    /// First and last of the band, in the order of the file.
    pub(super) band: (usize, usize),
    /// The lowest bit that is brought.
    pub(super) low: u32,
    /// Blocks to come that bring nothing new.
    pub(super) empty: usize,
}

/// All but their lowest bits.
pub(super) struct AcFirst<'a>(pub(super) Ac<'a>);

impl Pass for AcFirst<'_> {
    fn restart(&mut self) {
        self.0.empty = 0;
    }

    #[inline(always)]
    fn units(&mut self, bits: &mut Bits<'_>, row: usize, units: Range<usize>) -> Result<(), Damage> {
        let Self(ac) = self;
        let Coefficients { size, places, kept, .. } = *ac.coefficients;
        let (values, used) = ac.coefficients.blocks(row, units);
        let mut block = 0;
        while block < used.len() {
            if ac.empty > 0 {
                let skipped = ac.empty.min(used.len() - block);
                ac.empty -= skipped;
                block += skipped;
                continue;
            }
            let values = &mut values[block * size..][..size];
            let mut found = 0_u64;
            let mut at = ac.band.0 - 1;
            while at < ac.band.1 {
                bits.need(32);
                let code = ac.table.find(bits.held())?;
                let value = code.value(bits.held());
                bits.skip(code.bits());
                if let Some(more) = code.end() {
                    ac.empty = (1 << more) - 1 + bits.take(more) as usize;
                    break;
                }
                at += code.step();
                if at > ac.band.1 {
                    if code.size() == 0 {
                        // A run of zeros where others write an end.
                        break;
                    }
                    return Err(Damage::BeyondBlock);
                }
                if code.size() > 0 {
                    found |= 1 << at;
                    if kept >> at & 1 != 0 {
                        values[usize::from(places[at & 63])] = (value << ac.low) as i16;
                    }
                }
            }
            used[block] |= found;
            block += 1;
        }
        Ok(())
    }
}
