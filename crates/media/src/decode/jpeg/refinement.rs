//! Scans that bring one bit more of coefficients: a bit for each that is not zero yet, and those that no longer are zero.
//!
//! Which ones are not zero is a mask, so that the bits of many are read at once, and those of coefficients that are not
//! kept are only counted.
#![expect(clippy::inline_always, reason = "see `bits`")]

use std::ops::Range;

use super::Damage;
use super::bits::Bits;
use super::coefficients::Coefficients;
use super::progressive::Ac;
use super::scan::Pass;

/// One bit more of a band.
pub(super) struct AcRefinement<'a>(pub(super) Ac<'a>);

impl Pass for AcRefinement<'_> {
    fn restart(&mut self) {
        self.0.empty = 0;
    }

    #[inline(always)]
    fn units(&mut self, bits: &mut Bits<'_>, row: usize, units: Range<usize>) -> Result<(), Damage> {
        let Self(ac) = self;
        let (first, last) = ac.band;
        let band = (u64::MAX << first) & (u64::MAX >> (63 - last));
        let step = 1_i16.wrapping_shl(ac.low);
        let Coefficients { size, places, kept, .. } = *ac.coefficients;
        let (values, used) = ac.coefficients.blocks(row, units);
        for (at, used) in used.iter_mut().enumerate() {
            let values = &mut values[at * size..][..size];
            let mut block = Block { values, places, kept, step };
            let mut left = band;
            if ac.empty == 0 {
                while left != 0 {
                    bits.need(32);
                    let code = ac.table.find(bits.held())?;
                    if let Some(more) = code.end() {
                        bits.skip(code.bits());
                        ac.empty = (1 << more) + bits.take(more) as usize;
                        break;
                    }
                    if code.size() > 1 {
                        return Err(Damage::WideRefinement);
                    }
                    let value = code.value(bits.held()) as i16;
                    bits.skip(code.bits());
                    let mut zeros = left & !*used;
                    for _ in 1..code.step() {
                        zeros &= zeros.wrapping_sub(1);
                    }
                    // The place of the new one, or of the last zero of a run, and all in front of it.
                    let place = zeros & zeros.wrapping_neg();
                    let passed = left & place.wrapping_sub(1);
                    block.refine(bits, passed & *used);
                    left &= !(passed | place);
                    if value != 0 {
                        if place == 0 {
                            return Err(Damage::BeyondBlock);
                        }
                        block.set(place.trailing_zeros(), value);
                        *used |= place;
                    }
                }
            }
            if ac.empty > 0 {
                block.refine(bits, left & *used);
                ac.empty -= 1;
            }
        }
        Ok(())
    }
}

/// The values of one block.
struct Block<'a> {
    values: &'a mut [i16],
    places: &'a [u8; 64],
    kept: u64,
    /// The bit that is brought.
    step: i16,
}

impl Block<'_> {
    /// A coefficient that was zero becomes the smallest of this sign.
    #[inline(always)]
    fn set(&mut self, at: u32, sign: i16) {
        if self.kept >> at & 1 != 0 {
            self.values[usize::from(self.places[at as usize & 63])] = sign * self.step;
        }
    }

    /// Reads a bit for each of these coefficients; where it is set, the value goes one step away from zero.
    #[inline(always)]
    fn refine(&mut self, bits: &mut Bits<'_>, which: u64) {
        if which != 0 {
            // At most 32 at a time.
            self.refine_some(bits, which & 0xFFFF_FFFF);
            if which >> 32 != 0 {
                self.refine_some(bits, which >> 32 << 32);
            }
        }
    }

    #[inline(always)]
    fn refine_some(&mut self, bits: &mut Bits<'_>, which: u64) {
        let count = which.count_ones();
        bits.need(count);
        let held = bits.held();
        bits.skip(count);
        let mut left = which & self.kept;
        while left != 0 {
            let below = (left & left.wrapping_neg()) - 1;
            let is_set = (held << ((which & below).count_ones() & 63)) >> 63;
            let value = &mut self.values[usize::from(self.places[left.trailing_zeros() as usize & 63])];
            let away = if *value < 0 { self.step.wrapping_neg() } else { self.step };
            *value = value.wrapping_add(if is_set != 0 { away } else { 0 });
            left &= left - 1;
        }
    }
}
